"""Rows added within the levels of a whole number, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.streaming.cells import Cells, number, total
from hierglm.streaming.spans import Span, fits, together, wider

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HEAVY = 2**16
"""Rows of a level whose products may be added one after the other: more would lose digits."""
_SPARSE = 16
"""Levels a row up to which an array of all of them costs less than to look up each."""


def near(levels: int, rows: int) -> bool:
    """Tell whether an array of all levels of some rows costs less than to look up each."""
    return levels <= _SPARSE * rows + _HEAVY


class Adder:
    """Adds rows to the levels of a whole number, many at a time; used by one thread.

    Parameters
    ----------
    key : str
        The column that has the levels.
    pairs : sequence of (int, int)
        The columns whose products are added up; 0 is that of ones.
    memory : ndarray, shape (columns + 1, rows)
        For rows that wait until there are so many: columns, 0 among them, weights where rows have
        them, and at last what products are made in.
    weighted : bool
    """

    def __init__(
        self, key: str, pairs: Sequence[tuple[int, int]], memory: Floats, weighted: bool
    ) -> None:
        self._key, self._pairs, self._memory, self._weighted = key, pairs, memory, weighted
        self._levels = np.empty(memory.shape[1], dtype=np.int64)
        self._waiting = 0
        self._span: Span | None = None
        self._apart: Cells | None = None

    def room(self, rows: int) -> Floats:
        """Return the memory for the columns of some rows."""
        if self._waiting + rows > self._memory.shape[1]:
            self._add()
        return self._memory[:-1, self._waiting : self._waiting + rows]

    def filled(self, levels: Ints) -> None:
        """Take in the rows that the memory was filled with."""
        self._levels[self._waiting : self._waiting + len(levels)] = levels
        self._waiting += len(levels)

    def result(self) -> Span | Cells:
        """Return the sums over all rows, of which there must be some."""
        self._add()
        if self._span is None:
            assert self._apart is not None
            return self._apart
        return self._span if self._apart is None else together(self._span, self._apart, own=True)

    def _add(self) -> None:
        """Add the rows that wait."""
        n, self._waiting = self._waiting, 0
        if not n:
            return
        levels = self._levels[:n]
        low, high = int(levels.min()), int(levels.max()) + 1
        span = self._span
        if span is None or low < span.low or high > span.high:
            low, high = _rounded(low, high)
            if span is not None:
                low, high = min(low, span.low), max(high, span.high)
            width = len(self._pairs) + self._weighted
            if not fits(low, high, width) or not near(high - low, n):
                self._look_up(levels)
                return
            if span is None:
                value = np.zeros((width, high - low))
            else:
                value = wider(span.value, slice(span.low - low, span.high - low), high - low)
            span = self._span = Span(self._key, low, value, None, self._weighted)
        value = span.value
        index = np.subtract(levels, span.low, out=levels) if span.low else levels
        counts = np.bincount(index, minlength=value.shape[1])
        heavy = np.flatnonzero(counts > _HEAVY) if n > _HEAVY else ()
        value[0] += counts
        products = self._products(n)
        if not self._weighted:
            # The first are products of ones: numbers of rows.
            next(products)
        for sums, product in zip(value[1:], products, strict=True):
            assert product is not None
            found = np.bincount(index, product, len(sums))
            for level in heavy:
                found[level] = product[index == level].sum()
            sums += found

    def _products(self, n: int) -> Iterator[Floats | None]:
        """Yield the products of columns of the rows that wait; None where all are 1."""
        columns, spare = self._memory[:-1, :n], self._memory[-1, :n]
        w = columns[-1] if self._weighted else None
        for a, b in self._pairs:
            found = np.multiply(columns[a], columns[b], out=spare) if a else columns[b]
            if w is not None:
                yield w if not b else np.multiply(found, w, out=spare)
            else:
                yield found if b else None

    def _look_up(self, levels: Ints) -> None:
        """Add rows whose levels lie too far apart."""
        import pyarrow as pa

        rows = pa.table({self._key: levels})
        index, first, counts = number(rows, (self._key,))
        sums = np.empty((len(self._pairs), len(first)))
        for k, product in enumerate(self._products(len(levels))):
            sums[k] = counts if product is None else np.bincount(index, product, len(first))
        found = Cells((self._key,), rows.take(first), counts, total(sums))
        self._apart = found if self._apart is None else self._apart + found


def _rounded(low: int, high: int) -> tuple[int, int]:
    """Return limits a little further apart, which other rows are likely to lie in too."""
    unit = 1 << max(0, (high - low).bit_length() - 5)
    start = 0 if 0 <= low < high - low else low // unit * unit
    return start, -(-high // unit) * unit
