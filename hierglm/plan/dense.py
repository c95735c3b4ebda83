"""Which effects that depend on each other are integrated out by one dense matrix.

Effects of J levels, q each, are ``u = F v``, one row a coordinate: the rows of v are independent
and those of coordinate m have the triangular factor S_m (of a field that a parameter changes, S
times the coordinate's weights). The data's information G about v is a whole matrix; ``I + S' G S``
has one Cholesky factor a gradient.
"""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.plan.rotation import rotates, turns

MOST = 40
"""Most effects of such a term. Embedded engine, microseconds a gradient: 52 for 20 effects, 192
for 40, 648 for 80, 2,460 for 120. Against standardised effects the effective sample size a CPU
second is 3.7 (car) and 1.0 (bym2) times as large for 20 effects, and 1.4 times (cov) for 40."""


def dense(grouping: Grouping) -> bool:
    """Tell whether a term's effects are integrated out by one dense matrix."""
    return _whole(grouping) and _size(grouping) <= MOST


def too_many(grouping: Grouping) -> str:
    """Return why a term is not integrated out although its effects have coordinates, or ""."""
    if not _whole(grouping) or dense(grouping):
        return ""
    return f"{_size(grouping):,} effects are too many for one dense matrix"


def _whole(grouping: Grouping) -> bool:
    return turns(grouping) and not rotates(grouping)


def _size(grouping: Grouping) -> int:
    return len(grouping.levels) * len(grouping.terms)
