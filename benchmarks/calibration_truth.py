"""True values of simulated data sets, and the priors that they are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

import hierglm as hg
from benchmarks.calibration_shapes import Simulated, draw_prior
from benchmarks.calibration_tables import labels
from hierglm.names import Parameter, flat_name
from hierglm.priors.distributions import Prior

Floats = NDArray[np.float64]
Rng = np.random.Generator

INTERCEPT, SLOPE = hg.prior.normal(0.5, 1.0), hg.prior.normal(0.0, 1.0)
SD, SIGMA, COR = hg.prior.exponential(1), hg.prior.gamma(3, 3), hg.prior.lkj(2)
DF, ALPHA, RHO = hg.prior.gamma(4, 0.5), hg.prior.beta(3, 2), hg.prior.beta(2, 2)
LEVELS, SHOWN = 12, (0, 5, 11)
"""Levels of a factor, and those whose effects are ranked."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A model with proper priors, and what draws a data set from them.

    Attributes
    ----------
    name, formula, family, priors
        As `hierglm.model` takes them.
    draw : callable
        Takes a random generator.
    """

    name: str
    formula: Any
    family: str
    priors: Mapping[str, Prior]
    draw: Callable[[Rng], Simulated]


@dataclass(slots=True)
class Truth:
    """True values by flat name, collected while they are drawn."""

    values: dict[str, float]

    def put(self, value: Any, effect: str, group: str = "", **rest: str) -> Any:
        """Keep a value, and return it."""
        self.values[flat_name(Parameter(effect, group, **rest))] = float(value)
        return value

    def common(self, x: Floats, rng: Rng, **where: str) -> Floats:
        """Draw the intercept at the mean of x and the slope; return their predictor."""
        slope = self.put(draw_prior(SLOPE, rng)[0], "fixed", term="x", **where)
        centred = draw_prior(INTERCEPT, rng)[0]
        intercept = self.put(centred - slope * x.mean(), "fixed", term="Intercept", **where)
        return np.asarray(intercept + slope * x)

    def sds(self, rng: Rng, group: str, *terms: str, **where: str) -> Floats:
        """Draw the sds of a term, shape (terms,)."""
        drawn = draw_prior(SD, rng, len(terms), positive=True)
        for term, sd in zip(terms, drawn, strict=True):
            self.put(sd, "ran_sd", group, term=term, **where)
        return drawn

    def effects(self, u: Floats, group: str, terms: tuple[str, ...], **where: str) -> None:
        """Keep one effect of each of some levels, shape of u (levels, terms)."""
        for k, j in enumerate(SHOWN):
            i = k % len(terms)
            level = labels("g", [j])[0]
            self.put(u[j, i], "ran_vals", group, level=level, term=terms[i], **where)

    def done(self, data: pd.DataFrame, log_lik: Floats, **data2: Any) -> Simulated:
        """Return the data set, with the log likelihood of its rows."""
        self.values["log_lik"] = float(np.sum(log_lik))
        return Simulated(data, self.values, data2)

    def gaussian(self, data: pd.DataFrame, eta: Floats, rng: Rng, **data2: Any) -> Simulated:
        """Draw sigma and normal responses; return the data set."""
        sigma = self.put(draw_prior(SIGMA, rng, positive=True)[0], "family", term="sigma")
        law = stats.norm(eta, sigma)
        y = law.rvs(random_state=rng)
        return self.done(data.assign(y=y), law.logpdf(y), **data2)

    def bernoulli(self, data: pd.DataFrame, eta: Floats, rng: Rng, **data2: Any) -> Simulated:
        """Draw zeros and ones; return the data set."""
        y = (rng.uniform(size=len(eta)) < expit(eta)).astype(float)
        return self.done(data.assign(y=y), stats.bernoulli.logpmf(y, expit(eta)), **data2)


def correlations(size: int, rng: Rng, matrix: Callable[[Floats], Floats] | None = None) -> Floats:
    """Return a correlation matrix with density proportional to its determinant (LKJ, eta = 2).

    Parameters
    ----------
    size : int
        Of the matrix.
    rng : Generator
    matrix : callable, optional
        Makes it of one number between -1 and 1; by default all correlations are free.
    """
    while True:
        if matrix is not None:
            R = matrix(rng.uniform(-1, 1))
        else:
            R = np.eye(size)
            R[np.triu_indices(size, 1)] = rng.uniform(-1, 1, size * (size - 1) // 2)
            R = R + np.triu(R, 1).T
        # Of no correlation matrix is the determinant above 1.
        if np.linalg.eigvalsh(R)[0] > 0 and rng.uniform() < np.linalg.det(R):
            return R
