"""The sums over rows that a Gaussian likelihood needs; rows drop out once these are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossproducts:
    """Crossproducts of the common columns and the response, weighted.

    X has a column of ones and centred columns where there is an intercept, else the columns
    as they are.

    Attributes
    ----------
    ols : ndarray, shape (p,)
        Least-squares coefficients of X.
    R : ndarray, shape (p, p)
        Upper triangular, R' R = X' W X.
    rss : float
        Weighted residual sum of squares.
    weights : float
        Number of rows, or the sum of their weights.
    means : ndarray, shape (columns,)
        Means that were taken from the columns; zeros without an intercept.
    """

    ols: Floats
    R: Floats
    rss: float
    weights: float
    means: Floats


@dataclass(frozen=True, slots=True)
class GroupCrossproducts:
    """Crossproducts within the J levels of a grouping factor with q effects.

    Attributes
    ----------
    ZZ : ndarray, shape (q (q + 1) / 2, J)
        Z_j' W Z_j, lower triangles row by row.
    ZX : ndarray, shape (q, J, p)
        Z_j' W X.
    Ze : ndarray, shape (q, J)
        Z_j' W e, e the residuals of the least-squares fit.
    """

    ZZ: Floats
    ZX: Floats
    Ze: Floats


def row_weights(design: Design) -> Floats:
    """Return each row's weight: likelihood weights, over the squares of known errors."""
    response = design.response
    weights = np.ones(design.rows) if response.weights is None else response.weights
    return weights if response.se is None else weights / response.se**2


def common_matrix(design: Design) -> tuple[Floats, Floats]:
    """Return X as `Crossproducts` says, and the means of its columns."""
    columns = design.common.matrix
    if not design.intercept:
        return columns, np.zeros(columns.shape[1])
    means = np.asarray(columns.mean(axis=0))
    return np.column_stack([np.ones(design.rows), columns - means]), means


def crossproducts(design: Design) -> tuple[Crossproducts, Floats]:
    """Return the crossproducts of a design, and the residuals of the least-squares fit."""
    X, means = common_matrix(design)
    y = design.response.values
    if design.offset is not None:
        y = y - design.offset
    weights = row_weights(design)
    root = np.sqrt(weights)
    p = X.shape[1]
    ols: Floats = np.zeros(0)
    R: Floats = np.zeros((0, 0))
    if p:
        found = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
        ols = np.asarray(found, dtype=np.float64)
        # Fewer rows than columns: the factor is short, and zeros complete it.
        short = np.linalg.qr(X * root[:, None], mode="r")
        R = np.vstack([short, np.zeros((p - len(short), p))])
    e = y - X @ ols
    total = design.response.weights
    return (
        Crossproducts(
            ols=ols,
            R=R,
            rss=float(weights @ (e * e)),
            weights=float(design.rows if total is None else total.sum()),
            means=means,
        ),
        e,
    )


def group_crossproducts(design: Design, grouping: Grouping, e: Floats) -> GroupCrossproducts:
    """Return the crossproducts within the levels of one group term.

    Parameters
    ----------
    design : Design
    grouping : Grouping
        One of its group terms.
    e : ndarray, shape (rows,)
        Residuals of the least-squares fit.
    """
    X, _ = common_matrix(design)
    weights, Z = row_weights(design), grouping.effects.matrix
    levels, q = len(grouping.levels), Z.shape[1]

    def by_level(values: Floats) -> Floats:
        sums = np.bincount(grouping.index, weights=values, minlength=levels)
        return np.asarray(sums, dtype=np.float64)

    weighted = Z * weights[:, None]
    ZX = np.zeros((q, levels, X.shape[1]))
    for k in range(q):
        for column in range(X.shape[1]):
            ZX[k, :, column] = by_level(weighted[:, k] * X[:, column])
    return GroupCrossproducts(
        ZZ=np.array([by_level(weighted[:, r] * Z[:, s]) for r in range(q) for s in range(r + 1)]),
        ZX=ZX,
        Ze=np.array([by_level(weighted[:, k] * e) for k in range(q)]),
    )
