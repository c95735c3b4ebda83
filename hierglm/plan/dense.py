"""Which effects that depend on each other are integrated out by one dense matrix.

Effects of J levels, q each, are ``u = F v``, one row a coordinate: the rows of v are independent
and those of coordinate m have the triangular factor S_m (of a field that a parameter changes, S
times the coordinate's weights). The data's information G about v is a whole matrix; ``I + S' G S``
has one Cholesky factor a gradient. That is done where it is asked for; conditional means in these
coordinates are several times as fast, since their matrices are small or known.

Where levels `differ` besides, every level has a factor S_j, and effects are ``S_j (F v)_j``.
"""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.plan.rotation import differ, rotates, turns

MOST = 120
"""Most effects of a term with one dense matrix. Embedded engine, microseconds a gradient, effects
integrated out: 52 for 20 effects, 192 for 40, 648 for 80, 2,460 for 120. Effective draws a CPU
second, conditional over integrated: 3.2 (car) and 3.3 (bym2) with 20 effects, 4.6 (cov, slopes)
and 8.6 (mm, slopes) with 40."""


def dense(grouping: Grouping) -> bool:
    """Tell whether a term's effects are integrated out by one dense matrix."""
    return _whole(grouping) and _size(grouping) <= MOST


def too_many(grouping: Grouping) -> str:
    """Return why a term is not integrated out although its effects have coordinates, or ""."""
    if not _whole(grouping) or dense(grouping):
        return ""
    return f"{_size(grouping):,} effects are too many for one dense matrix"


def _whole(grouping: Grouping) -> bool:
    return differ(grouping) or (turns(grouping) and not rotates(grouping))


def _size(grouping: Grouping) -> int:
    return len(grouping.levels) * len(grouping.terms)
