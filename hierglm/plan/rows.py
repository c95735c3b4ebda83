"""The rows of a design as a likelihood sees them: equal rows gathered into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.reduced import Counted
from hierglm.plan.crossproducts import common_matrix, memberships
from hierglm.plan.order import Factor
from hierglm.plan.rotation import coupled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Distinct rows: same columns, levels, offset and known error.

    For a family whose log likelihood of a row is ``weight (y eta - trials c(eta))`` two sums
    are all that counts. For a Gaussian response (no trials) the sum of squares within is one more.

    Attributes
    ----------
    X : ndarray, shape (rows, p)
        Common columns, as `common_matrix` has them.
    Z : tuple of ndarray, shape (rows, q)
        Effect columns of each group term.
    index : tuple of ndarray of int, shape (rows,) or (memberships, rows)
        Level of each row, for each group term; or the levels to which it belongs.
    shares : tuple of ndarray, shape (memberships, rows), or None
        How much of the effects of each of these levels it has, where there are several.
    offset : ndarray, shape (rows,)
        Added to the linear predictor.
    total : ndarray, shape (rows,)
        Sum of weight times response.
    count : ndarray, shape (rows,)
        Sum of weights, times trials where there are trials.
    within : ndarray, shape (rows,)
        Weighted sum of squares of equal responses about their mean.
    cell : ndarray of int, shape (original rows,)
        Which of these rows each row of the design has become.
    first : ndarray of int, shape (rows,)
        One row of the design that each of these stands for.
    pattern, patterns : ndarray of int, or None
        Where common columns repeat over gathered rows: which pattern each row has, and one
        row of the design for each pattern.
    counted : bool
        Whether rows of the design stand for several to begin with.
    """

    X: Floats
    Z: tuple[Floats, ...]
    index: tuple[Ints, ...]
    shares: tuple[Floats | None, ...]
    offset: Floats
    total: Floats
    count: Floats
    within: Floats
    cell: Ints
    first: Ints
    pattern: Ints | None = None
    patterns: Ints | None = None
    counted: bool = False

    @property
    def mean(self) -> Floats:
        """Mean response of each row, shape (rows,)."""
        return self.total / np.maximum(self.count, 1e-300)

    @property
    def gathered(self) -> bool:
        """Whether some rows were equal."""
        return self.counted or len(self.first) < len(self.cell)


def factors(design: Design) -> tuple[Factor, ...]:
    """Return the grouping factors of a design as elimination sees them."""
    return tuple(Factor(g.index, len(g.levels), len(g.terms), coupled(g)) for g in design.groups)


def gather(design: Design, equal: bool = True) -> Rows:
    """Return the distinct rows of a design.

    Parameters
    ----------
    design : Design
    equal : bool
        Whether equal rows become one; else each is kept.
    """
    response = design.response
    held = len(design.kept)
    weight = np.ones(held) if response.weights is None else response.weights
    counted = isinstance(design.reduced, Counted)
    if isinstance(design.reduced, Counted):
        weight = weight * design.reduced.frequency
    trials = np.ones(held) if response.trials is None else response.trials
    cell = first = np.arange(held)
    if equal:
        cell, first = distinct(_columns(design), held)
    X, _ = common_matrix(design)
    levels = [memberships(g) for g in design.groups]
    offset = np.zeros(held) if design.offset is None else design.offset
    size = len(first)

    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(cell, weights=values, minlength=size), dtype=np.float64)

    total, count = summed(weight * response.values), summed(weight * trials)
    mean = np.divide(total, count, out=np.zeros(size), where=count > 0)
    away = response.values - trials * mean[cell]
    pattern, patterns = None, None
    if (counted or len(first) < held) and design.common.labels:
        at, one = distinct(list(design.common.matrix[first].T), len(first))
        if len(one) < len(first):
            pattern, patterns = at, first[one]
    return Rows(
        X=X[first],
        Z=tuple(g.effects.matrix[first] for g in design.groups),
        index=tuple(index[..., first] for index, _ in levels),
        shares=tuple(None if share is None else share[:, first] for _, share in levels),
        offset=offset[first],
        total=total,
        count=count,
        within=summed(weight * away**2),
        cell=cell,
        first=first,
        pattern=pattern,
        patterns=patterns,
        counted=counted,
    )


def sort(rows: Rows, levels: Sequence[int]) -> Rows:
    """Return the same rows by level of the term with most levels, within it by the next.

    One pass over sorted rows takes each level's effects once, and finds those of its other
    terms where it has just been.

    Parameters
    ----------
    rows : Rows
    levels : sequence of int
        Levels of each group term; no row belongs to several.
    """
    # The last key of a lexical sort is the first to count.
    keys = sorted(range(len(levels)), key=lambda k: (levels[k], -k))
    if not keys:
        return rows
    place = np.lexsort([rows.index[k] for k in keys])
    rank = np.empty(len(place), dtype=np.int64)
    rank[place] = np.arange(len(place))
    return replace(
        rows,
        X=rows.X[place],
        Z=tuple(z[place] for z in rows.Z),
        index=tuple(i[place] for i in rows.index),
        offset=rows.offset[place],
        total=rows.total[place],
        count=rows.count[place],
        within=rows.within[place],
        cell=rank[rows.cell],
        first=rows.first[place],
        pattern=None if rows.pattern is None else rows.pattern[place],
    )


_WORTH = 0.75
"""Rows are gathered if no more than this share of them is left."""


def _columns(design: Design) -> list[Any]:
    """Return all columns in which two rows may differ, those that differ least first."""
    columns: list[Any] = []
    for index, shares in map(memberships, design.groups):
        columns += [*np.atleast_2d(index), *(() if shares is None else shares)]
    columns += [design.common.matrix[:, k] for k in range(design.common.matrix.shape[1])]
    columns += [g.effects.matrix[:, k] for g in design.groups for k in range(len(g.terms))]
    return columns + [x for x in (design.offset, design.response.se) if x is not None]


def distinct(columns: Sequence[Any], rows: int) -> tuple[Ints, Ints]:
    """Return the number of the distinct row of each row, and the first row of each.

    Columns are taken one by one and the codes so far numbered again: no sorting, no wide
    rows. It ends, rows as they are, as soon as most of them are known to differ.
    """
    import pandas as pd

    every = np.arange(rows)
    code = np.zeros(rows, dtype=np.int64)
    known = 1
    for column in columns:
        at, values = pd.factorize(column)
        if len(values) == 1:
            continue
        code, found = pd.factorize(code * len(values) + at)
        known = len(found)
        if known > _WORTH * rows:
            return every, every
    # Codes count up as they appear: written from the last row up, the first one stays.
    first = np.zeros(known, dtype=np.int64)
    first[code[::-1]] = every[::-1]
    return code, first
