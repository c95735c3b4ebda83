"""Cells: rows that have the same levels of all grouping factors, numbered, and sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


_PART = 2**13
"""Numbers that are added at a time: all that is made of them stays in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Total:
    """A sum with the rounding error that it has left behind.

    Attributes
    ----------
    value, lost : ndarray
        Of one shape; their sum is the total.
    """

    value: Floats
    lost: Floats

    def __add__(self, other: Total) -> Total:
        """Return the sum of two, without losing what does not fit (two-sum: Knuth 1969)."""
        value = self.value + other.value
        part = value - self.value
        error = (self.value - (value - part)) + (other.value - part)
        error += self.lost
        error += other.lost
        return Total(value, error)

    @property
    def sum(self) -> Floats:
        """The total, rounded once."""
        return np.asarray(self.value + self.lost)


def two_sum(value: Floats, lost: Floats, more: Floats, more_lost: Floats | None) -> None:
    """Add to a total what is more, in its place: the sum of `Total`, a part at a time.

    Parameters
    ----------
    value, lost : ndarray, shape (sums, cells)
        The total, written to.
    more, more_lost : ndarray, same shape
        None where nothing is lost.
    """
    room = np.empty((2, _PART))
    for k in range(len(value)):
        for start in range(0, value.shape[1], _PART):
            here = slice(start, start + _PART)
            a, b = value[k, here], more[k, here]
            both, part = room[:, : len(a)]
            np.add(a, b, out=both)
            np.subtract(both, a, out=part)
            # Of what was added, then of what was there: what does not fit.
            left = np.subtract(b, part)
            np.subtract(both, part, out=part)
            np.subtract(a, part, out=part)
            part += left
            if more_lost is not None:
                part += more_lost[k, here]
            lost[k, here] += part
            a[:] = both


def total(value: Floats) -> Total:
    """Return a sum that has lost nothing yet."""
    return Total(value, np.zeros_like(value))


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over the rows of each cell.

    Attributes
    ----------
    keys : tuple of str
        The columns that make the cells.
    rows : pyarrow.Table
        The first row of each cell, with all columns that were read.
    counts : ndarray of int, shape (cells,)
        How many rows each has.
    sums : Total, shape (sums, cells)
    """

    keys: tuple[str, ...]
    rows: Any
    counts: Ints
    sums: Total

    def __add__(self, other: Cells) -> Cells:
        """Return the sums over the rows of both."""
        mine, its = self.rows.select(list(self.keys)), other.rows.select(list(self.keys))
        if mine.equals(its):
            return Cells(self.keys, self.rows, self.counts + other.counts, self.sums + other.sums)
        both = joined([self.rows, other.rows])
        index, first, _ = number(both, self.keys)
        size = self.rows.num_rows
        rows = self.rows if len(first) == size else both.take(np.sort(first))
        # Cells stay in the order in which they were met.
        place = np.empty(len(first), dtype=np.int64)
        place[np.argsort(first)] = np.arange(len(first))
        at = place[index[size:]]
        counts = np.zeros(len(first), dtype=np.int64)
        counts[:size] = self.counts
        counts[at] += other.counts
        value = np.zeros((len(self.sums.value), len(first)))
        lost = value.copy()
        value[:, :size], lost[:, :size] = self.sums.value, self.sums.lost
        more = Total(value[:, at], lost[:, at]) + other.sums
        value[:, at], lost[:, at] = more.value, more.lost
        return Cells(self.keys, rows, counts, Total(value, lost))


def number(table: Any, keys: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """Return the cell of each row, and of each cell the first row and the number of rows.

    Parameters
    ----------
    table : pyarrow.Table
        Without missing values.
    keys : sequence of str
        The columns that make the cells; without any all rows are one.

    Returns
    -------
    index : ndarray of int, shape (rows,)
    first, counts : ndarray of int, shape (cells,)

    Examples
    --------
    >>> import pyarrow as pa
    >>> found = number(pa.table({"a": [7, 9, 7], "b": ["u", "u", "v"]}), ["a", "b"])
    >>> [x.tolist() for x in found]
    [[0, 2, 1], [0, 2, 1], [1, 1, 1]]
    """
    rows = table.num_rows
    index, size = np.zeros(0 if keys else rows, dtype=np.int64), 1
    for k, name in enumerate(keys):
        codes, levels = _codes(table.column(name))
        if size * levels > _table(rows):
            index, counts = _compact(index, size)
            size = len(counts)
        if k:
            index = index * levels
            index += codes
        else:
            index = codes
        size *= levels
    index, counts = _compact(index, size)
    return index, _first(index, len(counts)), counts


def _table(rows: int) -> int:
    """Return how long a table of all numbers may be: it costs less than a hash of each row."""
    return 4 * rows + 2**16


def _first(index: Ints, cells: int) -> Ints:
    """Return the first row of each cell."""
    rows = min(len(index), 16 * cells)
    while True:
        first = np.full(cells, -1, dtype=np.int64)
        # Backwards, so that the first of several rows is the one that stays.
        first[index[rows - 1 :: -1] if rows else []] = np.arange(rows - 1, -1, -1)
        if rows == len(index) or (first >= 0).all():
            return first
        rows = min(len(index), 16 * rows)


def joined(tables: Sequence[Any]) -> Any:
    """Return pyarrow tables below each other, their categories made one."""
    import pyarrow as pa

    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _codes(column: Any) -> tuple[Ints, int]:
    """Return a whole number for each value of a column, from 0, and how many there may be."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) and kind != pa.uint64():
        values = column.to_numpy().astype(np.int64, copy=False)
        low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        if high - low < _table(len(values)):
            return values - low if low else values, high - low + 1
    if pa.types.is_dictionary(kind):
        column = column.unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        return column.indices.to_numpy().astype(np.int64), max(len(column.dictionary), 1)
    found = pa.concat_arrays(column.chunks).dictionary_encode()
    return found.indices.to_numpy().astype(np.int64), max(len(found.dictionary), 1)


def _compact(index: Ints, size: int) -> tuple[Ints, Ints]:
    """Return numbers below `size` as numbers below how many of them there are, and counts."""
    if size > 16 * len(index) + 2**20:
        _, found, counts = np.unique(index, return_inverse=True, return_counts=True)
        return found, counts
    counts = np.bincount(index, minlength=size)
    there = counts > 0
    if there.all() or not len(index):
        return index, counts[there]
    place = np.cumsum(there) - 1
    return place[index], counts[there]
