"""Median and median absolute deviation of numbers that come in batches, as they are rounded.

Default priors (brms) are scaled by both, rounded to one decimal. One pass that counts numbers in
bins bounds them; where a bound could be rounded either way, a further pass looks closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.reduced import counted_median

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 2**16
_PASSES = 6
MAD = 1.4826
"""Makes the median absolute deviation an sd for normal data (R's mad)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many numbers lie in each of some bins.

    Attributes
    ----------
    count : ndarray of int, shape (bins,)
    low, high : ndarray, shape (bins,)
        The least and the largest number of each; infinite of an empty one.
    """

    count: Ints
    low: Floats
    high: Floats

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of the numbers of both, between the same edges."""
        return Counts(
            self.count + other.count,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def middle(
    found: Counts, edges: Floats, again: Callable[[], Iterator[Floats]]
) -> tuple[float, float]:
    """Return median and median absolute deviation (times 1.4826), right to one decimal.

    Parameters
    ----------
    found : Counts
        Of all numbers, between `edges`.
    edges : ndarray
        Ascending.
    again : callable
        Returns the numbers again, batch by batch, at each call; called where `found` does not
        settle the decimal.

    Examples
    --------
    >>> numbers, edges = [np.array([1.0, 2.0]), np.array([10.0])], np.array([0.0, 5.0])
    >>> counts = count(edges, numbers[0]) + count(edges, numbers[1])
    >>> median, mad = middle(counts, edges, lambda: iter(numbers))
    >>> round(median, 1), round(mad, 1)
    (2.0, 1.5)
    """
    for _ in range(_PASSES):
        median, mad = _bounds(found)
        if _settled(median, 1.0) and _settled(mad, MAD):
            break
        around = [median, (median[0] - mad[1], median[1] - mad[0])]
        around.append((median[0] + mad[0], median[1] + mad[1]))
        edges = np.unique(np.concatenate([edges, *(np.linspace(a, b, BINS) for a, b in around)]))
        found = sum((count(edges, y) for y in again()), start=nothing(edges))
    return (median[0] + median[1]) / 2, MAD * (mad[0] + mad[1]) / 2


def nothing(edges: Floats) -> Counts:
    """Return the counts of no numbers."""
    size = len(edges) + 1
    return Counts(np.zeros(size, dtype=np.int64), np.full(size, np.inf), np.full(size, -np.inf))


def count(edges: Floats, y: Floats) -> Counts:
    """Return how many numbers lie between edges, and beyond the first and last.

    A number that is nearly on an edge may be counted on either side of it: bounds are made of the
    least and the largest number of each bin, not of its edges.
    """
    found = nothing(edges)
    last = len(edges) - 1
    step = (edges[last] - edges[0]) / max(last, 1)
    if last and step > 0 and abs(edges[1] - edges[0] - step) <= 1e-6 * step:
        # Equal distances, to all appearance: a division in place of a search.
        at = np.clip((y - edges[0]) / step, -1.0, last + 0.0).astype(np.int64) + 1
        at[y < edges[0]] = 0
    else:
        at = np.searchsorted(edges, y, side="right")
    np.minimum.at(found.low, at, y)
    np.maximum.at(found.high, at, y)
    return replace(found, count=np.bincount(at, minlength=len(found.count)).astype(np.int64))


def roughly(edges: Floats, blocks: Sequence[Floats]) -> Counts:
    """Return the sum of `count` over blocks of numbers, in a third of the time.

    Edges must be at equal distances. The bounds of a bin are its edges, moved apart by what
    rounding may have done; the first and the last bin have the least and the largest number.
    """
    last = len(edges) - 1
    step = (edges[last] - edges[0]) / max(last, 1)
    slack = 1e-6 * step + 8 * np.finfo(float).eps * float(np.abs(edges).max())
    if not step > slack:
        return sum((count(edges, y) for y in blocks), start=nothing(edges))
    found = np.zeros(last + 2, dtype=np.int64)
    low, high = np.append(np.inf, edges - slack), np.append(edges + slack, -np.inf)
    for y in (y for y in blocks if len(y)):
        least, most = y.min(), y.max()
        place = y * (1 / step)
        place += 1.0 - edges[0] / step
        if least < edges[0] or most > edges[last]:
            np.clip(place, 0.0, last + 1.0, out=place)
        found += np.bincount(place.astype(np.int64), minlength=last + 2)
        low[0], high[-1] = min(low[0], least), max(high[-1], most)
    return Counts(found, low, high)


def _bounds(found: Counts) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return between which numbers the median lies, and between which the deviation does."""
    used = found.count > 0
    counts, low, high = found.count[used], found.low[used], found.high[used]
    median = counted_median(low, counts), counted_median(high, counts)
    inside = np.maximum(0.0, np.maximum(low - median[1], median[0] - high))
    outside = np.maximum(high - median[0], median[1] - low)
    return median, (counted_median(inside, counts), counted_median(outside, counts))


def _settled(bounds: tuple[float, float], scale: float) -> bool:
    low, high = (round(scale * x, 1) for x in bounds)
    return low == high
