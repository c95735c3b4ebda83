"""Parts of a table worked on by several threads, their results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def workers() -> int:
    """Return how many threads rows are read by: ``pyarrow.set_cpu_count`` changes it."""
    import pyarrow as pa

    try:
        may = len(os.sched_getaffinity(0))
    except AttributeError:  # no Linux
        may = os.cpu_count() or 1
    return max(1, min(int(pa.cpu_count()), may))


def in_order(tasks: Iterable[Callable[[], T]], threads: int) -> Iterator[T]:
    """Yield the results of tasks in their order, a few of them worked on at a time.

    Parameters
    ----------
    tasks : iterable of callable
        Taken as they are needed: no more than one waits beside those that are worked on.
    threads : int

    Examples
    --------
    >>> list(in_order([lambda: 1, lambda: 2], 2))
    [1, 2]
    """
    if threads == 1:
        for task in tasks:
            yield task()
        return
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # An error of one of them, or Ctrl-C: the others are not begun.
        pool.shutdown(wait=True, cancel_futures=True)
