"""Coordinates in which related levels are independent, given the data too.

Effects ``u = F w`` of J levels have covariance ``sd^2 F F'`` where w are independent normals with
variance sd^2. Levels meet no row together, so that the data's information about u is a diagonal
matrix D; ``F' D F = Q E Q'`` makes it one about ``Q' w`` too, whose prior is that of w. In the
coordinates ``R = F Q`` a term with a known covariance of levels is thus one with independent
levels, with information E and crossproducts R' Z' X: what is known of such terms (integrating
them out, conditional means) holds for it without change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.plan.crossproducts import GroupCrossproducts, Sums

Floats = NDArray[np.float64]


def rotates(grouping: Grouping) -> bool:
    """Tell whether a term has coordinates in which its likelihood and its prior are independent.

    One covariance of levels, known up to a scale, and one information, diagonal by levels, are
    made diagonal together. Information in blocks of several effects a level is not, nor a
    covariance that a parameter changes.
    """
    relation = grouping.relation
    known = relation.kind in ("cov", "icar")
    return known and len(grouping.terms) == 1 and not relation.varying


def obstacle(grouping: Grouping) -> str:
    """Return why a term's effects are written as standard normals and in no other form, or ""."""
    relation = grouping.relation
    if relation.members is None and (not relation.dependent or rotates(grouping)):
        return ""
    if relation.members is not None:
        return "rows belong to several levels, whose effects depend on each other given the data"
    if relation.parameter:
        return f"{relation.parameter} changes how levels depend on each other"
    if relation.varying:
        return "levels that are related differ in the covariance of their effects"
    return "levels that are related have several effects each"


def coordinates(grouping: Grouping, information: Floats) -> tuple[Floats, Floats]:
    """Return R, and the information about the effects in its coordinates.

    Parameters
    ----------
    grouping : Grouping
        One that `rotates`.
    information : ndarray, shape (J,)
        That of the data about the effect of each level, D.

    Returns
    -------
    R : ndarray, shape (J, J)
        Effects are R times those in the coordinates. Of a field that has fewer than J, the last
        columns are 0: nothing depends on these coordinates, and their prior is their posterior.
    E : ndarray, shape (J,)
    """
    factor = known_factor(grouping)
    values, vectors = np.linalg.eigh(factor.T @ (information[:, None] * factor))
    # Most informed first; rounding leaves information below 0 where there is none.
    return factor @ vectors[:, ::-1], np.maximum(values[::-1], 0.0)


def known_factor(grouping: Grouping) -> Floats:
    """Return F of a term that `rotates`, shape (J, J), columns of 0 behind those it has."""
    factor = grouping.relation.factor
    assert factor is not None
    levels, found = factor.shape
    return np.hstack([factor, np.zeros((levels, levels - found))])


def rotate(sums: Sums, design: Design, which: Collection[int]) -> tuple[Sums, dict[int, Floats]]:
    """Return crossproducts in coordinates in which levels are independent, and these.

    Parameters
    ----------
    sums : Sums
    design : Design
    which : collection of int
        Positions of the terms to rotate; each `rotates`.

    Returns
    -------
    sums : Sums
    rotation : dict of int to ndarray, shape (J, J)
        R of each of these terms.
    """
    groups, rotation = list(sums.groups), dict[int, Floats]()
    for k in which:
        own = groups[k]
        R, E = coordinates(design.groups[k], own.ZZ[0])
        groups[k] = GroupCrossproducts(E[None], (R.T @ own.ZX[0])[None], (R.T @ own.Ze[0])[None])
        rotation[k] = R
    if not rotation:
        return sums, {}
    cross = {pair: rotated_products(found, rotation, *pair) for pair, found in sums.cross.items()}
    return replace(sums, groups=tuple(groups), cross=cross), rotation


def rotated_products(products: Any, rotation: Mapping[int, Floats], k: int, m: int) -> Any:
    """Return Z_k' W Z_m, shape (J_k q_k, J_m q_m), in the coordinates of both terms."""
    from scipy import sparse

    if k not in rotation and m not in rotation:
        return products
    dense = products.toarray()
    if k in rotation:
        dense = rotation[k].T @ dense
    if m in rotation:
        dense = dense @ rotation[m]
    return sparse.csr_array(dense)
