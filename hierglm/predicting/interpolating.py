"""Averages over a normal variable for many draws of each row, by Chebyshev interpolation.

The draws of one row lie in a small rectangle of linear predictors and variances. Over it the
average of a smooth function is a polynomial in two variables to as many digits as are asked for,
and that takes some thirty sums and products for all the draws, where an average of its own takes
a sum over points for each draw.

The variables are t = (1 + v / 2.9)^-1/2 and eta t, because the average of the logistic function
is about Phi(0.59 eta t), hardly a function of t alone (Zeger, Liang and Albert 1988). Values at
Chebyshev points give coefficients that fall geometrically where a function is analytic (Trefethen
2013, "Approximation Theory and Approximation Practice", chapters 4 and 8); those that add up to
less than what is allowed are left out. Where the last ones are not that small, as for rows whose
draws lie far from each other, the direct way is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from hierglm.results.products import thin_product

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Average = Callable[[Floats, Floats], Floats]

ENOUGH = 1000
"""Draws of a row from which on it is quicker."""
ABSOLUTE, RELATIVE = 1e-10, 1e-9
"""Largest error, and largest error as a share of the smallest value of a row."""
_VARIANCE = 2.9
"""(16 sqrt(3) / (15 pi))^-2: the logistic distribution's variance beside a normal one."""
_NEAR = 2**15
"""Draws of rows that are worked on at once: what a processor keeps near, and yet many enough that
threads do not wait for each other between two steps."""
_POINTS = (13, 11), (24, 20)
"""Chebyshev points of eta t and of t; more of them for rows that the first are too few for."""


def interpolated(direct: Average, eta: Floats, variance: Floats) -> Floats:
    """Return averages of a function over normal variables, as ``direct`` does but for `ABSOLUTE`.

    Parameters
    ----------
    direct : callable
        Takes linear predictors and variances of one shape, and returns the averages, elementwise:
        a function that is smooth in both.
    eta, variance : ndarray, shape (S, ...)
        Draws along the first dimension; to be broadcast with each other.

    Returns
    -------
    ndarray, shape (S, ...)

    Examples
    --------
    >>> eta, variance = np.random.default_rng(1).uniform(0.4, 0.6, (2, 2000, 3))
    >>> def direct(eta, variance):
    ...     return np.exp(eta + variance / 2)
    >>> error = interpolated(direct, eta, variance) - direct(eta, variance)
    >>> bool(abs(error).max() < 1e-9)
    True
    """
    shape = np.broadcast_shapes(np.shape(eta), np.shape(variance))
    if shape[0] < ENOUGH:
        return direct(eta, variance)
    _keep_memory()
    # Draws of a row side by side.
    e, v = (
        np.ascontiguousarray(np.broadcast_to(x, shape).T).reshape(-1, shape[0])
        for x in (eta, variance)
    )
    t = v * (1 / _VARIANCE)
    t += 1
    np.sqrt(t, out=t)
    np.divide(1, t, out=t)
    x, out, left = e * t, np.empty(e.shape), np.arange(len(e))
    for counts in _POINTS:
        if len(left) and 2 * counts[0] * counts[1] <= shape[0]:
            left = left[~_over_rectangles(direct, x, t, left, counts, out)]
    if len(left):
        out[left] = direct(e[left].T, v[left].T).T
    return np.asarray(out.reshape(shape[::-1]).T)


@cache
def _keep_memory() -> None:
    """Have glibc keep what is freed, up to 64 MB a thread, for the next rows.

    It gives back what is free beyond twice the largest block that was ever mapped by itself and
    freed, of up to 32 MB (mallopt(3), M_MMAP_THRESHOLD): so one is freed. To map and clear memory
    anew for each few rows takes a quarter of the time of all.
    """
    np.empty(2**22 - 2**12)


def _over_rectangles(
    direct: Average, x: Floats, t: Floats, rows: Ints, counts: tuple[int, int], out: Floats
) -> NDArray[np.bool_]:
    """Write averages of some rows to `out`, shape (rows, S); return which have enough points."""
    (X, to_x, powers_x), (T, to_t, powers_t) = (_chebyshev(n) for n in counts)
    (mid_x, half_x), (mid_t, half_t) = _range(x, rows), _range(t, rows)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        at_x = (mid_x[:, None] + half_x[:, None] * X)[:, None, :]
        # Rounding may leave more than 1, and a variance below 0.
        at_t = np.minimum(mid_t[:, None] + half_t[:, None] * T, 1.0)[:, :, None]
        at_v = np.broadcast_to(_VARIANCE * (at_t**-2 - 1), (len(rows), len(T), len(X)))
        found = direct(at_x / at_t, at_v)
        allowed = np.minimum(ABSOLUTE, RELATIVE * np.abs(found).min(axis=(1, 2)))
        coefficients = to_t @ found @ to_x.T
        n_x, n_t = (_length(np.abs(coefficients).sum(axis=k), allowed / 2) for k in (1, 2))
    enough = (n_x <= len(X) - 2) & (n_t <= len(T) - 2)
    done, step = np.flatnonzero(enough), max(1, _NEAR // x.shape[1])
    for low in range(0, len(done), step):
        some = done[low : low + step]
        n, m, at = n_x[some].max(), n_t[some].max(), rows[some]
        by_power = powers_t[:m, :m].T @ coefficients[some, :m, :n] @ powers_x[:n, :n]
        u = _standardised(x[at], mid_x[some], half_x[some])
        of_t = thin_product(by_power, _powers(u, n))
        u = _standardised(t[at], mid_t[some], half_t[some])
        # Horner's rule.
        value = of_t[:, m - 1]
        for j in range(m - 2, -1, -1):
            value *= u
            value += of_t[:, j]
        out[at] = value
    return np.asarray(enough)


def _standardised(values: Floats, middle: Floats, half: Floats) -> Floats:
    """Return values, a copy that may be changed, between -1 and 1."""
    values -= middle[:, None]
    values *= 1 / np.where(half == 0, 1.0, half)[:, None]
    return values


def _powers(u: Floats, count: int) -> Floats:
    """Return the powers below `count` of numbers of shape (rows, S): (rows, count, S)."""
    powers = np.empty((len(u), max(count, 2), u.shape[1]))
    powers[:, 0], powers[:, 1] = 1.0, u
    k = 2
    while k < count:
        # Powers k to 2 k - 2 at once.
        some = min(k - 1, count - k)
        np.multiply(powers[:, 1 : some + 1], powers[:, k - 1 : k], out=powers[:, k : k + some])
        k += some
    return powers[:, :count]


def _range(values: Floats, rows: Ints) -> tuple[Floats, Floats]:
    """Return the middle of some rows' values, and half the distance of the extremes."""
    # Without a copy where all rows are meant, as they mostly are.
    own = values if len(rows) == len(values) else values[rows]
    low, high = own.min(axis=1), own.max(axis=1)
    with np.errstate(invalid="ignore"):
        half = (high - low) / 2
        return low + half, half


def _length(sizes: Floats, allowed: Floats) -> Ints:
    """Return how many coefficients of each row are kept, at least one."""
    left_out = np.cumsum(sizes[:, ::-1], axis=1)[:, ::-1]
    # What is no number is not left out.
    return np.asarray(np.maximum(1, np.count_nonzero(~(left_out <= allowed[:, None]), axis=1)))


@cache
def _chebyshev(count: int) -> tuple[Floats, Floats, Floats]:
    """Return Chebyshev points, what takes values there to coefficients, and T_j as powers."""
    k = np.arange(count)
    angles = np.pi * (k + 0.5) / count
    coefficients = 2 / count * np.cos(np.outer(k, angles))
    coefficients[0] /= 2
    powers = np.zeros((count, count))
    for j in k:
        powers[j, : j + 1] = chebyshev.cheb2poly(np.eye(count)[j, : j + 1])
    return np.cos(angles), coefficients, powers
