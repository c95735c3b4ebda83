"""Small fits whose draws are known: exact ones from closed forms, or plain random numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import hierglm as hg
from hierglm.draws.draws import Draws, Variable
from hierglm.posterior import Fit

Floats = NDArray[np.float64]

PRIOR = 10.0
"""Sd of the normal prior of the mean, which is centred at 0."""
SPREAD = 1.5
"""Sd of the effects of groups, which is given."""


def table(groups: int = 6, rows: int = 4) -> dict[str, Any]:
    """Return rows with known standard errors; groups differ in size, one row lies far out."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(groups), rows)[: groups * rows - 2]
    se = rng.uniform(0.5, 1.5, len(group))
    y = 2 + rng.normal(0, SPREAD, groups)[group] + rng.normal(0, se)
    y[1] += 4.0
    names = np.array([f"g{k}" for k in range(groups)])[group]
    return {"y": y, "se": se, "g": names, "half": np.where(group % 2, "odd", "even")}


def pooled(draws: int = 20_000) -> Fit:
    """Return a fit of ``y | se(se) ~ 1`` with independent draws from its exact posterior."""
    data = table()
    precision = data["se"] ** -2.0
    mean, sd = conjugate(data["y"], precision)
    small = hg.fit("y | se(se) ~ 1", data, priors={"Intercept": hg.prior.normal(0, PRIOR)},
                   chains=1, warmup=10, draws=10, seed=1)  # fmt: skip
    return with_draws(small, {"b": np.random.default_rng(1).normal(mean, sd, (1, draws, 1))})


def grouped(draws: int = 20_000) -> Fit:
    """Return a fit of ``y | se(se) ~ 1 + (1 | g)`` with a given sd, and exact draws.

    Effects are random numbers: those of levels that are left out must not be read.
    """
    data = table()
    y, X = data["y"], np.ones((len(data["y"]), 1))
    V = covariance(data)
    precision = X.T @ np.linalg.solve(V, X) + PRIOR**-2
    mean = float(np.linalg.solve(precision, X.T @ np.linalg.solve(V, y))[0])
    priors = {"Intercept": hg.prior.normal(0, PRIOR), "sd": hg.prior.constant(SPREAD)}
    small = hg.fit("y | se(se) ~ 1 + (1 | g)", data, priors=priors, chains=1, warmup=10, draws=10,
                   seed=1)  # fmt: skip
    rng = np.random.default_rng(1)
    return with_draws(
        small,
        {
            "b": rng.normal(mean, precision[0, 0] ** -0.5, (1, draws, 1)),
            "sd_g": np.full((1, draws, 1), SPREAD),
            "r_g": rng.normal(size=(1, draws, 6, 1)),
        },
    )


def with_effects(fit: Fit) -> Fit:
    """Return the fit of `grouped` with effects drawn from their distribution given the mean."""
    data, b = table(), fit.draws["b"].values
    of_group = data["g"] == np.array([f"g{k}" for k in range(6)])[:, None]
    precision = of_group @ data["se"] ** -2.0 + SPREAD**-2
    away = (data["y"] - b) * data["se"] ** -2.0
    mean = away @ of_group.T / precision
    noise = np.random.default_rng(2).normal(size=mean.shape)
    r = mean + noise / np.sqrt(precision)
    values = {v.name: v.values for v in fit.draws}
    return with_draws(fit, values | {"r_g": r[..., None]})


def covariance(data: dict[str, Any]) -> Floats:
    """Return that of the responses given their mean."""
    same = data["g"][:, None] == data["g"]
    return np.asarray(SPREAD**2 * same + np.diag(data["se"] ** 2))


def exact(own: Any, rest: Any) -> tuple[float, float]:
    """Return the log density of some rows of `grouped` given others, and its spread.

    The rows share what is not known of them: a mean, or that of their group. The spread is the
    coefficient of variation of their density among draws of it.
    """
    data = table()
    V, y = covariance(data) + PRIOR**2, data["y"]
    gain = V[np.ix_(own, rest)] @ np.linalg.inv(V[np.ix_(rest, rest)])
    mean, spread = gain @ y[rest], V[np.ix_(own, own)] - gain @ V[np.ix_(rest, own)]
    whole = float(stats.multivariate_normal.logpdf(y[own], mean, spread))
    # What rows share, the diagonal apart, or what is left of a row's variance without its error.
    noise = covariance(data)[np.ix_(own, own)]
    if own.sum() == 1:
        noise = np.diag(data["se"][own] ** 2)
    shared = float((spread - noise)[0, 0])
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    at = [
        stats.multivariate_normal.logpdf(y[own], mean + x * np.sqrt(shared), noise) - whole
        for x in z
    ]
    ratio = np.exp(at)
    weights = weights / weights.sum()
    assert abs(weights @ ratio - 1) < 1e-4
    return whole, float(np.sqrt(weights @ ratio**2 - 1))


def conjugate(y: Floats, precision: Floats) -> tuple[float, float]:
    """Return mean and sd of the posterior of a normal mean."""
    total = float(precision.sum() + PRIOR**-2)
    return float(precision @ y) / total, total**-0.5


def with_draws(fit: Fit, values: dict[str, Floats]) -> Fit:
    """Return a fit with other draws, which count as independent ones."""
    variables = {
        v.name: Variable(v.name, v.effect, v.group, values[v.name], v.dims) for v in fit.draws
    }
    shape = next(iter(values.values())).shape[:2]
    return replace(fit, draws=Draws(variables, {"lp": np.zeros(shape)}))
