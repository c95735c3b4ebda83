"""A task and its units as bytes: what a worker keeps, and what goes to it again and again.

What all units have in common, such as the data, is sent to a worker that asks for it: a unit
carries only its fingerprint. Arrays that a unit shares with the task, such as the design of a
simulated data set, are told by their numbers there.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import pickle
import platform
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError

Arrays = list[NDArray[Any]]

_KEPT = 2
"""Tasks that a worker keeps; an earlier one is asked for again."""
_LARGE = 2**12
"""Bytes from which on an array of the task is not sent again in a unit."""
_TASKS: OrderedDict[str, tuple[Callable[[Any], Any], Arrays]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Missing:
    """The answer of a worker that has not got the task.

    Attributes
    ----------
    worker : str
        Which: its machine and process.
    """

    worker: str


class Parcel:
    """A task as bytes.

    Parameters
    ----------
    task : callable

    Attributes
    ----------
    digest : str
        Its fingerprint.
    blob : bytes

    Raises
    ------
    SettingsError
        If it cannot be pickled.
    """

    def __init__(self, task: Callable[[Any], Any]) -> None:
        self._arrays: Arrays = []
        self._known: dict[int, int] = {}
        body = self.pickled(task, learn=True)
        frozen = [not array.flags.writeable for array in self._arrays]
        self.blob = pickle.dumps((self._arrays, frozen, body), pickle.HIGHEST_PROTOCOL)
        self.digest = hashlib.sha256(self.blob).hexdigest()

    def pickled(self, value: Any, learn: bool = False) -> bytes:
        """Return the task (`learn`) or a unit as bytes, with numbers for arrays of the task."""

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


def work(digest: str, blob: bytes | None, sent: bytes, key: tuple[int, int]) -> Any:
    """Do a unit in a worker.

    Parameters
    ----------
    digest : str
        Of the task.
    blob : bytes or None
        The task, for a worker that may not have it.
    sent : bytes
        The unit.
    key : (int, int)
        The number of the unit, and how often anything was sent before: no two calls are equal,
        as Dask keeps what came of a call.

    Returns
    -------
    object
        What the task returns, or `Missing`.
    """
    found = _TASKS.get(digest)
    if found is None:
        if blob is None:
            return Missing(f"{platform.node()}:{os.getpid()}")
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
