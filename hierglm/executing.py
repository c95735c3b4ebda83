"""Units of work on any executor of `concurrent.futures`: in order, and each until it is done.

One answer to every ``executor=``: threads, processes, Dask's ``client.get_executor()``, mpi4py's
``MPIPoolExecutor``. What all units have in common, such as the data, goes to a worker once: a unit
carries only its fingerprint, and a worker that does not have it asks. Arrays that a unit shares
with it, such as the design of a simulated data set, are told by their numbers there.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import pickle
from collections import Counter, OrderedDict, deque
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
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, WorkerError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

TRIES = 3
"""How often a unit is begun whose worker dies."""
_AHEAD = 2
"""Units at or before each worker of a pool, so that none waits for the next."""
_WIDE = 64
"""Units in flight on an executor that does not say how many workers it has."""
_KEPT = 2
"""Tasks that a worker keeps; an earlier one is asked for again."""

_LARGE = 2**12
"""Bytes from which on an array of the task is not sent again in a unit."""

Arrays = list[NDArray[Any]]
_TASKS: OrderedDict[str, tuple[Callable[[Any], Any], Arrays]] = OrderedDict()


class _Sent(Enum):
    """What a worker says that has not got the task yet."""

    MISSING = "missing"


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
        If workers keep dying, or an executor that cannot be replaced is broken.
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
        self._task, self._executor, self._unit = task, executor, unit
        self._given = executor
        workers = getattr(executor, "_max_workers", None)
        self._width = _AHEAD * workers if isinstance(workers, int) else _WIDE
        # Threads share what there is; all others may be in other processes.
        self._arrays: Arrays = []
        self._known: dict[int, int] = {}
        self._blob: bytes | None = None
        if not isinstance(executor, ThreadPoolExecutor):
            body = self._pickled(task, learn=True)
            frozen = [not array.flags.writeable for array in self._arrays]
            self._blob = pickle.dumps((self._arrays, frozen, body), pickle.HIGHEST_PROTOCOL)
        self._digest = hashlib.sha256(self._blob).hexdigest() if self._blob else ""
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
                done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
                if told is not None:
                    told(turn + len(self._ended))
            while turn in self._ended:
                yield self._ended.pop(turn).result()
                turn += 1

    def leave(self) -> None:
        """Cancel what waits, and close what was not the caller's."""
        for future in self._flying:
            future.cancel()
        if self._executor is not self._given:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _pickled(self, value: Any, learn: bool = False) -> bytes:
        """Return the task (`learn`) or an item as bytes, with numbers for arrays of the task."""

        def number(part: Any) -> int | None:
            if type(part) is not np.ndarray or part.nbytes < _LARGE:
                return None
            if learn and id(part) not in self._known:
                # Kept, so that no other array is ever found at the same place.
                self._known[id(part)] = len(self._arrays)
                self._arrays.append(part)
            return self._known.get(id(part))

        file = io.BytesIO()
        own = {"persistent_id": lambda _, part: number(part)}
        pickler = type("Pickler", (_pickler(),), own)(file, pickle.HIGHEST_PROTOCOL)
        try:
            pickler.dump(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise SettingsError(
                f"the model cannot be sent to other processes ({error}): give functions that a "
                "module has, install cloudpickle, or use an executor of threads"
            ) from error
        return file.getvalue()

    def _room(self) -> bool:
        # A unit that may be what kills is alone when it has its last try.
        last = any(self._begun[k] == TRIES - 1 for k in self._items)
        return len(self._flying) < (1 if last else self._width)

    def _send(self, number: int, blob: bytes | None = None) -> None:
        item = self._items[number]
        sent = b"" if self._blob is None else self._pickled(item)
        for _ in range(TRIES):
            try:
                if self._blob is None:
                    future = self._executor.submit(self._task, item)
                else:
                    # The number of the try makes another key: Dask keeps what came of a call.
                    tried = (number, self._begun[number])
                    future = self._executor.submit(_work, self._digest, blob, sent, tried)
            except BrokenExecutor as error:
                self._replace(self._executor, error)
                continue
            self._flying[future] = (number, self._executor)
            return
        raise WorkerError("new pools of processes break at once: see what their workers print")

    def _take(self, future: Future[Any]) -> None:
        number, executor = self._flying.pop(future)
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, BrokenExecutor):
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
            # Dask has tried again by itself.
            raise WorkerError(
                f"Dask's workers died while they had {self._unit} {number + 1}: memory may not be "
                f"enough for it ({error})"
            ) from error
        elif error is None and future.result() is _Sent.MISSING:
            self._send(number, self._blob)
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


def _work(digest: str, blob: bytes | None, sent: bytes, tried: tuple[int, int]) -> Any:
    """Do a task in a worker, which keeps it; say so if it has not got it."""
    found = _TASKS.get(digest)
    if found is None:
        if blob is None:
            return _Sent.MISSING
        arrays, frozen, body = pickle.loads(blob)
        # Units share them, as they do where no executor is.
        for array, still in zip(arrays, frozen, strict=True):
            array.flags.writeable = not still
        found = _TASKS[digest] = _Unpickler(body, arrays).load(), arrays
        while len(_TASKS) > _KEPT:
            _TASKS.popitem(last=False)
    task, arrays = found
    return task(_Unpickler(sent, arrays).load())


class _Unpickler(pickle.Unpickler):
    """Puts arrays in the place of their numbers."""

    def __init__(self, data: bytes, arrays: Arrays) -> None:
        super().__init__(io.BytesIO(data))
        self._arrays = arrays

    def persistent_load(self, pid: int) -> NDArray[Any]:
        """Return the array of a number."""
        return self._arrays[pid]


def _pickler() -> type[pickle.Pickler]:
    """Return what pickles; cloudpickle, where it is, knows functions of notebooks too."""
    try:
        found: type[pickle.Pickler] = importlib.import_module("cloudpickle").Pickler
    except ImportError:
        return pickle.Pickler
    return found
