"""An engine whose chains run on an executor of `concurrent.futures`: other processes, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hierglm.draws.draws import Draws
from hierglm.engines.alongside import Alongside
from hierglm.engines.engine import ByChain, Engine, Settings
from hierglm.engines.progress import unit_bar
from hierglm.engines.run import Run, gathered
from hierglm.engines.wrapping import WrappedEngine, by_chain
from hierglm.errors import SamplingError
from hierglm.executing import perform
from hierglm.program.fragment import Program


class SpreadingEngine(WrappedEngine):
    """Samples with another engine, each chain where an executor sends it.

    Draws are those of the other engine, bit for bit: its chains have random numbers of their
    own. The program and its data go to each worker once. A chain takes one thread, unless the
    settings ask for more threads than chains.

    Parameters
    ----------
    engine : Engine
    executor : Executor

    Raises
    ------
    SettingsError
        If the engine cannot sample chains by themselves.
    """

    def __init__(self, engine: Engine, executor: Executor) -> None:
        super().__init__(engine)
        self._by_chain, self._executor = by_chain(engine, "executor"), executor

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws.

        Raises
        ------
        CompileError, SamplingError
            As the other engine; `SamplingError` only where no chain came to its end.
        WorkerError
            If workers keep dying.
        """
        numbers = range(1, settings.chains + 1)
        with unit_bar(settings.chains, "chain", settings.progress) as told:
            task = partial(_chain, self._by_chain, program, _alone(settings))
            found = dict(
                zip(numbers, perform(task, numbers, self._executor, "chain", told), strict=True)
            )
        have = {k: run for k, run in found.items() if isinstance(run, Run)}
        lost = {k: error for k, error in found.items() if isinstance(error, SamplingError)}
        return gathered(have, lost).labelled(program.outputs)

    def chain(
        self,
        program: Program,
        settings: Settings,
        number: int,
        report: Callable[[Mapping[str, Any]], None],
        together: Alongside,
        folder: Path | None = None,
    ) -> Run:
        """Return one chain by itself; see `hierglm.engines.engine.ByChain`.

        It is in memory, whatever the folder: its worker may be on another machine.
        """
        task = partial(_chain, self._by_chain, program, _alone(settings))
        (found,) = perform(task, [number], self._executor, "chain")
        if isinstance(found, SamplingError):
            raise found
        total = settings.warmup + settings.draws
        report({"chain": number, "iteration": total, "total": total, "warmup": False})
        return found


def _alone(settings: Settings) -> Settings:
    """Return the settings of a chain that may share its machine with all others."""
    return replace(settings, threads=settings.threads or settings.chains, progress=False)


def _chain(
    engine: ByChain, program: Program, settings: Settings, number: int
) -> Run | SamplingError:
    try:
        return engine.chain(program, settings, number, lambda _: None, Alongside())
    except SamplingError as error:
        return error
