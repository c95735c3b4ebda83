"""A program's log density, opened; the walls that every engine puts around it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np

from hierglm.engines.engine import Floats
from hierglm.errors import EngineError

_A = TypeVar("_A")
_B = TypeVar("_B")

Evaluate = Callable[[Floats], tuple[Floats, Floats]]
Unconstrain = Callable[[Mapping[str, Any]], Floats]


class OpenDensity:
    """The log density of one program with its data, evaluated in a process of its own.

    Calls from several threads wait for each other. It can be neither pickled nor used
    after a fork, because the process behind it cannot be shared.

    Parameters
    ----------
    size : int
        Number of unconstrained coordinates.
    evaluate : callable
        From points, shape (n, size), to log densities, shape (n,), and gradients.
    unconstrain : callable
        From values of the parameters to a point.
    """

    def __init__(self, size: int, evaluate: Evaluate, unconstrain: Unconstrain) -> None:
        self.size = size
        self._evaluate, self._unconstrain = evaluate, unconstrain
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._closed = False

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Return log density and gradient, shape (size,), at a point of that shape.

        Raises
        ------
        EngineError
            Where Stan cannot evaluate the density.
        """
        values, gradients = self.at(np.asarray(point, dtype=np.float64)[None])
        return float(values[0]), gradients[0]

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """Return log densities, shape (n,), and gradients, shape (n, size), at n points."""
        points = np.ascontiguousarray(points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != self.size:
            raise EngineError(f"a point has shape ({self.size},), not {points.shape[1:]}")
        if not np.isfinite(points).all():
            raise EngineError("a point must be finite")
        return self._guarded(self._evaluate, points)

    def unconstrain(self, values: Mapping[str, Any]) -> Floats:
        """Return the point, shape (size,), at which the parameters have these values.

        Raises
        ------
        EngineError
            For a value that is missing, has the wrong size or lies outside its support.
        """
        return self._guarded(self._unconstrain, values)

    def close(self) -> None:
        """Refuse all further use."""
        self._closed = True

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open density cannot be pickled or copied; open it where it is used")

    def _guarded(self, work: Callable[[_A], _B], argument: _A) -> _B:
        if os.getpid() != self._owner:
            raise EngineError("an open density cannot be used after a fork; open it again there")
        with self._lock:
            if self._closed:
                raise EngineError("this density is closed; use it inside its 'with' statement")
            return work(argument)
