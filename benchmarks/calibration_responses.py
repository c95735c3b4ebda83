"""Responses for simulation-based calibration, each drawn as its family is defined.

SciPy's laws where it has them; else by the story that the family tells: a mixture, a hurdle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

Floats = NDArray[np.float64]

OWN = ("sigma", "nu", "shape", "phi", "zi", "hu")
"""Parameters that families have of their own."""


def respond(
    family: str,
    eta: Floats,
    own: Mapping[str, float],
    trials: NDArray[Any],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return random responses and the log likelihood of each.

    Parameters
    ----------
    family : str
        As `hierglm.model` takes it.
    eta : ndarray, shape (rows,)
        Linear predictor.
    own : mapping of str to float
        The family's own parameters.
    trials : ndarray of int, shape (rows,)
    rng : Generator
    """
    if family.startswith("zero_inflated"):
        return _inflated(_counts(family, eta, own), own["zi"], rng)
    if family.startswith("hurdle"):
        return _hurdle(_counts(family, eta, own), own["hu"], rng)
    law = _law(family, eta, own, trials)
    y = law.rvs(random_state=rng)
    return y, (law.logpmf if hasattr(law.dist, "logpmf") else law.logpdf)(y)


def _law(family: str, eta: Floats, own: Mapping[str, float], trials: NDArray[Any]) -> Any:
    match family:
        case "gaussian":
            return stats.norm(eta, own["sigma"])
        case "student":
            return stats.t(own["nu"], eta, own["sigma"])
        case "lognormal":
            return stats.lognorm(own["sigma"], scale=np.exp(eta))
        case "gamma":
            return stats.gamma(own["shape"], scale=np.exp(eta) / own["shape"])
        case "beta":
            return stats.beta(expit(eta) * own["phi"], expit(-eta) * own["phi"])
        case "beta_binomial":
            return stats.betabinom(trials, expit(eta) * own["phi"], expit(-eta) * own["phi"])
        case "poisson" | "negbinomial":
            return _counts(family, eta, own)
        case "bernoulli(probit)" | "binomial(probit)":
            return stats.binom(trials, stats.norm.cdf(eta))
        case "bernoulli(cloglog)" | "binomial(cloglog)":
            return stats.binom(trials, -np.expm1(-np.exp(eta)))
        case _:
            return stats.binom(trials, expit(eta))


def _counts(family: str, eta: Floats, own: Mapping[str, float]) -> Any:
    if family.endswith("poisson"):
        return stats.poisson(np.exp(eta))
    return stats.nbinom(own["shape"], own["shape"] / (own["shape"] + np.exp(eta)))


def _inflated(counts: Any, zi: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    y = counts.rvs(random_state=rng)
    y = np.where(rng.uniform(size=len(y)) < zi, 0, y)
    return y, np.log(zi * (y == 0) + (1 - zi) * counts.pmf(y))


def _hurdle(counts: Any, hu: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    zero = counts.pmf(0)
    # Counts that are not 0 are those beyond the share of the zeros.
    y = counts.ppf(zero + (1 - zero) * rng.uniform(size=len(zero)))
    y = np.where(rng.uniform(size=len(zero)) < hu, 0, np.maximum(y, 1))
    return y, np.log(np.where(y == 0, hu, (1 - hu) * counts.pmf(y) / (1 - zero)))
