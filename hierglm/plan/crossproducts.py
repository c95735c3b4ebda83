"""The sums over rows that a Gaussian likelihood needs; rows drop out once these are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.design.magnitudes import units
from hierglm.design.reduced import Reduced
from hierglm.plan.blocks import level_products, pack
from hierglm.plan.order import Order
from hierglm.plan.reduced_sums import sums_of
from hierglm.plan.sums import Crossproducts, GroupCrossproducts, Sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def sum_rows(design: Design, order: Order, given: Floats | None = None) -> Sums:
    """Return the crossproducts of a design.

    Parameters
    ----------
    design : Design
    order : Order
        In which its terms are eliminated.
    given : ndarray, shape (p,), optional
        The common coefficients that are known, NaN where they are not.
    """
    if isinstance(design.reduced, Reduced):
        return sums_of(design.reduced, design.intercept, order, given)
    weights = row_weights(design)
    X, means = common_matrix(design)
    common, e = _common(design, X, means, weights, given)
    groups = tuple(_group(g, X, weights, e) for g in design.groups)
    Z = [effect_matrix(g.effects.matrix, *memberships(g), len(g.levels)) for g in design.groups]
    return Sums(common, groups, crossings(Z, weights, order))


def row_weights(design: Design) -> Floats:
    """Return each row's weight: likelihood weights, over the squares of known errors."""
    response = design.response
    weights = np.ones(design.rows) if response.weights is None else response.weights
    return weights if response.se is None else weights / response.se**2


def common_matrix(design: Design) -> tuple[Floats, Floats]:
    """Return X as `Crossproducts` says, and the means of its columns."""
    columns, means = design.common.matrix, column_means(design)
    if not design.intercept:
        return columns, means
    return np.column_stack([np.ones(len(columns)), columns - means]), means


def column_means(design: Design) -> Floats:
    """Return what is taken from the common columns: their means, or zeros without an intercept."""
    if design.reduced is not None:
        return design.reduced.means if design.intercept else np.zeros(len(design.reduced.means))
    columns = design.common.matrix
    return np.asarray(columns.mean(axis=0)) if design.intercept else np.zeros(columns.shape[1])


def _common(
    design: Design, X: Floats, means: Floats, weights: Floats, given: Floats | None
) -> tuple[Crossproducts, Floats]:
    """Return the crossproducts of the common columns, and the residuals of least squares."""
    y = design.response.values
    known: Floats = np.zeros(X.shape[1])
    if given is not None and not np.isnan(given).all():
        known = np.nan_to_num(given)
        y = y - X @ known
        X = X * np.isnan(given)
    if design.offset is not None:
        y = y - design.offset
    root = np.sqrt(weights)
    p = X.shape[1]
    ols: Floats = np.zeros(0)
    R: Floats = np.zeros((0, 0))
    if p:
        # In units of each column: lstsq leaves out directions that are small beside others.
        unit = units(X * root[:, None])
        found = np.linalg.lstsq(X * root[:, None] * unit, y * root, rcond=None)[0]
        ols = np.asarray(found * unit, dtype=np.float64)
        # Fewer rows than columns: the factor is short, and zeros complete it.
        short = np.linalg.qr(X * root[:, None], mode="r")
        R = np.vstack([short, np.zeros((p - len(short), p))])
    e = y - X @ ols
    total = design.response.weights
    rows = float(design.rows if total is None else total.sum())
    if given is not None:
        ols = np.where(np.isnan(given), ols, known)
    return Crossproducts(ols, R, float(weights @ (e * e)), rows, means), e


def memberships(grouping: Grouping) -> tuple[Ints, Floats | None]:
    """Return the level of each row, or the levels that it belongs to and its shares of them."""
    members, shares = grouping.relation.members, grouping.relation.shares
    return (grouping.index, None) if members is None else (members, shares)


def _group(grouping: Grouping, X: Floats, weights: Floats, e: Floats) -> GroupCrossproducts:
    Z = grouping.effects.matrix
    levels, q = len(grouping.levels), Z.shape[1]
    if grouping.relation.members is not None:
        # One column a level, of rows' shares.
        M = effect_matrix(np.ones((len(Z), 1)), *memberships(grouping), levels)
        pairs = zip(*np.tril_indices(q), strict=True)
        return GroupCrossproducts(
            ZZ=np.stack(
                [(M.T @ (M * (weights * Z[:, r] * Z[:, s])[:, None])).toarray() for r, s in pairs]
            ),
            ZX=np.stack([M.T @ ((weights * z)[:, None] * X) for z in Z.T]),
            Ze=np.stack([M.T @ (weights * z * e) for z in Z.T]),
        )

    def by_level(values: Floats) -> Floats:
        sums = np.bincount(grouping.index, weights=values, minlength=levels)
        return np.asarray(sums, dtype=np.float64)

    weighted = Z * weights[:, None]
    ZX = np.zeros((q, levels, X.shape[1]))
    for k in range(q):
        for column in range(X.shape[1]):
            ZX[k, :, column] = by_level(weighted[:, k] * X[:, column])
    return GroupCrossproducts(
        ZZ=pack(level_products(Z, grouping.index, weights, levels)),
        ZX=ZX,
        Ze=np.array([by_level(weighted[:, k] * e) for k in range(q)]),
    )


def effect_matrix(Z: Floats, index: Ints, shares: Floats | None, levels: int) -> Any:
    """Return the sparse matrix of a term's effects, shape (rows, levels q), level by level.

    Parameters
    ----------
    Z : ndarray, shape (rows, q)
    index : ndarray of int, shape (rows,) or (memberships, rows)
        The level of each row, or the levels to which it belongs.
    shares : ndarray, shape (memberships, rows), or None
        How much of each level's effects a row has.
    levels : int
    """
    from scipy import sparse

    if shares is not None:
        parts = (
            effect_matrix(share[:, None] * Z, at, None, levels)
            for at, share in zip(index, shares, strict=True)
        )
        return sum(parts, start=sparse.csr_array((len(Z), levels * Z.shape[1])))
    rows, q = Z.shape
    columns = (index[:, None] * q + np.arange(q)).reshape(-1)
    starts = np.arange(0, rows * q + 1, q)
    return sparse.csr_array((Z.reshape(-1), columns, starts), shape=(rows, levels * q))


def crossings(Z: Sequence[Any], w: Floats, order: Order) -> dict[tuple[int, int], Any]:
    """Return Z_k' W Z_l for every two terms, in their order of elimination."""
    from scipy import sparse

    out = {}
    W = sparse.dia_array((w[None, :], [0]), shape=(len(w), len(w)))
    for a, k in enumerate(order.all[:-1]):
        left = (Z[k].T @ W).tocsr()
        for m in order.all[a + 1 :]:
            out[k, m] = (left @ Z[m]).tocsr()
    return out
