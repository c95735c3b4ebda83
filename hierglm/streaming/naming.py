"""Sums within levels that are told by their names: text, or whole numbers far apart.

Rows of a piece of a table get the places of their names among those of the piece, so that their
sums are made as those of whole numbers (`hierglm.streaming.spans`); names are looked up again
only where the sums of two pieces are put together. A column that Parquet has as a dictionary
gives its places without any looking up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError
from hierglm.streaming.cells import Cells
from hierglm.streaming.spans import Span, added, laid_out, wider

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLACE = "place of the level"
"""The column that `placed` adds."""


@dataclass(frozen=True, slots=True)
class Named:
    """Sums over the rows of each level that has a name.

    Attributes
    ----------
    names : pyarrow.Array, shape (levels,)
        Different from each other, in the order in which they were met.
    value : ndarray, shape (sums, levels) or (1 + sums, levels)
        As of `Span`.
    lost : ndarray or None
        As of `Span`.
    weighted : bool
    """

    names: Any
    value: Floats
    lost: Floats | None
    weighted: bool

    def taking(self, other: Named, own: bool = True) -> Named:
        """Return the sums over the rows of both; the memory of this one is used again, if `own`."""
        names, place = _among(self.names, other.names)
        size = len(names)
        value = _wide(self.value, size)
        lost = None if self.lost is None else _wide(self.lost, size)
        if not own and size == len(self.names):
            value, lost = value.copy(), None if lost is None else lost.copy()
        more = wider(other.value, place, size)
        more_lost = None if other.lost is None else wider(other.lost, place, size)
        lost = added(value, lost, slice(None), more, more_lost)
        return Named(names, value, lost, self.weighted)

    def in_order(self) -> tuple[NDArray[Any], Ints, Floats]:
        """Return the levels that have rows, ascending, the rows of each, and the sums."""
        from pyarrow import compute, types

        order = compute.sort_indices(self.names).to_numpy().astype(np.int64)
        order = order[self.value[0, order] > 0]
        sums = self.value if self.lost is None else self.value + self.lost
        sums = sums[:, order]
        found = self.names.take(order)
        if types.is_integer(found.type):
            levels = found.to_numpy()
        else:
            levels = np.empty(len(found), dtype=object)
            levels[:] = found.to_pylist()
        return levels, sums[0].astype(np.int64), sums[int(self.weighted) :]


def is_text(kind: Any) -> bool:
    """Tell whether a type of Arrow is that of text."""
    from pyarrow import types

    return any(f(kind) for f in (types.is_string, types.is_large_string, types.is_string_view))


def placed(tables: Sequence[Any], key: str | None) -> tuple[list[Any], Any]:
    """Return tables with the column `PLACE`, and the names that its numbers are places of.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        With this column; a row without a name has place 0.
    key : str
        The column with the names; it may come as a dictionary.

    Raises
    ------
    DataError
        Names that are no whole numbers, after others that are.

    Examples
    --------
    >>> import pyarrow as pa
    >>> tables, names = placed([pa.table({"g": ["b", "a"]}), pa.table({"g": ["a"]})], "g")
    >>> [t.column(PLACE).to_pylist() for t in tables], names.to_pylist()
    ([[0, 1], [1]], ['b', 'a'])
    """
    import pyarrow as pa

    parts = [chunk for t in tables for chunk in t.column(key).chunks]
    if not parts:
        return [], pa.array([], pa.large_string())
    if all(pa.types.is_dictionary(p.type) for p in parts):
        coded = pa.chunked_array(parts).unify_dictionaries()
    else:
        values = list(map(_decoded, parts))
        # Nothing but missing values has no type.
        kinds = (v.type for v in values if not pa.types.is_null(v.type))
        kind = next(kinds, pa.large_string())
        coded = pa.chunked_array([v.cast(kind) for v in values]).dictionary_encode()
    names = coded.chunk(0).dictionary
    # Missing values make floats of whole numbers.
    number = pa.types.is_integer(names.type) or pa.types.is_floating(names.type)
    try:
        names = names.cast(pa.int64() if number else pa.large_string())
    except pa.ArrowInvalid:
        raise DataError(f"column {key!r} has whole numbers at first, and others later") from None
    places = [c.indices.fill_null(0).to_numpy().astype(np.int64) for c in coded.chunks]
    whole = np.concatenate(places)
    found, start = [], 0
    for t in tables:
        here = whole[start : start + t.num_rows]
        found.append(t.append_column(PLACE, pa.array(here)))
        start += t.num_rows
    return found, names


def with_text(table: Any, key: str | None) -> Any:
    """Return a table whose names are text, if they came as a dictionary."""
    import pyarrow as pa

    column = table.column(key)
    if not pa.types.is_dictionary(column.type):
        return table
    at = table.schema.get_field_index(key)
    return table.set_column(at, key, pa.chunked_array(map(_decoded, column.chunks)))


def _decoded(values: Any) -> Any:
    import pyarrow as pa

    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def named(found: Span | Cells, names: Any, weighted: bool) -> Named:
    """Return sums within places as sums within the names that have them."""
    if isinstance(found, Cells):
        found = laid_out(found, weighted, 0, len(names))
    lost = None if found.lost is None else _wide(found.lost, len(names))
    return Named(names, _wide(found.value, len(names)), lost, weighted)


def _among(names: Any, others: Any) -> tuple[Any, Ints]:
    """Return names and further ones, and where among them the others are."""
    import pyarrow as pa
    from pyarrow import compute

    if names.equals(others) or not len(names):
        return others, np.arange(len(others))
    if not len(others):
        return names, np.empty(0, dtype=np.int64)
    place = compute.index_in(others, names).fill_null(-1).to_numpy().astype(np.int64)
    new = np.flatnonzero(place < 0)
    place[new] = len(names) + np.arange(len(new))
    return (pa.concat_arrays([names, others.take(new)]) if len(new) else names), place


def _wide(sums: Floats, size: int) -> Floats:
    """Return sums with so many places: a copy where there were fewer."""
    here = sums.shape[1]
    return sums[:, :size] if here >= size else wider(sums, slice(0, here), size)
