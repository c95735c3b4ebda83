"""The recorded engine: replays draws that were stored, for tests and for teaching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from hierglm.draws.draws import Draws
from hierglm.engines.engine import Density, Settings
from hierglm.engines.run import Run
from hierglm.engines.stan_chains import read_chains
from hierglm.errors import EngineError, FileError
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program


@dataclass(frozen=True)
class RecordedEngine:
    """Hands back stored draws, whatever is asked.

    Parameters
    ----------
    source : Draws, path, or sequence of path
        Draws as they are; the CSV files that CmdStan wrote, one a chain; or the folder
        they lie in, taken in the order of their names.

    Raises
    ------
    FileError
        From `sample`, if there is no such file.

    Examples
    --------
    >>> RecordedEngine("no/such/folder").name
    'recorded'
    """

    source: Draws | str | PathLike[str] | Sequence[str | PathLike[str]]

    @property
    def name(self) -> str:
        """What stands in a fit's summary."""
        return "recorded"

    @property
    def abilities(self) -> frozenset[Ability]:
        """All: nothing is compiled."""
        return frozenset(Ability)

    @property
    def starts(self) -> bool:
        """Nothing is sampled."""
        return False

    def versions(self) -> Mapping[str, str]:
        """Return nothing: nothing is computed here."""
        return {}

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the recorded draws; settings are not looked at.

        Raises
        ------
        FileError
            If there is no such file.
        SamplingError
            If a file is not a whole output of CmdStan.
        EngineError
            If the program promises what was not recorded.
        """
        if isinstance(self.source, Draws):
            return self.source
        return self.run(program).labelled(program.outputs)

    def run(self, program: Program) -> Run:
        """Return what the files hold of this program, under Stan's own names."""
        return read_chains(self._files(), list(program.read))

    def open(self, program: Program) -> AbstractContextManager[Density]:
        """Refuse: draws have no density.

        Raises
        ------
        EngineError
            Always.
        """
        raise EngineError("recorded draws have no log density; use engine='embedded'")

    def _files(self) -> list[Path]:
        if isinstance(self.source, Draws):
            return []
        if not isinstance(self.source, str | PathLike):
            found = [Path(file) for file in self.source]
        else:
            path = Path(self.source)
            found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        missing = [str(file) for file in found if not file.is_file()]
        if missing or not found:
            what = missing[0] if missing else f"CSV file in {self.source}"
            raise FileError(f"no recorded draws: there is no {what}")
        return found
