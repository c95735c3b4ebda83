"""Units of work on any executor of `concurrent.futures`: in order, and each until it is done.

One answer to every ``executor=``: threads, processes, Dask's ``client.get_executor()``, mpi4py's
``MPIPoolExecutor``. What all units have in common, such as the data, goes to a worker once, when it
asks for it (`hierglm.shipping`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import count
from typing import Any, TypeVar

from hierglm.dask_executor import LOOK, DaskExecutor, LostAnswer, is_dasks
from hierglm.errors import SettingsError, WorkerError
from hierglm.shipping import Missing, Parcel, work

Item = TypeVar("Item")
Answer = TypeVar("Answer")

TRIES = 3
"""How often a unit is begun whose worker dies."""
_AHEAD = 2
"""Units at or before each worker of a pool, so that none waits for the next."""
_WIDE = 64
"""Units in flight on an executor that does not say how many workers it has."""


def perform(
    task: Callable[[Item], Answer],
    items: Iterable[Item],
    executor: Executor | None = None,
    unit: str = "unit",
    told: Callable[[int], None] | None = None,
) -> Iterator[Answer]:
    """Yield what a task returns for each item, in order, here or where an executor sends it.

    A worker that dies loses nothing but time: its units are done again, those under suspicion
    one at a time, `TRIES` times at most. A pool of processes is broken then, by Python's rules;
    the rest is done in another one like it, and the caller's stays broken.

    Parameters
    ----------
    task : callable
        Takes an item; what it holds is sent to each worker once.
    items : iterable
        Read as they are wanted, a little ahead of what is done.
    executor : Executor, optional
        By default one item after the other, here.
    unit : str
        What an item is, in the words of an error: "fold".
    told : callable, optional
        Takes the number of units that are done, whenever that grows.

    Raises
    ------
    WorkerError
        If workers keep dying, an executor that cannot be replaced is broken, or a Dask cluster has
        had no worker for a quarter of an hour (after half a minute a warning says so).
    SettingsError
        If the executor is none, or if what is sent cannot be pickled.
    Exception
        Whatever the task raises, when it is the turn of its item; units that wait are cancelled.

    Examples
    --------
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(perform(str.upper, ["a", "b", "c"], pool))
    ['A', 'B', 'C']
    """
    if executor is None:
        for done, item in enumerate(items, start=1):
            answer = task(item)
            if told is not None:
                told(done)
            yield answer
        return
    if not callable(getattr(executor, "submit", None)):
        raise SettingsError(
            "executor= takes an executor of concurrent.futures, such as ThreadPoolExecutor(4) or "
            f"client.get_executor() of Dask, not {executor!r}"
        )
    crew = _Crew(task, executor, unit)
    try:
        yield from crew.answers(iter(items), told)
    finally:
        crew.leave()


class _Crew:
    """The units that an executor has, and what came of them."""

    def __init__(self, task: Callable[[Any], Any], executor: Executor, unit: str) -> None:
        executor = DaskExecutor(executor) if is_dasks(executor) else executor
        self._task, self._executor, self._unit = task, executor, unit
        self._given = executor
        workers = getattr(executor, "_max_workers", None)
        self._width = _AHEAD * workers if isinstance(workers, int) else _WIDE
        # Threads share what there is; all others may be in other processes.
        self._parcel = None if isinstance(executor, ThreadPoolExecutor) else Parcel(task)
        self._calls = count()
        # Workers that asked for the task; units that took it along; those that wait for these.
        self._asked: set[str] = set()
        self._laden: set[int] = set()
        self._held: list[int] = []
        self._items: dict[int, Any] = {}
        self._flying: dict[Future[Any], tuple[int, Executor]] = {}
        self._again: deque[int] = deque()
        self._begun: Counter[int] = Counter()
        self._ended: dict[int, Future[Any]] = {}

    def answers(self, items: Iterator[Any], told: Callable[[int], None] | None) -> Iterator[Any]:
        """Yield the answers in order."""
        turn, taken, more = 0, 0, True
        while True:
            while self._again and self._room():
                self._send(self._again.popleft())
            while more and not self._again and self._room():
                try:
                    self._items[taken] = next(items)
                except StopIteration:
                    more = False
                    break
                self._send(taken)
                taken += 1
            if not (self._flying or self._again or self._ended):
                return
            if self._flying:
                for future in self._landed():
                    self._take(future)
                if told is not None:
                    told(turn + len(self._ended))
            while turn in self._ended:
                yield self._ended.pop(turn).result()
                turn += 1

    def _landed(self) -> set[Future[Any]]:
        """Return units that have ended, of which there is one at least."""
        watch = self._executor.watch() if isinstance(self._executor, DaskExecutor) else None
        while True:
            done, _ = wait(
                self._flying, None if watch is None else LOOK, return_when=FIRST_COMPLETED
            )
            if done or watch is None:
                return done
            watch.look()

    def leave(self) -> None:
        """Cancel what waits, and close what was not the caller's."""
        for future in self._flying:
            future.cancel()
        if self._executor is not self._given:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _room(self) -> bool:
        # A unit that may be what kills is alone when it has its last try.
        last = any(self._begun[k] == TRIES - 1 for k in self._items)
        return len(self._flying) + len(self._held) < (1 if last else self._width)

    def _send(self, number: int, laden: bool = False) -> None:
        item, parcel = self._items[number], self._parcel
        sent = b"" if parcel is None else parcel.pickled(item)
        for _ in range(TRIES):
            try:
                if parcel is None:
                    future = self._executor.submit(self._task, item)
                else:
                    blob = parcel.blob if laden else None
                    key = (number, next(self._calls))
                    future = self._executor.submit(work, parcel.digest, blob, sent, key)
            except BrokenExecutor as error:
                self._replace(self._executor, error)
                continue
            self._flying[future] = (number, self._executor)
            if laden:
                self._laden.add(number)
            return
        raise WorkerError("new pools of processes break at once: see what their workers print")

    def _take(self, future: Future[Any]) -> None:
        number, executor = self._flying.pop(future)
        if number in self._laden:
            # A worker has the task now: units that waited for it need not take it along.
            self._laden.remove(number)
            self._again.extend(self._held)
            self._held.clear()
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, BrokenExecutor | LostAnswer):
            self._begun[number] += 1
            if self._begun[number] >= TRIES:
                raise WorkerError(
                    f"a worker died {TRIES} times while it had {self._unit} {number + 1}: memory "
                    "may not be enough for it"
                ) from error
            if isinstance(error, BrokenExecutor):
                self._replace(executor, error)
            self._again.append(number)
        elif any(kind.__name__ == "KilledWorker" for kind in type(error).__mro__):
            # Dask has tried again by itself, and suspects all units that such a worker had.
            if self._begun[number] < TRIES - 1:
                self._begun[number] = TRIES - 1
                self._again.append(number)
                return
            raise WorkerError(
                f"Dask's workers died while they had {self._unit} {number + 1}: memory may not be "
                f"enough for it ({error})"
            ) from error
        elif error is None and isinstance(future.result(), Missing):
            worker = future.result().worker
            if self._laden and worker in self._asked:
                self._held.append(number)
            else:
                self._asked.add(worker)
                self._send(number, laden=True)
        else:
            self._ended[number] = future
            del self._items[number]

    def _replace(self, broken: Executor, error: BrokenExecutor) -> None:
        """Go on in another pool like the one that broke, unless that was done already."""
        if broken is not self._executor:
            return
        if not isinstance(broken, ProcessPoolExecutor):
            raise WorkerError(
                f"the executor is broken, {type(broken).__name__}: {error}; make a new one and "
                "call again"
            ) from error
        names = {
            "mp_context": "_mp_context",
            "initializer": "_initializer",
            "initargs": "_initargs",
            "max_tasks_per_child": "_max_tasks_per_child",
        }
        own = {name: getattr(broken, held) for name, held in names.items() if hasattr(broken, held)}
        self._executor = ProcessPoolExecutor(getattr(broken, "_max_workers", None), **own)
        if broken is not self._given:
            broken.shutdown(wait=False)
