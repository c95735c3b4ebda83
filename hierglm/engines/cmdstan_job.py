"""A program that CmdStan has compiled, with its data, about to be run by one method or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hierglm.engines.child import Child
from hierglm.engines.data import to_json
from hierglm.engines.engine import Settings
from hierglm.engines.methods import Method, Pathfinder
from hierglm.engines.starts import starting_values
from hierglm.program.fragment import Program


@dataclass(frozen=True, slots=True)
class Job:
    """A compiled program with its data, ready for any method.

    Attributes
    ----------
    child : Child
        Runs cmdstan_worker.py, with a scratch folder that holds data.json.
    exe : str
        The compiled program.
    version : tuple of int
        Of its Stan; empty where it does not say.
    program : Program
    settings : Settings
    """

    child: Child
    exe: str
    version: tuple[int, ...]
    program: Program
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.child.scratch)

    @property
    def names(self) -> list[str]:
        """The Stan variables to read."""
        return list(self.program.read)

    def run(self, method: Method, arguments: Sequence[str], output: str, *more: str) -> list[str]:
        """Run one method; return what it said.

        Raises
        ------
        Failure
            If the program ended with an error.
        """
        settings = self.settings
        request = [
            *("id=1", "random", f"seed={settings.seed}", "data", f"file={self.folder}/data.json"),
            *self._start(method),
            *("output", f"file={self.folder / output}", *more, "refresh=0", "sig_figs=17"),
            f"method={method.name}",
            *arguments,
        ]
        task = {"task": "run", "exe": self.exe, "arguments": request}
        answer = self.child.ask({**task, "threads": settings.processors})
        return list(answer.facts["said"])

    def _start(self, method: Method) -> list[str]:
        if not self.program.start:
            return []
        file = self.folder / "init.json"
        paths = method.num_paths if isinstance(method, Pathfinder) else 1
        # Not at the centre itself: where nothing can be gained Stan's optimisers take it that
        # their line search has failed, and ADVI that all of its step sizes have.
        starts = starting_values(self.program, paths, self.settings.seed)
        for k, values in enumerate(starts, start=1):
            # Each of several paths finds the file with its own number.
            own = file.with_stem(f"init_{k}") if paths > 1 else file
            own.write_bytes(to_json(values))
        return [f"init={file}"] if starts else []
