"""Sums within levels that are whole numbers: each has its place in an array, none is looked up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.streaming.cells import Cells, Total, two_sum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST = 2**24
"""Numbers in an array of sums (128 MB); what needs more is looked up."""
_LARGE = 2**20
"""Numbers in an array of sums from which on errors of rounding are not carried along."""
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Span:
    """Sums over the rows of each level from a whole number on.

    Attributes
    ----------
    key : str
        The column that has the levels.
    low : int
        The first of them.
    value : ndarray, shape (sums, levels) or (1 + sums, levels)
        Number of rows, which is the first of the sums unless rows have weights, then sums; of
        levels without rows too.
    lost : ndarray or None
        The rounding errors that `value` has left behind; None where nothing was added yet, or
        where levels are many.
    weighted : bool
    """

    key: str
    low: int
    value: Floats
    lost: Floats | None
    weighted: bool

    @property
    def high(self) -> int:
        """What is beyond the last level."""
        return self.low + int(self.value.shape[1])

    def taking(self, other: Span) -> Span | Cells:
        """Return the sums over the rows of both, in this one's memory."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        if not fits(low, high, len(self.value)):
            return self.cells() + other.cells()
        span = self._grown(low, high)
        here = slice(other.low - span.low, other.high - span.low)
        return replace(span, lost=added(span.value, span.lost, here, other.value, other.lost))

    @property
    def levels(self) -> Ints:
        """The levels that have rows."""
        return np.flatnonzero(self.value[0]) + self.low

    @property
    def sums(self) -> Floats:
        """What `value` has for these levels, rounded once."""
        there = self.levels - self.low
        found = np.empty((len(self.value), len(there)))
        for k, value in enumerate(self.value):
            found[k] = (value if self.lost is None else value + self.lost[k])[there]
        return found

    def cells(self) -> Cells:
        """Return the sums of the levels that have rows."""
        import pyarrow as pa

        levels = self.levels
        there = levels - self.low
        value = self.value[int(self.weighted) :, there]
        lost = np.zeros_like(value)
        if self.lost is not None:
            lost = self.lost[int(self.weighted) :, there]
        counts = self.value[0, there].astype(np.int64)
        return Cells((self.key,), pa.table({self.key: levels}), counts, Total(value, lost))

    def _grown(self, low: int, high: int) -> Span:
        """Return the same with room for more levels, by half at least: it may go on."""
        if self.low <= low and high <= self.high:
            return self
        width, size = self.value.shape
        room = int(_GROWTH * size) - (high - low)
        if room > 0 and fits(low, high + room, width):
            low, high = (low - room, high) if low < self.low else (low, high + room)
        here = slice(self.low - low, self.high - low)
        lost = None if self.lost is None else wider(self.lost, here, high - low)
        return replace(self, low=low, value=wider(self.value, here, high - low), lost=lost)


def added(
    value: Floats, lost: Floats | None, here: slice, more: Floats, more_lost: Floats | None
) -> Floats | None:
    """Add sums to those in some place, in their memory, and return the rounding errors left."""
    if value.size > _LARGE:
        # Each piece has several rows of each level: pieces are few, and so are roundings.
        value[:, here] += more
        for left, place in ((lost, slice(None)), (more_lost, here)):
            if left is not None:
                value[:, place] += left
        return None
    lost = np.zeros_like(value) if lost is None else lost
    two_sum(value[:, here], lost[:, here], more, more_lost)
    return lost


def wider(sums: Floats, here: slice | Ints, size: int) -> Floats:
    """Return sums as the ones in some places of so many, the others 0."""
    found = np.zeros((len(sums), size))
    for own, values in zip(found, sums, strict=True):
        own[here] = values
    return found


def fits(low: int, high: int, width: int) -> bool:
    """Tell whether sums within all levels from `low` to `high` are few enough."""
    return (high - low) * width <= MOST


def spread(cells: Cells, weighted: bool) -> Span | None:
    """Return cells of whole numbers as a span, or None where these lie too far apart."""
    (key,) = cells.keys
    levels = cells.rows.column(key).to_numpy()
    low, high = int(levels.min()), int(levels.max()) + 1
    if not fits(low, high, weighted + len(cells.sums.value)):
        return None
    return laid_out(cells, weighted, low, high)


def laid_out(cells: Cells, weighted: bool, low: int, high: int) -> Span:
    """Return cells of whole numbers from `low` up to `high` as a span."""
    (key,) = cells.keys
    levels = cells.rows.column(key).to_numpy()
    first = int(weighted)
    width = first + len(cells.sums.value)
    value, lost = np.zeros((width, high - low)), None
    value[0, levels - low] = cells.counts
    value[first:, levels - low] = cells.sums.value
    if cells.sums.lost.any():
        lost = np.zeros_like(value)
        lost[first:, levels - low] = cells.sums.lost
    return Span(key, low, value, lost, weighted)


def together(one: Span | Cells, other: Span | Cells, own: bool = False) -> Span | Cells:
    """Return the sums over the rows of both.

    Parameters
    ----------
    one, other : Span or Cells
        Of the same column, where either is a span.
    own : bool
        Whether `one` is not used again, so that its memory may be.
    """
    if isinstance(one, Cells) and isinstance(other, Cells):
        return one + other
    weighted = any(isinstance(found, Span) and found.weighted for found in (one, other))
    spans = [
        found if isinstance(found, Span) else spread(found, weighted) for found in (one, other)
    ]
    if spans[0] is None or spans[1] is None:
        cells = [found if isinstance(found, Cells) else found.cells() for found in (one, other)]
        return cells[0] + cells[1]
    first = spans[0]
    if not own and first is one:
        lost = None if first.lost is None else first.lost.copy()
        first = replace(first, value=first.value.copy(), lost=lost)
    return first.taking(spans[1])


def distance(column: Any) -> int:
    """Return how many whole numbers there are from the least to the largest of a column."""
    values = column.to_numpy()
    return int(values.max()) - int(values.min()) + 1 if len(values) else 0
