"""How rows are read: told by the first of them, or by a first pass over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from hierglm.design.design import Design
from hierglm.design.encode import encode
from hierglm.design.level_weights import weigh
from hierglm.design.reading import as_table
from hierglm.formula.terms import Formula
from hierglm.streaming.adder import near
from hierglm.streaming.batches import PART, Reading, plain_terms
from hierglm.streaming.cells import number
from hierglm.streaming.covering import ROWS, Seen, complete, cover
from hierglm.streaming.layout import Layout, layout_of
from hierglm.streaming.middle import BINS
from hierglm.streaming.naming import is_text
from hierglm.streaming.sources import BATCH, Begun, Source
from hierglm.streaming.spans import distance

_SPREAD = 6.0
"""Bins that find the median lie within so many sds of the mean; others lie beyond the ends."""
_BLOCK = 2**20
_PIECE = 2**23
"""Most rows whose sums within levels are made at a time, and put to others at a time."""
_HELD = 2**21
"""Most rows that are read before sums are made of them."""
_SHARES = 2
"""Pieces of a table are a multiple of it, and of one size."""
_SAMPLE = 20_000
"""Rows of the first batch that tell about where columns lie."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before sums are made: an encoding, and rows that the final one is made of.

    Attributes
    ----------
    reading : Reading
    rows : pyarrow.Table or None
        The first rows, where the levels are still to be found.
    """

    reading: Reading
    rows: Any


def head_of(formula: Formula, source: Source, batch: int, begun: Begun | None) -> Any:
    """Return the first batch, or what is complete of the first that has complete rows."""
    if begun is not None:
        whole, _ = complete(begun.head.slice(0, batch))
        return whole if whole.num_rows else None
    seen = Seen(source.name)
    first = (t for piece in source.pieces(formula.names, batch) for t in piece())
    for table in first if source.split is not None else source.read(formula.names, batch):
        whole, missed = complete(table)
        if whole.num_rows:
            return whole
        seen = seen.with_batch(table.num_rows, 0, missed)
    seen.check("drop")
    return None


def started(formula: Formula, head: Any, batch: int) -> Start:
    """Return how rows are read whose columns are numbers, from the first of them."""
    some = np.unique(np.linspace(0, head.num_rows - 1, _SAMPLE).astype(np.int64))
    design = encode(formula, as_table(head.take(some)))
    layout = _layout(design, head)
    cells = 1 if layout.level is not None else len(number(head, layout.keys)[2])
    # Where most rows are a cell of their own, more rows at a time: cells are merged less often.
    size = batch if cells <= head.num_rows / 8 else 8 * batch
    return Start(_reading(design, layout, head, size, cells), head.slice(0, ROWS))


def covered(
    formula: Formula,
    source: Source,
    missing: Literal["drop", "error"],
    functions: Mapping[str, Callable[..., Any]] | None,
    weights: Mapping[Any, Any] | None,
    batch: int,
) -> Start:
    """Return how rows are read once a first pass has found the levels of all of them."""
    found = cover(formula, source, batch, missing)
    design = encode(formula, as_table(found.table), functions=functions)
    if weights is not None:
        design = weigh(design, weights)
    layout = _layout(design, found.table)
    cells = found.table.num_rows
    size = max(batch, cells)
    return Start(_reading(design, layout, found.table, size, cells), None)


def _layout(design: Design, head: Any) -> Layout:
    """Return the products that are needed.

    Categories have an order of their own, and unsigned numbers may be no places in an array.
    """
    from pyarrow import types

    layout = layout_of(design)
    if layout.level is None:
        return layout
    column = head.column(layout.level)
    if is_text(column.type):
        return replace(layout, named=True)
    if types.is_dictionary(column.type) or types.is_uint64(column.type):
        return replace(layout, level=None)
    apart = types.is_integer(column.type) and not near(distance(column), head.num_rows)
    return replace(layout, named=apart)


def _reading(design: Design, layout: Layout, head: Any, size: int, cells: int) -> Reading:
    """Return how rows are read, some of which are there."""
    from pyarrow import compute

    y = design.response.values
    reach = _SPREAD * max(float(y.std()), 1e-300)
    edges = np.linspace(y.mean() - reach, y.mean() + reach, BINS + 1)
    # Weights of levels are known to the encoding alone.
    plain = None if design.level_weights else plain_terms(design.formula, layout, head.schema)
    block, coded = min(size, max(PART, 16 * cells)), []
    if layout.level is not None:
        # Arrays of all levels are gone over for each block, and once more for each piece.
        column = head.column(layout.level)
        levels = compute.count_distinct(column).as_py() if layout.named else distance(column)
        block = min(max(PART, 2 * levels), _BLOCK)
        # Pieces whose levels have names are held as a whole.
        size = min(max(size, 8 * levels), _HELD if layout.named else _PIECE)
        # Parquet gives up its dictionary where most rows have a text of their own.
        if is_text(column.type) and 16 * levels <= len(column):
            coded.append(layout.level)
    return Reading(design, layout, edges, plain, size, block, tuple(coded))


def even(source: Source, size: int) -> int:
    """Return how many rows are read at a time so that several threads have as much to do."""
    if source.split is None:
        # These are held together.
        return min(size, _HELD)
    total = source.count()
    if total is None or total <= size:
        return size
    pieces = -(-total // size)
    # And a little more, so that the last has no few rows that are left over.
    return -(-total // (-(-pieces // _SHARES) * _SHARES)) + min(size, BATCH) // 2
