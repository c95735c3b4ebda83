"""Rows divided into parts, of each of which the effects of its levels fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.models import Model

Ints = NDArray[np.int64]

_HELD = 2**25
"""Effects of levels held at once (256 MB)."""


def held_together(predictors: Sequence[Model], rows: int, draws: int) -> Iterator[Ints]:
    """Yield the positions of rows whose levels' effects can be held at once.

    Parameters
    ----------
    predictors : sequence of Model
        Of the same rows.
    rows, draws : int
        How many.

    Yields
    ------
    ndarray of int
        Ascending where one part has all rows; otherwise rows of one level of the largest factor
        stand together, so that each level's effects are computed once.
    """
    groups = [g for m in predictors for g in m.design.groups]
    order = np.arange(rows)
    if _held(groups, order) * draws > _HELD:
        most = max(groups, key=lambda g: len(g.levels))
        order = np.argsort(most.index, kind="stable")
    yield from _halves(groups, order, draws)


def _halves(groups: Sequence[Grouping], rows: Ints, draws: int) -> Iterator[Ints]:
    if len(rows) < 2 or _held(groups, rows) * draws <= _HELD:
        yield rows
        return
    middle = len(rows) // 2
    yield from _halves(groups, rows[:middle], draws)
    yield from _halves(groups, rows[middle:], draws)


def _held(groups: Sequence[Grouping], rows: Ints) -> int:
    """Return how many effects a draw of some rows needs."""
    count = 0
    for g in groups:
        index = g.index if g.relation.members is None else g.relation.members
        count += len(np.unique(index[..., rows])) * len(g.terms)
    return count
