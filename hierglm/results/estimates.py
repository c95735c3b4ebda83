"""Numbers that summarise draws: mean, spread, intervals; NumPy kernels over many parameters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 2**18
"""Numbers that are worked on at once: what a processor keeps near."""
_FEW = 2
"""Quantiles up to which selection is quicker than sorting."""


def pooled(values: Floats) -> Floats:
    """Return draws of shape (chains, draws, ...) as (chains * draws, parameters), a view."""
    chains, draws, *shape = values.shape
    return values.reshape(chains * draws, int(np.prod(shape, dtype=np.int64)))


def mean(values: Floats) -> Floats:
    """Return the mean of the draws of each parameter, the same whatever the layout in memory.

    Parameters
    ----------
    values : ndarray, shape (draws, parameters)
    """
    out = np.empty(values.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for columns, block in _blocks(values):
            out[columns] = np.where(_still(block), block[:, 0], block.mean(axis=-1))
    return out


def spread(values: Floats) -> Floats:
    """Return the sd of the draws of each parameter, 0 where all are equal, NaN for one draw.

    Parameters
    ----------
    values : ndarray, shape (draws, parameters)
    """
    out = np.full(values.shape[1], np.nan)
    if len(values) < 2:
        return out
    with np.errstate(invalid="ignore", over="ignore"):
        for columns, block in _blocks(values):
            out[columns] = np.where(_still(block), 0.0, block.std(axis=-1, ddof=1))
    return out


def quantiles(values: Floats, probs: tuple[float, ...]) -> Floats:
    """Return quantiles (type 7, as R's default) of each parameter.

    Parameters
    ----------
    values : ndarray, shape (draws, parameters)
    probs : tuple of float
        Between 0 and 1.

    Returns
    -------
    ndarray, shape (len(probs), parameters)

    Examples
    --------
    >>> quantiles(np.array([[1.0], [2.0], [4.0]]), (0.25, 0.5)).tolist()
    [[1.5], [2.0]]
    """
    out = np.empty((len(probs), values.shape[1]))
    with np.errstate(invalid="ignore"):
        for columns, block in _blocks(values):
            found = _selected(block, probs) if len(probs) <= _FEW else _sorted(block, probs)
            out[:, columns] = _between(*found, np.asarray(probs) * (len(values) - 1))
    return out


def _sorted(block: Floats, probs: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return the draws below and above each quantile, shape (probs, parameters)."""
    size = block.shape[-1]
    ascending = np.sort(block, axis=-1)
    low = _below(probs, size)
    found = ascending[:, low].T, ascending[:, np.minimum(low + 1, size - 1)].T
    # Draws that are not numbers are last in order.
    found[0][:, np.isnan(ascending[:, -1])] = np.nan
    return found


def _selected(block: Floats, probs: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return what `_sorted` does by putting each of the draws below in its place, one by one.

    NumPy looks for one place with the processor's vectors, but not for several at once.
    """
    rest, size = block.copy(), block.shape[-1]
    last = rest[:, -1]
    below, above = np.empty((2, len(probs), len(block)))
    start = 0
    low = _below(probs, size)
    for k in np.argsort(low, kind="stable"):
        if low[k] >= start:
            rest[:, start:].partition(low[k] - start, axis=-1)
            start = low[k] + 1
            last = rest[:, start:].min(axis=-1) if start < size else rest[:, -1]
        below[k], above[k] = rest[:, low[k]], last
    # The least of what is not a number and numbers is not a number.
    below[:, np.isnan(last)] = np.nan
    return below, above


def _below(probs: tuple[float, ...], size: int) -> Ints:
    return np.asarray(np.floor(np.asarray(probs) * (size - 1)), dtype=np.int64)


def _between(below: Floats, above: Floats, at: Floats) -> Floats:
    """Return quantiles between the draws beside them, bit for bit as `numpy.quantile`."""
    share, gap = (at - np.floor(at))[:, None], above - below
    return np.where(share >= 0.5, above - gap * (1 - share), below + gap * share)


def shortest(values: Floats, level: float) -> Floats:
    """Return the shortest interval that holds a share of the draws (one interval each).

    The highest-density interval of a posterior with one mode (Chen and Shao 1999): of the
    intervals over ``floor(level * S)`` gaps between the S sorted draws, as in ArviZ.

    Parameters
    ----------
    values : ndarray, shape (draws, parameters)
    level : float
        Between 0 and 1.

    Returns
    -------
    ndarray, shape (2, parameters)

    Examples
    --------
    >>> shortest(np.array([[0.0], [1.0], [1.1], [1.2], [5.0]]), 0.4).ravel().tolist()
    [1.0, 1.2]
    """
    out = np.empty((2, values.shape[1]))
    size = len(values)
    steps = min(int(np.floor(level * size)), size - 1)
    for columns, block in _blocks(values):
        ascending = np.sort(block, axis=-1)
        with np.errstate(invalid="ignore"):
            start = np.argmin(ascending[:, steps:] - ascending[:, : size - steps], axis=-1)
        rows = np.arange(len(block))
        out[:, columns] = ascending[rows, start], ascending[rows, start + steps]
    return out


def intervals(values: Floats, level: float, hdi: bool = False) -> Floats:
    """Return lower and upper ends, equal-tailed or, with `hdi`, shortest; NaN for one draw.

    Parameters
    ----------
    values : ndarray, shape (draws, parameters)
    level : float
        Between 0 and 1.
    hdi : bool
        Shortest instead of equal-tailed.

    Returns
    -------
    ndarray, shape (2, parameters)

    Raises
    ------
    SettingsError
        For a level outside (0, 1).
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SettingsError(f"conf_level must lie between 0 and 1, not {level!r}")
    if len(values) < 2:
        return np.full((2, values.shape[1]), np.nan)
    if hdi:
        return shortest(values, level)
    tail = (1 - level) / 2
    return quantiles(values, (tail, 1 - tail))


def _still(block: Floats) -> NDArray[np.bool_]:
    """Tell which parameters have the same value in all draws: sums would round it."""
    return np.asarray((block == block[:, :1]).all(axis=-1))


def _blocks(values: Floats) -> Iterator[tuple[slice, Floats]]:
    step = max(1, _BLOCK // max(1, len(values)))
    for low in range(0, values.shape[1], step):
        part = slice(low, low + step)
        yield part, np.ascontiguousarray(values[:, part].T)
