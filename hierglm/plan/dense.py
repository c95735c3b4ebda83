"""Related levels integrated out by one dense matrix, where no coordinates make them independent.

Effects of J levels, q each, are ``u = F v``, one row a coordinate: the rows of v are independent
and those of coordinate m have the triangular factor S_m (of a field that a parameter changes, S
times the coordinate's weights). The data's information about v is dense, ``G = F' D F`` for each
two effects, D the information by level; ``I + S' G S`` has one Cholesky factor a gradient.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.plan.crossproducts import GroupCrossproducts, Sums
from hierglm.plan.rotation import known_factor, obstacle

Floats = NDArray[np.float64]

MOST = 40
"""Most effects of such a term. Embedded engine, microseconds a gradient: 52 for 20 effects, 192
for 40, 648 for 80, 2,460 for 120. Against standardised effects the effective sample size a CPU
second is 3.7 (car) and 1.0 (bym2) times as large for 20 effects, and 1.4 times (cov) for 40."""


def dense(grouping: Grouping) -> bool:
    """Tell whether a term's effects are integrated out by one dense matrix."""
    return _dependent(grouping) and _size(grouping) <= MOST


def too_many(grouping: Grouping) -> str:
    """Return what to add to the reason why a term is not integrated out."""
    if not _dependent(grouping) or dense(grouping):
        return ""
    return f", and {_size(grouping):,} effects are too many for one dense matrix"


def _dependent(grouping: Grouping) -> bool:
    relation = grouping.relation
    related = relation.dependent and relation.members is None and not relation.varying
    return related and obstacle(grouping) != ""


def _size(grouping: Grouping) -> int:
    return len(grouping.levels) * len(grouping.terms)


def turn(grouping: Grouping) -> Floats:
    """Return what a term's effects in coordinates, row by row, are multiplied by, (J q, J q)."""
    whole = np.kron(known_factor(grouping), np.eye(len(grouping.terms)))
    return np.asarray(whole, dtype=np.float64)


def densify(sums: Sums, design: Design, k: int) -> Sums:
    """Return crossproducts of a term in its coordinates; its ZZ has the shape (T, J, J)."""
    from scipy import sparse

    grouping, own = design.groups[k], sums.groups[k]
    F = known_factor(grouping)
    ZZ = np.stack([F.T @ (d[:, None] * F) for d in own.ZZ])
    groups = list(sums.groups)
    groups[k] = GroupCrossproducts(ZZ, np.stack([F.T @ x for x in own.ZX]), own.Ze @ F)
    cross = {
        (a, m): sparse.csr_array(turn(grouping).T @ found.toarray()) if a == k else found
        for (a, m), found in sums.cross.items()
    }
    return replace(sums, groups=tuple(groups), cross=cross)
