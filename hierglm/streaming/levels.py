"""The levels that sums were made within, and their places in a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.encode import encode_new
from hierglm.design.reading import as_table
from hierglm.streaming.cells import Cells
from hierglm.streaming.naming import Named
from hierglm.streaming.spans import Span

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Levels = tuple[Ints | None, int]
"""The level of each cell, and how many there are; None where each cell is one, in order."""


@dataclass(frozen=True, slots=True)
class Within:
    """Sums within cells, rounded.

    Attributes
    ----------
    rows : pyarrow.Table or None
        A row of each cell; None where `levels` say all.
    counts : ndarray of int, shape (cells,)
    sums : ndarray, shape (sums, cells)
    levels : ndarray of int or str, shape (cells,), or None
        What tells the cells, ascending, where that is one column.
    """

    rows: Any
    counts: Ints
    sums: Floats
    levels: NDArray[Any] | None


def rounded(found: Span | Cells | Named, level: str | None) -> Within:
    """Return the sums within cells, in the order of the column `level` that tells them."""
    if isinstance(found, Named):
        levels, counts, sums = found.in_order()
        return Within(None, counts, sums, levels)
    if isinstance(found, Span):
        levels, sums = found.levels, found.sums
        return Within(None, sums[0].astype(np.int64), sums[int(found.weighted) :], levels)
    sums = found.sums.sum
    if level is None:
        return Within(found.rows, found.counts, sums, None)
    levels = found.rows.column(level).to_numpy()
    order = np.argsort(levels)
    return Within(None, found.counts[order], sums[:, order], levels[order])


def places(design: Design, found: Within) -> list[Levels]:
    """Return the levels of cells for each group term of a design."""
    if not design.groups:
        return []
    if found.levels is None:
        rows = encode_new(design, as_table(found.rows))
        return [(g.index, len(g.levels)) for g in rows.groups]
    return [
        (
            None if len(g.levels) == len(found.levels) else np.searchsorted(g.levels, found.levels),
            len(g.levels),
        )
        for g in design.groups
    ]
