"""Coordinates in which the effects of levels that depend on each other are independent a priori.

Effects of J levels are ``u = F v``, F known (of levels that are related) or 1 (of rows that belong
to several levels): the rows of v are independent, and those of coordinate m have the covariance of
one level's effects, times the weights that a field's parameter gives the coordinate.

With one effect a level and no such parameter the coordinates can be turned so that the data tell
them independently too: with A the data's information about u, ``F' A F = Q E Q'``, and the prior
of ``Q' v`` is that of v. In the coordinates ``R = F Q`` the term is one with independent levels,
with information E and crossproducts R' Z' X, and what is known of such terms holds without change.
Otherwise the information in coordinates is a whole matrix (`Sums` has it so), which a turn makes
nearly diagonal.

Levels that `differ` besides (in strata, or as Student t effects) have effects ``S_j (F v)_j``: a
penalised fit is that of levels that are alike (`hierglm.plan.alike`), and what it says of
coordinates is said of ``F Q`` times these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.plan.sums import GroupCrossproducts, Sums

Floats = NDArray[np.float64]

MANY = 2000
"""Most effects of a term whose information in coordinates is a whole matrix."""


def coupled(grouping: Grouping) -> bool:
    """Tell whether a term's levels depend on each other, in the prior or by rows they share."""
    return grouping.relation.dependent or grouping.relation.members is not None


def rotates(grouping: Grouping) -> bool:
    """Tell whether a term has coordinates that are independent both a priori and in the data."""
    single = len(grouping.terms) == 1 and not grouping.relation.parameter
    return turns(grouping) and single


def turns(grouping: Grouping) -> bool:
    """Tell whether a term is written in coordinates that are independent a priori."""
    return coupled(grouping) and not grouping.relation.varying and not obstacle(grouping)


def differ(grouping: Grouping) -> bool:
    """Tell whether a term's levels depend on each other and differ in covariance besides."""
    return coupled(grouping) and grouping.relation.varying and not obstacle(grouping)


def obstacle(grouping: Grouping) -> str:
    """Return why a term's effects are written as standard normals and in no other form, or ""."""
    relation, size = grouping.relation, len(grouping.levels) * len(grouping.terms)
    if not coupled(grouping):
        return ""
    alike = not relation.varying
    known = relation.kind in ("cov", "icar") and len(grouping.terms) == 1 and alike
    if size > MANY and not known:
        return f"{size:,} effects that depend on each other given the data are too many"
    return ""


def coordinates(grouping: Grouping, information: Floats) -> Floats:
    """Return R, shape (J, J): effects are R times those in the coordinates.

    Of a field that has fewer than J, the last columns are 0: nothing depends on these
    coordinates, and their prior is their posterior.

    Parameters
    ----------
    grouping : Grouping
        One that `turns`, or whose levels `differ`.
    information : ndarray, shape (T, J) or (T, J, J)
        That of the data about the effects of levels, as `GroupCrossproducts` has it. Of several
        effects that about each is made diagonal as far as it is alike.
    """
    factor = known_factor(grouping)
    if grouping.relation.parameter:
        # What the parameter weighs are these coordinates and no others.
        return factor
    (whole,) = in_coordinates(factor, _added(grouping, information)[None])
    _, vectors = np.linalg.eigh(whole)
    # Most informed first.
    return np.asarray(factor @ vectors[:, ::-1])


def known_factor(grouping: Grouping) -> Floats:
    """Return F of levels that depend on each other, (J, J), columns of 0 behind those it has."""
    factor, levels = grouping.relation.factor, len(grouping.levels)
    if factor is None:
        return np.eye(levels)
    return np.hstack([factor, np.zeros((levels, levels - factor.shape[1]))])


def rotate(sums: Sums, design: Design, which: Collection[int]) -> tuple[Sums, dict[int, Floats]]:
    """Return crossproducts in coordinates, and these.

    Parameters
    ----------
    sums : Sums
    design : Design
    which : collection of int
        Positions of the terms to write in coordinates; each `turns`, or its levels `differ`.

    Returns
    -------
    sums : Sums
        Of terms that do not `rotates`, ZZ has the shape (T, J, J).
    rotation : dict of int to ndarray, shape (J, J)
        R of each of these terms.
    """
    groups, rotation = list(sums.groups), dict[int, Floats]()
    for k in which:
        grouping, own = design.groups[k], groups[k]
        R = rotation[k] = coordinates(grouping, own.ZZ)
        ZZ = in_coordinates(R, own.ZZ)
        if rotates(grouping):
            # Rounding leaves information below 0 where there is none.
            ZZ = np.maximum(np.diagonal(ZZ, axis1=1, axis2=2), 0.0)
        groups[k] = GroupCrossproducts(ZZ, R.T @ own.ZX, own.Ze @ R)
    if not rotation:
        return sums, {}
    effects = [len(g.terms) for g in design.groups]
    cross = {
        pair: rotated_products(found, rotation, pair, effects) for pair, found in sums.cross.items()
    }
    return replace(sums, groups=tuple(groups), cross=cross), rotation


def in_coordinates(R: Floats, information: Floats) -> Floats:
    """Return R' A R of each two effects, shape (T, J, J); A has the shape (T, J) or (T, J, J)."""
    return np.stack([R.T @ (a[:, None] * R if a.ndim == 1 else a @ R) for a in information])


def rotated_products(
    products: Any,
    rotation: Mapping[int, Floats],
    pair: tuple[int, int],
    effects: Sequence[int],
) -> Any:
    """Return Z_k' W Z_m, shape (J_k q_k, J_m q_m), in the coordinates of both terms.

    Parameters
    ----------
    products : sparse array
    rotation : mapping of int to ndarray, shape (J, J)
    pair : tuple of int
        Positions of the two terms.
    effects : sequence of int
        Effects a level of every term.
    """
    from scipy import sparse

    k, m = pair
    if k not in rotation and m not in rotation:
        return products
    dense = products.toarray()
    if k in rotation:
        dense = turned(rotation[k], dense, effects[k])
    if m in rotation:
        dense = turned(rotation[m], dense.T, effects[m]).T
    return sparse.csr_array(dense)


def turned(R: Floats, matrix: Floats, q: int) -> Floats:
    """Return R' times the rows of a matrix, which has q rows a level."""
    shaped = matrix.reshape(len(R), q * matrix.shape[1])
    return np.asarray((R.T @ shaped).reshape(matrix.shape))


def _added(grouping: Grouping, packed: Floats) -> Floats:
    """Return the information about all effects of a level, their columns scaled alike."""
    q = len(grouping.terms)
    own = packed[[r * (r + 1) // 2 + r for r in range(q)]]
    total = own.reshape(q, -1).sum(axis=1)
    if own.ndim == 3:
        total = np.trace(own, axis1=1, axis2=2)
    share = np.divide(1.0, total, out=np.zeros(q), where=total > 0)
    return np.asarray(np.tensordot(share, own, axes=1))


def information(blocks: Floats, beside: Any) -> Floats:
    """Return a term's information as crossproducts have it, from that of an elimination.

    Parameters
    ----------
    blocks : ndarray, shape (J, q, q)
        Within levels.
    beside : sparse array, shape (J q, J q), or None
        What is to be taken off beside these, where levels share rows.

    Returns
    -------
    ndarray, shape (T, J) or (T, J, J)
    """
    rows, columns = np.tril_indices(blocks.shape[1])
    within = blocks[:, rows, columns].T
    if beside is None:
        return within
    levels, q = blocks.shape[:2]
    other = beside.toarray().reshape(levels, q, levels, q)[:, rows, :, columns]
    return np.stack([np.diag(w) - o for w, o in zip(within, other, strict=True)])
