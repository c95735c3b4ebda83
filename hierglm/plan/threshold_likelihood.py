"""A likelihood of ordered categories, for a penalised fit: thresholds beside the coefficients.

Thresholds are ``t - b_0``: their mean, weighted as `threshold_weights` says, is minus the
intercept b_0, which moves with the other coefficients; the gaps of t move by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Response
from hierglm.families.cumulative import LATENT, threshold_slopes
from hierglm.families.family import Family
from hierglm.plan.elimination import System
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.order import Order
from hierglm.plan.row_likelihood import RowPredictor
from hierglm.plan.rows import Rows
from hierglm.priors.distributions import Prior
from hierglm.priors.slopes import log_density, pull

Floats = NDArray[np.float64]

_STEP = 1e-4
"""Of differences along the linear predictor."""

_SHARE = 0.5
"""Rows that a category counts as having, beside its own: an empty one has a place too."""


def shares(response: Response) -> Floats:
    """Return the share of the rows in each category, shape (categories,)."""
    weights = np.ones(len(response.values)) if response.weights is None else response.weights
    at, count = response.values.astype(np.int64), len(response.levels or ())
    found = np.bincount(at, weights=weights, minlength=count) + _SHARE
    return np.asarray(found / found.sum())


def threshold_weights(response: Response) -> Floats:
    """Return the weights of the thresholds in their mean: the shares on both sides, summing to 1.

    So weighted, where the thresholds are and how far apart depend little on each other.
    """
    found = shares(response)
    beside = found[:-1] + found[1:]
    return np.asarray(beside / beside.sum())


def spaced(gaps: Floats, weights: Floats) -> Floats:
    """Return thresholds with these gaps and the weighted mean 0.

    Examples
    --------
    >>> spaced(np.array([1.0, 2.0]), np.array([0.5, 0.25, 0.25])).tolist()
    [-1.0, 0.0, 2.0]
    """
    found = np.concatenate([[0.0], np.cumsum(gaps)])
    return np.asarray(found - weights @ found)


class ThresholdLikelihood(RowPredictor):
    """A likelihood of ordered categories with the prior of their thresholds.

    Parameters
    ----------
    rows : Rows
        One for each row of the design.
    response : Response
    family : Family
        With thresholds.
    prior : Prior
        Of each threshold.
    order : Order
        Which crossproducts of terms are wanted.
    levels : sequence of int
        Levels of each term.
    gaps : tuple of Own, optional
        Between thresholds: values, and the spreads of their logarithms.
    """

    def __init__(
        self,
        rows: Rows,
        response: Response,
        family: Family,
        prior: Prior,
        order: Order,
        levels: Sequence[int],
        gaps: tuple[Own, ...] | None = None,
    ) -> None:
        super().__init__(rows, order, levels)
        self._response, self._family, self._prior = response, family, prior
        self._given = (rows, response, family, prior, order, levels)
        self._weights = np.ones(len(rows.offset))
        if response.weights is not None:
            self._weights = np.asarray(response.weights)
        self._mean = threshold_weights(response)
        self._start = np.asarray(family.link.apply(np.cumsum(shares(response))[:-1]))
        if gaps is None:
            gaps = tuple(Own(float(x), 1.0) for x in np.diff(self._start))
        self._gaps = gaps

    @property
    def own(self) -> Mapping[str, Own]:
        """The gaps between thresholds, ``"gap_1"`` the lowest."""
        return {f"gap_{k + 1}": own for k, own in enumerate(self._gaps)}

    def first(self) -> tuple[Floats, float]:
        """Return the thresholds' mean without effects of anything, and 1: there is no sigma."""
        b = np.zeros(self.rows.X.shape[1])
        b[0] = -self._mean @ self._start
        return b, 1.0

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, and the log prior of the thresholds."""
        return self._value(self.eta(b, u), float(b[0]), self._thresholds())

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        slopes, eta, t = self._family.slopes, self.eta(b, u), self._thresholds()
        assert slopes is not None
        # The information that these responses have, not the expected one: responses that an
        # offset makes unlikely have more, and steps by what was expected went to and fro.
        low, here, high = (
            slopes.score(self._response.values, eta + step, {"Intercept": t}, None)
            for step in (-_STEP, 0.0, _STEP)
        )
        w = self._weights * np.maximum((low - high) / (2 * _STEP), 0.0)
        local = self.local(self._value(eta, float(b[0]), t), self._weights * here, w)
        centre, precision = pull([self._prior] * len(t), t - b[0])
        common, XX = local.common.copy(), local.system.XX.copy()
        common[0] += precision @ (t - b[0] - centre)
        XX[0, 0] += precision.sum()
        system = local.system
        return Local(
            local.value, common, local.effects, System(XX, system.ZX, system.ZZ, system.cross)
        )

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return zeros: there is no sigma."""
        return 0.0, 0.0

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the likelihood with its gaps moved a step, and how far, in posterior sds.

        A step of Fisher's scoring of the thresholds' log posterior, on the logarithms of gaps
        (whose Jacobian counts), halved until it does not go down.
        """
        if not self._gaps:
            return self, 0.0
        eta, t, low = self.eta(b, u), self._thresholds(), float(b[0])
        gaps = np.diff(t)
        response = self._response.values
        p = LATENT[self._family.link.name]
        score, information = threshold_slopes(p, response, eta, t, self._weights)
        centre, precision = pull([self._prior] * len(t), t - low)
        score = score - precision * (t - low - centre)
        # Thresholds by logarithms of gaps, their mean held.
        along = np.tril(np.ones((len(t), len(gaps))), -1) * gaps
        along = along - self._mean @ along
        slope = along.T @ score + 1
        H = along.T @ (information + np.diag(precision)) @ along + np.eye(len(gaps))
        covariance = np.linalg.inv(H)
        step, spread = covariance @ slope, np.sqrt(np.diag(covariance))
        step *= min(1.0, 1.0 / max(float(np.max(np.abs(step))), 1e-300))
        start = self._value(eta, low, t) + float(np.log(gaps).sum())
        for _ in range(20):
            moved = np.log(gaps) + step
            there = spaced(np.exp(moved), self._mean)
            if self._value(eta, low, there) + moved.sum() >= start - 1e-8 * abs(start):
                break
            step = step / 2
        own = tuple(Own(float(g), float(s)) for g, s in zip(np.exp(moved), spread, strict=True))
        return ThresholdLikelihood(*self._given, gaps=own), float(np.max(np.abs(step / spread)))

    def _thresholds(self) -> Floats:
        return spaced(np.array([own.value for own in self._gaps]), self._mean)

    def _value(self, eta: Floats, b0: float, t: Floats) -> float:
        each = self._family.log_density(self._response.values, eta, {"Intercept": t}, None)
        prior = sum(log_density(self._prior, float(x - b0)) for x in t)
        return float(self._weights @ each) + prior
