"""Rows that belong to several levels: ``mm(a, b, weights=cbind(v, w))``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierglm.design.groups import Codes
from hierglm.design.relation import Floats, Ints
from hierglm.errors import DataError
from hierglm.formula.terms import GroupTerm


def several_memberships(term: GroupTerm, members: Sequence[Codes]) -> Codes:
    """Return the levels of all members of ``mm(a, b)``, and the codes of the first.

    Raises
    ------
    DataError
        Members of different types.
    """
    kinds = {"text" if c.levels.dtype.kind in "OUST" else "numbers" for c in members}
    if len(kinds) > 1:
        raise DataError(f"the members of {term.group} are text and numbers; give them one type")
    every = list(dict.fromkeys(x for c in members for x in c.levels.tolist()))
    if all(c.levels.tolist() == sorted(c.levels.tolist()) for c in members):
        every = sorted(every)
    levels = np.empty(len(every), dtype=members[0].levels.dtype)
    levels = np.array(every, dtype=object) if levels.dtype.kind in "OUST" else levels
    levels[:] = every
    return Codes(levels, members[0].index)


def shares_of(term: GroupTerm, weights: Sequence[Floats], rows: Ints) -> Floats:
    """Return how much of each member a row has, shape (members, rows).

    Parameters
    ----------
    term : GroupTerm
    weights : sequence of ndarray
        Columns of weights; empty for equal ones.
    rows : ndarray of int
        Positions in the caller's table, for messages.

    Raises
    ------
    DataError
        Weights that cannot be scaled.
    """
    count = len(term.by)
    if not weights:
        return np.full((count, len(rows)), 1.0 / count)
    found = np.array(weights, dtype=np.float64)
    if term.levels.option("scale", True) is False:
        return found
    total = found.sum(axis=0)
    bad = np.flatnonzero((found < 0).any(axis=0) | ~(total > 0))
    if len(bad):
        raise DataError(
            f"the weights of {term.group} must not be negative, nor all 0, to be scaled to sum "
            f"to 1; row {int(rows[bad[0]]) + 1} has "
            f"{', '.join(f'{w:g}' for w in found[:, bad[0]])}"
        )
    return np.asarray(found / total)
