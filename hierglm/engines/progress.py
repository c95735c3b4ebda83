"""One bar for all chains, in a terminal or a notebook; silent elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from hierglm.engines.engine import Settings
from hierglm.engines.notebook_bar import NotebookBar, kernel_shell


class _Bar(Protocol):
    def say(self, words: str) -> None: ...
    def reach(self, done: int, words: str) -> None: ...
    def close(self) -> None: ...


@contextmanager
def progress_bar(settings: Settings) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Show one bar while the ``with`` statement lasts; yields what takes the reports.

    Parameters
    ----------
    settings : Settings
        `progress` says whether: None shows it where stderr is a terminal or a notebook.

    Yields
    ------
    callable
        Takes a mapping with "chain" (from 1), "iteration", "total" and "warmup"; or with
        "say", words to show until sampling starts.

    Examples
    --------
    >>> with progress_bar(Settings(progress=False)) as report:
    ...     report({"chain": 1, "iteration": 10, "total": 20, "warmup": True})
    """
    if not _wanted(settings.progress):
        yield lambda _: None
        return
    each = settings.warmup + settings.draws
    reached = [0] * settings.chains
    warm = [settings.warmup > 0] * settings.chains
    bar = _bar(max(1, settings.chains * each), _words(warm, reached, each))

    def report(news: Mapping[str, Any]) -> None:
        if "say" in news:
            bar.say(news["say"])
            return
        chain = news["chain"] - 1
        step = min(news["iteration"], each) - reached[chain]
        if step <= 0:
            return
        reached[chain] += step
        warm[chain] = news["warmup"]
        bar.reach(sum(reached), _words(warm, reached, each))

    try:
        yield report
    finally:
        bar.close()


@contextmanager
def unit_bar(
    count: int, unit: str, progress: bool | None = None
) -> Iterator[Callable[[int], None]]:
    """Show how many units of work are done while the ``with`` statement lasts.

    Parameters
    ----------
    count : int
        All of them.
    unit : str
        What they are: "fold".
    progress : bool, optional
        As of `hierglm.engines.engine.Settings`.

    Yields
    ------
    callable
        Takes the number that are done, wherever it was done.

    Examples
    --------
    >>> with unit_bar(10, "fold", progress=False) as told:
    ...     told(1)
    """
    if not _wanted(progress) or not count:
        yield lambda _: None
        return
    bar = _bar(count, f"{unit}s: 0 of {count:,} ")
    try:
        yield lambda done: bar.reach(done, f"{unit}s: {done:,} of {count:,} ")
    finally:
        bar.close()


def _words(warm: list[bool], reached: list[int], each: int) -> str:
    """Say in two words where the slowest chain is."""
    chains = f"{len(warm)} chain{'s' if len(warm) > 1 else ''}"
    if all(r >= each for r in reached):
        return f"{chains}: done"
    return f"{chains}: {'warmup' if any(warm) else 'sampling'}"


def _wanted(progress: bool | None) -> bool:
    if progress is not None:
        return progress
    if sys.stderr is None:  # pythonw
        return False
    try:
        terminal = sys.stderr.isatty()
    except (AttributeError, ValueError):  # a stand-in, or closed
        terminal = False
    return terminal or kernel_shell() is not None


def _bar(total: int, words: str) -> _Bar:
    if kernel_shell() is not None:
        return NotebookBar(total, words)
    from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        # Without this tqdm starts a thread that outlives the bar.
        monitor_interval = 0

        def say(self, words: str) -> None:
            self.set_description_str(words)

        def reach(self, done: int, words: str) -> None:
            self.set_description_str(words, refresh=False)
            self.update(done - self.n)

    # A lock of its own: tqdm's default one is shared between processes, and makes a semaphore.
    Bar.set_lock(threading.RLock())
    shown = "{desc}{percentage:3.0f}%|{bar:30}| {elapsed} < {remaining}"
    bar: _Bar = Bar(
        total=total,
        desc=words,
        bar_format=shown,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
    )
    return bar
