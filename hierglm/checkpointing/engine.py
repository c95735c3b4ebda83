"""An engine that keeps every chain as soon as it is complete, and takes those that are kept."""

from __future__ import annotations

import warnings
from typing import Any

from hierglm.checkpointing.file import Checkpoint
from hierglm.checkpointing.identity import data_hash, text_hash
from hierglm.draws.draws import Draws
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.progress import progress_bar
from hierglm.engines.run import gathered
from hierglm.engines.together import each_chain
from hierglm.engines.wrapping import WrappedEngine, by_chain
from hierglm.errors import FileError, SamplingError
from hierglm.program.fragment import Program
from hierglm.writing import sweep


class KeepingEngine(WrappedEngine):
    """Samples with another engine, each chain in a process of its own.

    Draws are those of the other engine, bit for bit: its chains have random numbers of their
    own. Where the file cannot be written any more, such as on a full disk, sampling goes on,
    with a warning.

    Parameters
    ----------
    engine : Engine
    checkpoint : Checkpoint
        Of this run; its file is written at once, with the chains that it has, so that a place
        where none can be written is found out before hours are spent.

    Attributes
    ----------
    notes : list of str
        What was taken from the file, and what could not be kept.

    Raises
    ------
    SettingsError
        If the engine cannot sample chains by themselves.
    FileError
        If the file cannot be written.
    """

    def __init__(self, engine: Engine, checkpoint: Checkpoint) -> None:
        super().__init__(engine)
        self._by_chain, self._checkpoint = by_chain(engine, "checkpoint"), checkpoint
        self._steps = {name: dict(chains) for name, chains in checkpoint.steps.items()}
        self.notes: list[str] = []
        checkpoint.keep(self._steps)
        # A run is by itself at its checkpoint: nobody else is writing there.
        sweep(checkpoint.path, 0.0)
        taken = sum(map(len, self._steps.values()))
        if taken:
            chains = f"{taken} complete chain{'' if taken == 1 else 's'}"
            self.notes.append(f"{chains} taken from the checkpoint {checkpoint.path.name!r}")

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws, those that are kept among them.

        Raises
        ------
        CompileError, SamplingError
            As the other engine; `SamplingError` only where no chain came to its end.
        """
        # One step of a run differs from the next in its warmup, or in its program.
        told = (settings.warmup, settings.adapt_delta, data_hash(program.data))
        step = text_hash("\n".join([program.bare, *map(str, told)]))
        have = self._steps.setdefault(step, {})
        lost: dict[int, SamplingError] = {}
        with (
            progress_bar(settings) as show,
            each_chain(self._by_chain, program, settings, list(have), show) as chains,
        ):
            for number, found in chains:
                if isinstance(found, SamplingError):
                    lost[number] = found
                else:
                    have[number] = found
                    self._keep(number)
        return gathered(have, lost).labelled(program.outputs)

    def finish(self, fitted: Any) -> str:
        """Write the fit in place of the chains; return what a note is to say, or ""."""
        try:
            self._checkpoint.finish(fitted)
        except FileError as error:
            return self._warn(f"the fit is not in its checkpoint, whose chains it leaves: {error}")
        return ""

    def _keep(self, number: int) -> None:
        try:
            self._checkpoint.keep(self._steps)
        except FileError as error:
            self._warn(f"chain {number} is not in the checkpoint: {error}")

    def _warn(self, words: str) -> str:
        self.notes.append(words)
        warnings.warn(words, RuntimeWarning, stacklevel=2)
        return words
