"""R^2 on the scale of the response (Gelman et al. 2019) and of the linear predictor (Nakagawa)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.design.rows import take
from hierglm.families.links import IDENTITY
from hierglm.models import Model
from hierglm.predicting.asked import Treatment
from hierglm.predicting.predictions import Predictions, predictions
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, flatten, linear_predictor, scales_of
from hierglm.results.quantities import by_chain, quantity_draws, quantity_table
from hierglm.variance.components import components, each_response
from hierglm.variance.icc import share
from hierglm.variance.observation import Approximation

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 2**22
"""Numbers in an array of draws x rows (32 MB)."""


def r2(
    fitted: Fitted,
    response: str | None = None,
    approximation: Approximation | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
    *,
    summary: bool = True,
) -> pd.DataFrame | xr.DataArray:
    """Return how much of the variance a fit explains.

    For each draw, "bayesian" is on the scale of the response: with mu_i the expected response of
    row i and V the variance over the rows (Gelman et al. 2019, equation 3)::

        R^2 = V mu / (V mu + mean of var(y_i))

    where var(y_i) is that of the model: sigma^2, mu_i (1 - mu_i), and so on. "nakagawa" is on
    the scale of the linear predictor, where group effects have the variance of their distribution
    (Nakagawa, Johnson and Schielzeth 2017)::

        marginal = fixed / (fixed + groups + residual)
        conditional = (fixed + groups) / (fixed + groups + residual)

    Both come as "conditional", what predictors and group effects explain, and as "marginal",
    what the predictors explain alone. For "bayesian" these predict m_i, the expected response
    averaged over the distribution of the group effects (effects that cannot be averaged over,
    such as Student t ones, are set to 0 instead), and what they leave has the variance
    ``V(mu - m) + mean of var(y_i)``::

        R^2 = V m / (V m + V(mu - m) + mean of var(y_i))

    Parameters
    ----------
    fitted : Fitted
    response : str, optional
        One of several; all by default.
    approximation : {"lognormal", "delta", "trigamma"}, optional
        For "nakagawa": how the variance of counts is brought to the scale of the link; see
        `hierglm.variance.observation`.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    summary : bool
        A table; or the draws.

    Returns
    -------
    DataFrame or DataArray
        One row for each R^2: response, r2 ("bayesian" or "nakagawa"), part ("conditional" or
        "marginal"; without group effects they are the same, and "conditional" stands alone),
        estimate, std_error, conf_low, conf_high; or draws with dimensions chain, draw and
        quantity. Ordered categories have no numbers to take a variance of: "nakagawa" alone. Of
        successes out of trials the responses are the counts.

    Raises
    ------
    SettingsError
        For a model of unordered categories, or an argument that is not among those above.

    References
    ----------
    Gelman, A., Goodrich, B., Gabry, J. and Vehtari, A. (2019). R-squared for Bayesian regression
    models. The American Statistician 73(3), 307-309.
    Nakagawa, S., Johnson, P. C. D. and Schielzeth, H. (2017). The coefficient of determination
    R2 and intra-class correlation coefficient from generalized linear mixed-effects models
    revisited and expanded. Journal of the Royal Society Interface 14(134).
    """
    labels: dict[str, list[str]] = {"response": [], "r2": [], "part": []}
    values = []
    for name in each_response(fitted, response):
        found = components(fitted, name, approximation)
        whole = found.fixed + found.group() + found.residual
        each = {("nakagawa", "conditional"): share(found.fixed + found.group(), whole)}
        if found.shares:
            each["nakagawa", "marginal"] = share(found.fixed, whole)
        for (kind, part), drawn in (_bayesian(fitted, name) | each).items():
            labels["response"].append(found.response)
            labels["r2"].append(kind)
            labels["part"].append(part)
            values.append(drawn)
    drawn = by_chain(fitted.draws, values)
    if not summary:
        return quantity_draws("r2", labels, drawn)
    return quantity_table(labels, drawn, conf_level, hdi)


def _bayesian(fitted: Fitted, response: str | None) -> dict[tuple[str, str], Floats]:
    """Return Bayesian R^2 of each draw, by kind and part; none of ordered categories."""
    linear = predictions(fitted, target="linear", response=response)
    model = linear.response
    if model.family.thresholds:
        return {}
    treated = _averaged(linear)
    alone = predictions(fitted, groups=treated, response=response)
    fit, fit_alone, left, noise = _Moments(), _Moments(), _Moments(), np.zeros(linear.size)
    for at, mean, variance in _moments(fitted, linear):
        fit.add(mean)
        noise += variance.sum(axis=1)
        if treated:
            of_predictors = _at(alone, at)
            fit_alone.add(of_predictors)
            left.add(mean - of_predictors)
    noise /= fit.count
    out = {("bayesian", "conditional"): share(fit.variance, fit.variance + noise)}
    if treated:
        whole = fit_alone.variance + left.variance + noise
        out["bayesian", "marginal"] = share(fit_alone.variance, whole)
    return out


def _at(alone: Predictions, rows: Ints) -> Floats:
    """Return the predictions of some rows, shape (S, rows)."""
    out = np.empty((alone.size, len(rows)))
    for at, values in replace(alone, rows=alone.rows.take(rows)).blocks():
        out[:, at] = values
    return out


def _averaged(linear: Predictions) -> dict[str, Treatment]:
    """Return how the effects of each grouping factor of a response are left out."""
    family = linear.response.family
    # Where the mean is the linear predictor, its average is that of a level without effects.
    same = family.link is IDENTITY and family.scale is IDENTITY
    treated: dict[str, Treatment] = {}
    for m in linear.rows.predictors:
        for g in m.design.groups:
            relation = g.relation
            bound = same or relation.dependent or relation.strata or relation.student
            if treated.get(g.group) != "zero":
                treated[g.group] = "zero" if bound else "average"
    return treated


@dataclass(slots=True)
class _Moments:
    """Count, mean and sum of squares about it over the rows, for each draw."""

    count: int = 0
    mean: Floats = field(default_factory=lambda: np.zeros(1))
    squares: Floats = field(default_factory=lambda: np.zeros(1))

    def add(self, values: Floats) -> None:
        """Add rows, shape (S, n), by the formula of Chan, Golub and LeVeque (1983)."""
        n = values.shape[1]
        own = values.mean(axis=1)
        moved, total = own - self.mean, self.count + n
        self.squares = (
            self.squares
            + np.sum((values - own[:, None]) ** 2, axis=1)
            + moved**2 * (self.count * n / total)
        )
        self.mean = self.mean + moved * (n / total)
        self.count = total

    @property
    def variance(self) -> Floats:
        """The variance, divided by n - 1; 0 of one row."""
        return self.squares / max(1, self.count - 1)


def _moments(fitted: Fitted, linear: Predictions) -> Iterator[tuple[Ints, Floats, Floats]]:
    """Yield positions, mean and variance of the responses of some rows, shape (S, n)."""
    first, *further = linear.rows.predictors
    if further:
        yield from _by_predictors(fitted, first, further)
        return
    every = Flat(linear.source.common(), linear.size)
    for at, eta in linear.blocks():
        model = replace(first, design=take(first.design, at))
        yield at, *_mean_and_variance(model, eta, scales_of(model, every, slice(None)))


def _by_predictors(
    fitted: Fitted, first: Model, further: list[Model]
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """Yield the same where parameters of the response have predictors of their own."""
    every = flatten(fitted.draws)
    step = max(1, _BLOCK // every.size)
    for low in range(0, first.design.rows, step):
        at = np.arange(low, min(low + step, first.design.rows))
        model, *rest = (replace(m, design=take(m.design, at)) for m in (first, *further))
        eta = linear_predictor(model.design, every, slice(None), model.part.ending)
        yield at, *_mean_and_variance(model, eta, scales_of(model, every, slice(None), rest))


def _mean_and_variance(
    model: Model, eta: Floats, scales: dict[str, Floats]
) -> tuple[Floats, Floats]:
    trials = model.design.response.trials
    mean = model.family.mean(eta, scales, trials)
    variance = model.family.variance(eta, scales, trials)
    return np.broadcast_to(mean, eta.shape), np.broadcast_to(variance, eta.shape)
