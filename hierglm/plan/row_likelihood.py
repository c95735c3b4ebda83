"""A likelihood by rows, as penalised fits see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.families.family import Exponential
from hierglm.plan.blocks import level_products, split
from hierglm.plan.crossproducts import crossings, effect_matrix
from hierglm.plan.elimination import System
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.order import Order
from hierglm.plan.rows import Rows

Floats = NDArray[np.float64]


class RowPredictor:
    """The linear predictor of rows: what a likelihood's slopes and curvature along it become.

    Parameters
    ----------
    rows : Rows
    order : Order
        Which crossproducts of terms are wanted.
    levels : sequence of int
        Levels of each term.
    """

    def __init__(self, rows: Rows, order: Order, levels: Sequence[int]) -> None:
        self.rows, self._order = rows, order
        self.sizes = tuple((n, z.shape[1]) for n, z in zip(levels, rows.Z, strict=True))
        self._Z = [
            effect_matrix(z, at, share, n)
            for z, at, share, n in zip(rows.Z, rows.index, rows.shares, levels, strict=True)
        ]

    def eta(self, b: Floats, u: Sequence[Floats]) -> Floats:
        """Return the linear predictor of each row."""
        eta = self.rows.X @ b + self.rows.offset
        for Z, x in zip(self._Z, u, strict=True):
            eta = eta + Z @ x.reshape(-1)
        return np.asarray(eta)

    def local(self, value: float, score: Floats, w: Floats) -> Local:
        """Return a likelihood near a point by its slopes and curvature along each row's eta.

        Parameters
        ----------
        value : float
        score, w : ndarray, shape (rows,)
            First derivative, and minus the second one.
        """
        X, Z, rows = self.rows.X, self._Z, self.rows
        weighted = w[:, None] * X
        cross, within = crossings(Z, w, self._order), []
        for k, (z, at, share) in enumerate(zip(rows.Z, rows.index, rows.shares, strict=True)):
            if share is None:
                within.append(level_products(z, at, w, self.sizes[k][0]))
                continue
            whole = (Z[k].T @ (Z[k] * w[:, None])).toarray()
            blocks, cross[k, k] = split(whole, self.sizes[k][1])
            within.append(blocks)
        system = System(
            X.T @ weighted, tuple(np.asarray(z.T @ weighted) for z in Z), tuple(within), cross
        )
        effects = tuple((z.T @ score).reshape(s) for z, s in zip(Z, self.sizes, strict=True))
        return Local(value, X.T @ score, effects, system)


class RowLikelihood(RowPredictor):
    """A likelihood by rows, of an exponential family in its canonical parameter.

    Parameters
    ----------
    rows : Rows
    family : Exponential
    order : Order
        Which crossproducts of terms are wanted.
    levels : sequence of int
        Levels of each term.
    se : ndarray, shape (rows,), or None
        Known errors of a Gaussian response.
    free : bool
        Whether there is a sigma, beside `se` where that is given.
    """

    def __init__(
        self,
        rows: Rows,
        family: Exponential,
        order: Order,
        levels: Sequence[int],
        se: Floats | None = None,
        free: bool = True,
    ) -> None:
        super().__init__(rows, order, levels)
        self._family, self._se, self._free = family, se, free
        self.own: Mapping[str, Own] = {}

    def first(self) -> tuple[Floats, float]:
        """Return zeros, and the spread of the response."""
        mean, count = self.rows.mean, self.rows.count
        spread = np.sqrt(np.average((mean - np.average(mean, weights=count)) ** 2, weights=count))
        return np.zeros(self.rows.X.shape[1]), max(float(spread), 1e-8)

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        return self._value(self.eta(b, u), sigma)

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        rows = self.rows
        eta = self.eta(b, u)
        over = self._over(sigma)
        score = over * (rows.total - rows.count * self._family.mean(eta))
        w = over * rows.count * self._family.variance(eta)
        return self.local(self._value(eta, sigma), score, w)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma."""
        rows, over = self.rows, self._over(sigma)
        squares = over * (rows.count * (self.rows.mean - self.eta(b, u)) ** 2 + rows.within)
        share = np.broadcast_to(sigma**2 * over, squares.shape)
        # Where a row's degrees of freedom went is not asked: each gives the same part.
        left = rows.count * (1 - used / rows.count.sum())
        return float(share @ (squares - left)), float(2 * share**2 @ left)

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the same: there is nothing else to move."""
        return self, 0.0

    def _over(self, sigma: float) -> Any:
        """Return one over the residual variance of each row; 1 where there is none."""
        if not self._family.dispersion:
            return 1.0
        variance = sigma**2 if self._free else 0.0
        return 1 / (variance if self._se is None else variance + self._se**2)

    def _value(self, eta: Floats, sigma: float) -> float:
        rows, over = self.rows, self._over(sigma)
        if not self._family.dispersion:
            return float(np.sum(rows.total * eta - rows.count * self._family.cumulant(eta)))
        squares = rows.count * (self.rows.mean - eta) ** 2 + rows.within
        return float(np.sum(0.5 * (rows.count * np.log(over) - over * squares)))
