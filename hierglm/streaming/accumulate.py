"""Sums over the rows of a batch, and the merging of those of several batches.

Both are pure functions. Merging is associative up to rounding: errors of sums are carried along
(Knuth's two-sum, 1969), the factor of the common columns is merged by orthogonal transformations
(TSQR: Demmel, Grigori, Hoemmen and Langou 2012).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.plan.blocks import level_products, pack
from hierglm.plan.crossproducts import effect_matrix, row_weights

Floats = NDArray[np.float64]

_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Centres:
    """What is taken from columns before they are multiplied, so that little cancels.

    Attributes
    ----------
    x : ndarray, shape (p,)
        Of the common columns.
    y : float
        Of the response.
    """

    x: Floats
    y: float


@dataclass(frozen=True, slots=True)
class Total:
    """A sum with the rounding error that it has left behind.

    Attributes
    ----------
    value, lost : ndarray
        Of one shape; their sum is the total.
    """

    value: Floats
    lost: Floats

    def __add__(self, other: Total) -> Total:
        """Return the sum of two, without losing what does not fit."""
        value = self.value + other.value
        part = value - self.value
        error = (self.value - (value - part)) + (other.value - part)
        return Total(value, self.lost + other.lost + error)

    @property
    def sum(self) -> Floats:
        """The total, rounded once."""
        return np.asarray(self.value + self.lost)


@dataclass(frozen=True, slots=True)
class Partial:
    """Sums over some rows, with A as in `hierglm.design.reduced.Reduced`.

    Attributes
    ----------
    rows : int
    R : ndarray, shape (p + 2, p + 2)
        R' R = A' W A.
    moments : Total, shape (2, p + 2)
        Sums, and sums of squares, of the centred common columns, the centred response and the
        offset; not weighted.
    weights : Total, shape ()
    ZZ : tuple of Total, shape (T, J)
    ZA : tuple of Total, shape (q, J, p + 2)
    cross : mapping of (int, int) to sparse array
    """

    rows: int
    R: Floats
    moments: Total
    weights: Total
    ZZ: tuple[Total, ...]
    ZA: tuple[Total, ...]
    cross: Mapping[tuple[int, int], Any]


def centres_of(design: Design) -> Centres:
    """Return the means of some rows, or zeros where there is no intercept to move them by."""
    if not design.intercept:
        return Centres(np.zeros(len(design.common.labels)), 0.0)
    return Centres(
        np.asarray(design.common.matrix.mean(axis=0)), float(design.response.values.mean())
    )


def reduce(design: Design, centres: Centres) -> Partial:
    """Return the sums over the rows of a design.

    Parameters
    ----------
    design : Design
        One batch, encoded as all are.
    centres : Centres
        The same for every batch.
    """
    weights = row_weights(design)
    y = design.response.values
    offset = np.zeros(len(y)) if design.offset is None else design.offset
    X = design.common.matrix - centres.x
    A = np.column_stack([np.ones(len(y)), X, y - offset - centres.y])
    each = [*X.T, y - centres.y, offset]
    own = design.response.weights
    Z = [effect_matrix(g.effects.matrix, g.index, None, len(g.levels)) for g in design.groups]
    WZ = [z.multiply(weights[:, None]).tocsr() for z in Z[:-1]]
    return Partial(
        rows=len(y),
        R=_factor(A * np.sqrt(weights)[:, None]),
        # Column by column: NumPy is slow along the long side of a narrow matrix.
        moments=_total(np.array([[c.sum() for c in each], [c @ c for c in each]])),
        weights=_total(np.asarray(len(y) if own is None else own.sum(), dtype=np.float64)),
        ZZ=tuple(
            _total(pack(level_products(g.effects.matrix, g.index, weights, len(g.levels))))
            for g in design.groups
        ),
        ZA=tuple(_total(_by_level(g, A, weights)) for g in design.groups),
        cross={
            (k, m): (WZ[k].T @ Z[m]).tocsr() for k in range(len(Z)) for m in range(k + 1, len(Z))
        },
    )


def merge(one: Partial, other: Partial) -> Partial:
    """Return the sums over the rows of both."""
    return Partial(
        rows=one.rows + other.rows,
        R=_factor(np.vstack([one.R, other.R])),
        moments=one.moments + other.moments,
        weights=one.weights + other.weights,
        ZZ=tuple(a + b for a, b in zip(one.ZZ, other.ZZ, strict=True)),
        ZA=tuple(a + b for a, b in zip(one.ZA, other.ZA, strict=True)),
        cross={key: (a + other.cross[key]).tocsr() for key, a in one.cross.items()},
    )


def _factor(A: Floats) -> Floats:
    """Return the square upper triangular factor of a matrix, rows of zeros completing it.

    Blocks of rows are factored first: 262,144 rows of 4 columns take 22 ms, and 120 at once.
    """
    blocks, columns = len(A) // _BLOCK, A.shape[1]
    if blocks > 1 and columns < _BLOCK // 4:
        many = A[: blocks * _BLOCK].reshape(blocks, _BLOCK, columns)
        factors = np.asarray(np.linalg.qr(many, mode="r")).reshape(-1, columns)
        A = np.concatenate([factors, A[blocks * _BLOCK :]])
    R = np.linalg.qr(A, mode="r")
    return np.vstack([R, np.zeros((A.shape[1] - len(R), A.shape[1]))])


def _by_level(grouping: Grouping, A: Floats, weights: Floats) -> Floats:
    """Return Z_j' W A, shape (q, J, columns of A)."""
    levels, weighted = len(grouping.levels), grouping.effects.matrix * weights[:, None]
    out = np.empty((weighted.shape[1], levels, A.shape[1]))
    for k, z in enumerate(weighted.T):
        for column, a in enumerate(A.T):
            out[k, :, column] = np.bincount(grouping.index, weights=z * a, minlength=levels)
    return out


def _total(value: Floats) -> Total:
    return Total(value, np.zeros_like(value))
