"""Chains of one run, each by itself, several at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hierglm.engines.alongside import Alongside
from hierglm.engines.engine import ByChain, Settings
from hierglm.engines.run import Run
from hierglm.errors import SamplingError
from hierglm.program.fragment import Program

Report = Callable[[Mapping[str, Any]], None]


@contextmanager
def each_chain(
    engine: ByChain,
    program: Program,
    settings: Settings,
    have: Collection[int],
    show: Report,
    folder: Path | None = None,
) -> Iterator[Iterator[tuple[int, Run | SamplingError]]]:
    """Sample the chains that are not there yet; yield each as soon as it has ended.

    Parameters
    ----------
    engine : ByChain
    program : Program
    settings : Settings
        Of the whole run.
    have : collection of int
        Numbers of chains that are there.
    show : callable
        Takes the progress of all, see `hierglm.engines.progress.progress_bar`.
    folder : Path, optional
        Where large values may be, in place of memory; see `ByChain.chain`.

    Yields
    ------
    iterator of (int, Run or SamplingError)
        Number of the chain, and what came of it. An error within the ``with`` statement, or
        Ctrl-C, ends all of them.
    """
    together, lock = Alongside(), threading.Lock()
    total = settings.warmup + settings.draws

    def report(news: Mapping[str, Any]) -> None:
        with lock:
            show(news)

    def chain(number: int) -> Run | SamplingError:
        try:
            return engine.chain(program, settings, number, report, together, folder)
        except SamplingError as error:
            return error

    for number in have:
        show({"chain": number, "iteration": total, "total": total, "warmup": False})
    wanted = [k for k in range(1, settings.chains + 1) if k not in have]
    with ThreadPoolExecutor(max(1, min(settings.parallel, len(wanted)))) as pool:
        running = {pool.submit(chain, number): number for number in wanted}
        try:
            yield ((running[done], done.result()) for done in as_completed(running))
        except BaseException:
            # Ctrl-C, or a program that does not compile: nobody waits for the others.
            for waiting in running:
                waiting.cancel()
            together.end()
            raise
