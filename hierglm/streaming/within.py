"""Sums within cells to those within the levels of each group term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.reduced import GroupReduced
from hierglm.streaming.layout import Layout
from hierglm.streaming.levels import Levels, Within

Floats = NDArray[np.float64]


def within_levels(
    cells: Within, layout: Layout, levels: Sequence[Levels]
) -> tuple[tuple[GroupReduced, ...], Mapping[tuple[int, int], Any]]:
    """Return the sums of each group term, and of each two.

    Effects are columns as they were: U less what was taken from it is multiplied out, in sums
    that do not cancel.

    Parameters
    ----------
    cells : Within
    layout : Layout
    levels : sequence of (ndarray of int or None, int)
        The level of each cell, and how many there are, for each term; None where each cell is a
        level, in order.
    """
    sums = _Products(cells.sums, layout)
    width = layout.common + 2
    groups = []
    for effects, (index, size) in zip(layout.effects, levels, strict=True):
        q = len(effects)
        ZA = np.empty((q, size, width))
        for r, e in enumerate(effects):
            for u in range(width):
                ZA[r, :, u] = _summed(sums.half(e, u), index, size)
        pairs = zip(*np.tril_indices(q), strict=True)
        ZZ = [_summed(sums.whole(effects[r], effects[s]), index, size) for r, s in pairs]
        rows = _summed(cells.counts, index, size).astype(np.int64)
        groups.append(GroupReduced(np.array(ZZ), ZA, rows))
    count = range(len(groups))
    cross = {(k, m): _crossed(sums, layout, levels, k, m) for k in count for m in count if k < m}
    return tuple(groups), cross


def _summed(of_cells: NDArray[Any], index: NDArray[np.int64] | None, size: int) -> NDArray[Any]:
    """Return the sums within levels of something that each cell has."""
    return of_cells if index is None else np.bincount(index, of_cells, size)


class _Products:
    """Sums within cells of products of two columns."""

    def __init__(self, sums: Floats, layout: Layout) -> None:
        self._sums = dict(zip(layout.pairs, sums, strict=True))
        self._shift = layout.shift

    def half(self, e: int, u: int) -> Floats:
        """Return those of an effect as it was and a column of U."""
        found = self._sums[min(e, u), max(e, u)]
        return np.asarray(found + self._shift[e] * self._sums[0, u] if self._shift[e] else found)

    def whole(self, e: int, f: int) -> Floats:
        """Return those of two effects as they were."""
        found = self.half(e, f)
        return np.asarray(found + self._shift[f] * self.half(e, 0) if self._shift[f] else found)


def _crossed(sums: _Products, layout: Layout, levels: Sequence[Levels], k: int, m: int) -> Any:
    """Return Z_k' W Z_m, sparse."""
    from scipy import sparse

    places = [np.arange(size) if index is None else index for index, size in (levels[k], levels[m])]
    (one, other), J, K = places, levels[k][1], levels[m][1]
    q, t = len(layout.effects[k]), len(layout.effects[m])
    rows, columns, values = [], [], []
    for r, e in enumerate(layout.effects[k]):
        for s, f in enumerate(layout.effects[m]):
            rows.append(one * q + r)
            columns.append(other * t + s)
            values.append(sums.whole(e, f))
    found = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_array(found, shape=(J * q, K * t)).tocsr()
