"""Parameters on a scale without bounds, and what the change of scale adds to a log density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Support:
    """What some numbers may be, by the map from numbers without bounds.

    Attributes
    ----------
    free : callable
        From draws, shape (S, n), to numbers without bounds of the same shape.
    bound : callable
        Back: to the draws, and the log determinant of the map's Jacobian, shape (S,).
    """

    free: Callable[[Floats], Floats]
    bound: Callable[[Floats], tuple[Floats, Floats]]


REAL = Support(lambda x: x, lambda y: (y, np.zeros(len(y))))


def above(low: float) -> Support:
    """Return the support of numbers above one, by the logarithm."""
    return Support(lambda x: np.log(x - low), lambda y: (low + np.exp(y), y.sum(axis=1)))


def between(low: float, high: float) -> Support:
    """Return the support of numbers between two, by the logit."""

    def free(x: Floats) -> Floats:
        return np.asarray(np.log(x - low) - np.log(high - x))

    def bound(y: Floats) -> tuple[Floats, Floats]:
        log_p, log_q = -np.logaddexp(0, -y), -np.logaddexp(0, y)
        jacobian = np.sum(np.log(high - low) + log_p + log_q, axis=1)
        return low + (high - low) * np.exp(log_p), jacobian

    return Support(free, bound)


def _rising(x: Floats) -> Floats:
    return np.concatenate([x[:, :1], np.log(np.diff(x, axis=1))], axis=1)


def _risen(y: Floats) -> tuple[Floats, Floats]:
    steps = np.concatenate([y[:, :1], np.exp(y[:, 1:])], axis=1)
    return np.cumsum(steps, axis=1), y[:, 1:].sum(axis=1)


ORDERED = Support(_rising, _risen)
"""Rising numbers, by the logarithms of their steps."""


def correlations(size: int) -> Support:
    """Return the support of the correlations of some variables, row by row above the diagonal.

    By their partial correlations, each through its inverse hyperbolic tangent (Lewandowski,
    Kurowicka and Joe 2009, theorem 4 and section 2.4: the C-vine).

    Parameters
    ----------
    size : int
        Number of variables.
    """
    rows, columns = np.triu_indices(size, 1)
    # The tree of the vine in which a partial correlation stands is that of its row.
    power = 1 + (size - 2 - rows) / 2

    def free(x: Floats) -> Floats:
        C = np.broadcast_to(np.eye(size), (len(x), size, size)).copy()
        C[:, rows, columns] = C[:, columns, rows] = x
        L = np.linalg.cholesky(C)
        left = 1 - np.cumsum(L**2, axis=2) + L**2
        return np.asarray(np.arctanh(L[:, columns, rows] / np.sqrt(left[:, columns, rows])))

    def bound(y: Floats) -> tuple[Floats, Floats]:
        partial = np.zeros((len(y), size, size))
        partial[:, columns, rows] = np.tanh(y)
        partial[:, np.arange(size), np.arange(size)] = 1.0
        L, left = np.zeros_like(partial), np.ones((len(y), size))
        for j in range(size):
            L[:, j:, j] = partial[:, j:, j] * np.sqrt(left[:, j:])
            left[:, j + 1 :] *= 1 - partial[:, j + 1 :, j] ** 2
        # log(1 - tanh(y)^2), also where tanh(y) rounds to 1.
        log_rest = 2 * (np.log(2) - np.abs(y) - np.log1p(np.exp(-2 * np.abs(y))))
        C = L @ L.swapaxes(1, 2)
        return C[:, rows, columns], log_rest @ power

    return Support(free, bound)
