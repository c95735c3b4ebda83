"""A likelihood by rows of a family that is none of the exponential ones, for a penalised fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Response
from hierglm.families.family import Family
from hierglm.families.parameters import FamilyParameter
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.order import Order
from hierglm.plan.row_likelihood import RowPredictor
from hierglm.plan.rows import Rows
from hierglm.priors.distributions import Prior
from hierglm.priors.slopes import log_density

Floats = NDArray[np.float64]

_STEP = 1e-2
"""Of the differences along a parameter, on the scale of its link."""
_VAGUE = 0.25
"""Least information about a parameter: where the data tell nothing the prior still does."""
_START: Mapping[str, float] = {"positive": 1.0, "above_one": 10.0, "unit": 0.2}


class FamilyLikelihood(RowPredictor):
    """A likelihood by score and information of each row, and the family's own parameters.

    Parameters
    ----------
    rows : Rows
        One for each row of the design.
    response : Response
    family : Family
        With slopes.
    priors : mapping of str to Prior
        Of its own parameters.
    order : Order
        Which crossproducts of terms are wanted.
    levels : sequence of int
        Levels of each term.
    own : mapping of str to Own, optional
        Where the parameters are; by default where a fit starts.
    """

    def __init__(
        self,
        rows: Rows,
        response: Response,
        family: Family,
        priors: Mapping[str, Prior],
        order: Order,
        levels: Sequence[int],
        own: Mapping[str, Own] | None = None,
    ) -> None:
        super().__init__(rows, order, levels)
        self._response, self._family, self._priors = response, family, priors
        self._given = (rows, response, family, priors, order, levels)
        self._weights = np.ones(len(rows.offset))
        if response.weights is not None:
            self._weights = np.asarray(response.weights)
        if own is None:
            own = {p.name: Own(self._start(p), 1.0) for p in family.parameters}
        self.own = own

    def first(self) -> tuple[Floats, float]:
        """Return zeros, and 1: there is no sigma here but among the family's own parameters."""
        return np.zeros(self.rows.X.shape[1]), 1.0

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood."""
        return self._value(self.eta(b, u), self._scales())

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        slopes, eta, scales = self._family.slopes, self.eta(b, u), self._scales()
        assert slopes is not None
        trials = self._response.trials
        score = self._weights * slopes.score(self._response.values, eta, scales, trials)
        w = self._weights * slopes.information(eta, scales, trials)
        return self.local(self._value(eta, scales), score, w)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return zeros: see `settled`."""
        return 0.0, 0.0

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the likelihood with its own parameters moved a Newton step, and how far.

        On the scale of its link each climbs the Laplace approximation of its marginal
        posterior: coefficients and effects take `used` degrees of freedom, as many from each
        row, whose information moves with the parameter.
        """
        eta, moved, farthest = self.eta(b, u), dict(self.own), 0.0
        for p in self._family.parameters:
            if self._priors[p.name].given:
                continue
            scales = {name: np.array(own.value) for name, own in moved.items()}
            at = float(p.link.apply(scales[p.name]))
            low, here, high = (
                self._marginal(p, at + step, eta, scales, used) for step in (-_STEP, 0.0, _STEP)
            )
            slope, bend = (high - low) / (2 * _STEP), (high - 2 * here + low) / _STEP**2
            information = max(-bend, _VAGUE)
            step = float(np.clip(slope / information, -1.0, 1.0))
            value = float(p.link.invert(np.array(at + step)))
            moved[p.name] = Own(value, float(information**-0.5))
            farthest = max(farthest, abs(step))
        return FamilyLikelihood(*self._given, own=moved), farthest

    def _start(self, parameter: FamilyParameter) -> float:
        prior = self._priors[parameter.name]
        if prior.given:
            return prior.numbers[0]
        if parameter.name != "sigma":
            return _START[parameter.support]
        spread = float(np.std(self._family.scale.apply(self._response.values)))
        return spread if spread > 0 else 1.0

    def _scales(self) -> dict[str, Floats]:
        return {name: np.array(own.value) for name, own in self.own.items()}

    def _value(self, eta: Floats, scales: Mapping[str, Floats]) -> float:
        response = self._response
        each = self._family.log_density(response.values, eta, scales, response.trials)
        return float(self._weights @ each)

    def _marginal(
        self,
        parameter: FamilyParameter,
        at: float,
        eta: Floats,
        scales: Mapping[str, Floats],
        used: float,
    ) -> float:
        """Return a parameter's log marginal posterior where its link is `at`, roughly."""
        assert self._family.slopes is not None
        value = parameter.link.invert(np.array(at))
        # The Jacobian of the link, by its own difference.
        width = parameter.link.invert(np.array(at + 1e-6)) - parameter.link.invert(
            np.array(at - 1e-6)
        )
        there = {**scales, parameter.name: value}
        information = self._family.slopes.information(eta, there, self._response.trials)
        share = self._weights / self._weights.sum()
        lost = 0.5 * used * float(share @ np.log(np.maximum(information, 1e-300)))
        prior = log_density(self._priors[parameter.name], float(value))
        return self._value(eta, there) - lost + prior + float(np.log(width))
