"""The sums over rows that a Gaussian likelihood needs: what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossproducts:
    """Crossproducts of the common columns and the response, weighted.

    X has a column of ones and centred columns where there is an intercept, else the columns
    as they are.

    Attributes
    ----------
    ols : ndarray, shape (p,)
        Least-squares coefficients of X; those that are given are what is given.
    R : ndarray, shape (p, p)
        Upper triangular, R' R = X' W X, given coefficients counting as columns of zeros.
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
    ZZ : ndarray, shape (T, J) or (T, J, J)
        Z_j' W Z_j, lower triangles row by row, T = q (q + 1) / 2 entries; where levels share
        rows, Z_i' W Z_j of each two of them.
    ZX : ndarray, shape (q, J, p)
        Z_j' W X.
    Ze : ndarray, shape (q, J)
        Z_j' W e, e the residuals of the least-squares fit.
    """

    ZZ: Floats
    ZX: Floats
    Ze: Floats

    @property
    def whole(self) -> Floats:
        """Z_i' W Z_j of each two levels, shape (T, J, J)."""
        return self.ZZ if self.ZZ.ndim == 3 else np.stack([np.diag(z) for z in self.ZZ])


@dataclass(frozen=True, slots=True)
class Sums:
    """All crossproducts of a design; rows drop out once these are known.

    Attributes
    ----------
    common : Crossproducts
        Of the common columns and the response.
    groups : tuple of GroupCrossproducts
        Within the levels of each group term.
    cross : mapping of (int, int) to sparse array, shape (J_k q_k, J_l q_l)
        Z_k' W Z_l of two terms, the first eliminated before the second; effect e of level
        j stands at j q + e.
    """

    common: Crossproducts
    groups: tuple[GroupCrossproducts, ...]
    cross: Mapping[tuple[int, int], Any]
