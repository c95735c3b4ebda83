"""Work on blocks of rows in threads, several at the same time, answers in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def in_threads(tasks: Iterable[tuple[K, Callable[[], V]]], threads: int) -> Iterator[tuple[K, V]]:
    """Yield keys and what their tasks return, in the order of the tasks.

    At most one task more than there are threads is held at a time.

    Parameters
    ----------
    tasks : iterable of (key, callable)
        Made one by one in the caller's thread.
    threads : int

    Examples
    --------
    >>> list(in_threads([("a", lambda: 1), ("b", lambda: 2)], 2))
    [('a', 1), ('b', 2)]
    """
    waiting: deque[tuple[K, Future[V]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for key, task in tasks:
            waiting.append((key, pool.submit(task)))
            if len(waiting) > threads:
                first, done = waiting.popleft()
                yield first, done.result()
        for key, done in waiting:
            yield key, done.result()
