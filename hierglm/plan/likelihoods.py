"""A likelihood as penalised fits see it: value, slopes and curvature at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hierglm.families.family import Exponential
from hierglm.plan.blocks import level_products, unpack
from hierglm.plan.crossproducts import Sums, crossings, effect_matrix
from hierglm.plan.elimination import System
from hierglm.plan.order import Order
from hierglm.plan.rows import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Local:
    """A likelihood near a point.

    Attributes
    ----------
    value : float
        Log likelihood, up to a constant.
    common : ndarray, shape (p,)
        Its slopes along the common coefficients.
    effects : tuple of ndarray, shape (J, q)
        Its slopes along the effects of each term.
    system : System
        Its curvature, with the sign changed.
    """

    value: float
    common: Floats
    effects: tuple[Floats, ...]
    system: System


@dataclass(frozen=True, slots=True)
class Own:
    """A family's parameter in a penalised fit.

    Attributes
    ----------
    value : float
        What it is.
    spread : float
        About its posterior sd, on the scale of its link.
    """

    value: float
    spread: float


class Likelihood(Protocol):
    """What `hierglm.plan.penalised.penalise` needs of a likelihood."""

    sizes: tuple[tuple[int, int], ...]
    """Levels and effects of each term."""

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        ...

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        ...

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma; `used` degrees of freedom are gone."""
        ...

    def first(self) -> tuple[Floats, float]:
        """Return common coefficients and sigma to start from."""
        ...

    @property
    def own(self) -> Mapping[str, Own]:
        """The family's parameters beside sigma, where they are."""
        ...

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the likelihood with these moved a step, and how far; `used` as above."""
        ...


class GaussianSums:
    """A Gaussian likelihood by crossproducts.

    Parameters
    ----------
    sums : Sums
    """

    def __init__(self, sums: Sums) -> None:
        self.own: Mapping[str, Own] = {}
        self._sums = sums
        self._system = system_of(sums)
        self.sizes = tuple((a.shape[0], a.shape[1]) for a in self._system.ZZ)

    def first(self) -> tuple[Floats, float]:
        """Return the least-squares fit."""
        common = self._sums.common
        return common.ols.copy(), float(np.sqrt(common.rss / max(common.weights, 1.0)))

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        return self._value(self._residuals(b, u), sigma)

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        found = self._residuals(b, u)
        common, effects, _ = found
        s2, system = sigma**2, self._system
        scaled = System(
            system.XX / s2,
            tuple(x / s2 for x in system.ZX),
            tuple(a / s2 for a in system.ZZ),
            {k: f / s2 for k, f in system.cross.items()},
        )
        return Local(self._value(found, sigma), common / s2, tuple(e / s2 for e in effects), scaled)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma."""
        squares = self._residuals(b, u)[2] / sigma**2
        left = self._sums.common.weights - used
        return squares - left, 2 * left

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the same: there is nothing else to move."""
        return self, 0.0

    def _value(self, residuals: tuple[Floats, list[Floats], float], sigma: float) -> float:
        return float(-self._sums.common.weights * np.log(sigma) - 0.5 * residuals[2] / sigma**2)

    def _residuals(self, b: Floats, u: Sequence[Floats]) -> tuple[Floats, list[Floats], float]:
        """Return X' W r, Z' W r and r' W r for the residuals r."""
        sums, system = self._sums, self._system
        d = b - sums.common.ols
        e = [g.Ze.T.reshape(-1) for g in sums.groups]
        flat = [x.reshape(-1) for x in u]
        common = system.XX @ d
        moved = [x @ d for x in system.ZX]
        for k, x in enumerate(flat):
            common = common + system.ZX[k].T @ x
            moved[k] = moved[k] + (system.ZZ[k] @ u[k][:, :, None]).reshape(-1)
        for (k, m), F in system.cross.items():
            moved[k] = moved[k] + F @ flat[m]
            moved[m] = moved[m] + F.T @ flat[k]
        squares = sums.common.rss + d @ common
        for k, x in enumerate(flat):
            squares += x @ (moved[k] - 2 * e[k])
        effects = [(a - m).reshape(x.shape) for a, m, x in zip(e, moved, u, strict=True)]
        return -common, effects, float(squares)


def system_of(sums: Sums) -> System:
    """Return the crossproducts as mixed-model equations have them."""
    return System(
        sums.common.R.T @ sums.common.R,
        tuple(
            g.ZX.transpose(1, 0, 2).reshape(g.Ze.size, len(sums.common.ols)) for g in sums.groups
        ),
        tuple(unpack(g.ZZ) for g in sums.groups),
        sums.cross,
    )


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
            effect_matrix(z, at, n) for z, at, n in zip(rows.Z, rows.index, levels, strict=True)
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
        X, Z = self.rows.X, self._Z
        weighted = w[:, None] * X
        system = System(
            X.T @ weighted,
            tuple(np.asarray(z.T @ weighted) for z in Z),
            tuple(
                level_products(z, at, w, n)
                for z, at, (n, _) in zip(self.rows.Z, self.rows.index, self.sizes, strict=True)
            ),
            crossings(Z, w, self._order),
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
