"""Penalised fits of a Gaussian response whose sigma has a predictor of its own.

Given sigma the mean is a weighted regression. Given the mean, squared residuals tell sigma: each
has the mean sigma^2 times what the mean leaves over of its row. The two are fitted in turn
(Smyth and Verbyla 1999; with effects in both, Lee and Nelder 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.several import Joined, Member
from hierglm.models import Model
from hierglm.plan.compute import DENSEST
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.order import Order, order
from hierglm.plan.penalised import Penalised, penalise
from hierglm.plan.penalties import common_penalty
from hierglm.plan.row_likelihood import RowLikelihood, RowPredictor
from hierglm.plan.rows import Rows, factors, gather
from hierglm.plan.steps import used
from hierglm.priors.several import Predicted, assign_each

Floats = NDArray[np.float64]

_TURNS = 50
_NEAR = 0.25
"""A step of a log sigma from which on expected curvature is safe."""
_CLOSE = 0.02
"""What effects are conditioned on may be any fit that is near enough."""


class SquareLikelihood(RowPredictor):
    """The likelihood of log sigma of each row, by squared residuals.

    Parameters
    ----------
    rows : Rows
        Of the predictor of sigma, one for each row of the design.
    squares : ndarray, shape (rows,)
        Squared residuals of the mean, times weights.
    left : ndarray, shape (rows,)
        What the mean leaves over of each row, in degrees of freedom.
    order : Order
        Which crossproducts of terms are wanted.
    levels : sequence of int
        Levels of each term.
    before : ndarray, shape (rows,), or None
        Log sigma a step ago, as long as it is far from the mode.
    """

    def __init__(
        self,
        rows: Rows,
        squares: Floats,
        left: Floats,
        order: Order,
        levels: Sequence[int],
        before: Floats | None,
    ) -> None:
        super().__init__(rows, order, levels)
        self._given = (rows, squares, left, order, levels)
        self._squares, self._left, self._before = squares, left, before
        self.own: Mapping[str, Own] = {}

    def first(self) -> tuple[Floats, float]:
        """Return the logarithm of the root mean square for an intercept; sigma is predicted."""
        b = np.zeros(self.rows.X.shape[1])
        mean = self._squares.sum() / max(self._left.sum(), 1e-300)
        # The intercept is the one column without a mean of 0.
        if len(b) and np.all(self.rows.X[:, 0] == 1):
            b[0] = 0.5 * np.log(max(mean, 1e-300))
        return b, 1.0

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        return self._value(self.eta(b, u))

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature: that expected, or observed where it is more.

        Where sigma is far too small the step that is expected goes far too far, and comes back
        by halves.
        """
        eta = self.eta(b, u)
        seen = self._squares * np.exp(-2 * eta)
        told = self._left if self._before is None else np.maximum(self._left, seen)
        return self.local(self._value(eta), seen - self._left, 2 * told)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return zeros: sigma is what is predicted."""
        return 0.0, 0.0

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the same, or once it is near the mode that of expected curvature."""
        if self._before is None:
            return self, 0.0
        eta = self.eta(b, u)
        near = np.max(np.abs(eta - self._before)) < _NEAR
        return SquareLikelihood(*self._given, before=None if near else eta), 1.0

    def _value(self, eta: Floats) -> float:
        return float(-np.sum(self._left * eta + 0.5 * self._squares * np.exp(-2 * eta)))


def penalise_both(
    mean: Model, scale: Model, close: float = _CLOSE
) -> tuple[Penalised, Penalised] | str:
    """Return the penalised fits of a mean and of the logarithm of its sigma.

    Parameters
    ----------
    mean, scale : Model
        The two predictors of a Gaussian response without known errors, whose levels are
        independent. Their priors are not used: those of the fits are the defaults.
    close : float
        Largest step of a log sigma, and of each fit, at the end.

    Returns
    -------
    (Penalised, Penalised) or str
        Or why there are none.
    """
    assert mean.family.exponential is not None
    models = [_with_priors(m) for m in (mean, scale)]
    rows = [gather(m.design, equal=False) for m in models]
    orders = [order(factors(m.design)) for m in models]
    for m, o in zip(models, orders, strict=True):
        size = sum(len(m.design.groups[k].levels) * len(m.design.groups[k].terms) for k in o.rest)
        if size > DENSEST:
            return f"{size:,} effects of crossed factors are too many for a penalised fit"
    levels = [[len(g.levels) for g in m.design.groups] for m in models]
    y, weight = rows[0].mean, rows[0].count
    spread = float(np.std(y))
    log_sigma = np.full(len(y), np.log(spread) if spread > 0 else 0.0)
    with np.errstate(all="ignore"):
        for turn in range(_TURNS):
            likelihood = RowLikelihood(
                rows[0],
                mean.family.exponential,
                orders[0],
                levels[0],
                np.exp(log_sigma),
                free=False,
            )
            first = penalise(models[0], likelihood, orders[0], close=close)
            if first is None:
                return "the numbers of the penalised fit of the mean broke down"
            away = y - likelihood.eta(first.common, first.effects)
            left = weight * (1 - known(models[0], rows[0], first, np.exp(-2 * log_sigma)))
            squares = SquareLikelihood(
                rows[1], weight * away**2, left, orders[1], levels[1], log_sigma
            )
            second = penalise(models[1], squares, orders[1], close=close)
            if second is None:
                return "the numbers of the penalised fit of sigma broke down"
            step = squares.eta(second.common, second.effects) - log_sigma
            if np.max(np.abs(step)) < close:
                return first, second
            # Where the two lean on each other whole steps may go to and fro.
            log_sigma = log_sigma + (step if turn < _TURNS // 5 else step / 2)
    return f"the penalised fits of the mean and of sigma had not converged after {_TURNS} turns"


def known(model: Model, rows: Rows, fit: Penalised, precision: Floats) -> Floats:
    """Return how much of each row coefficients and effects use up, in degrees of freedom.

    Their sum is exact; it is divided as if coefficients and effects of different terms were
    independent given the data.

    Parameters
    ----------
    model : Model
    rows : Rows
    fit : Penalised
    precision : ndarray, shape (rows,)
        One over the variance of each row, of weight 1.
    """
    spent = np.einsum("np,pr,nr->n", rows.X, fit.solved.covariance, rows.X)
    for at, Z, uncertain in zip(rows.index, rows.Z, fit.uncertain, strict=True):
        spent = spent + np.einsum("na,nab,nb->n", Z, uncertain[at], Z)
    spent = spent * precision
    _, weight = common_penalty(model, fit.common)
    total = used(fit.priors, fit.uncertain, weight, fit.solved.covariance)
    roughly = float(np.sum(rows.count * spent))
    scale = total / roughly if roughly > 0 else 0.0
    return np.asarray(np.clip(spent * scale, 0, 1), dtype=np.float64)


def _with_priors(model: Model) -> Model:
    """Return a predictor with the default priors, as if there were no other."""
    dpar = model.part.dpar
    parameter = next((p for p in model.family.parameters if p.name == dpar), None)
    predicted = Predicted("", dpar, model.design, model.family, parameter, ())
    terms = [
        Joined(replace(g, shared=""), (Member(0, k),)) for k, g in enumerate(model.design.groups)
    ]
    return replace(model, priors=assign_each([predicted], terms, None))
