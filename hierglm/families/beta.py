"""Responses between 0 and 1: beta, logit link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    Slopes,
    StanDensity,
    refuse,
    refuse_levels,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import LOGIT
from hierglm.families.parameters import FamilyParameter
from hierglm.priors.distributions import exponential, gamma

_WANTS = "numbers between 0 and 1, neither included"


def _check(response: Response) -> None:
    refuse_levels("beta", _WANTS, response)
    refuse_trials("beta", response)
    refuse_se("beta", response)
    y = response.values
    refuse("beta", _WANTS, response, ~((y > 0) & (y < 1)))


def shapes(eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
    """Return mu phi and (1 - mu) phi, neither of which is lost far out."""
    return LOGIT.invert(eta) * phi, LOGIT.invert(-eta) * phi


def draw_shares(rng: np.random.Generator, eta: Floats, phi: Floats) -> Floats:
    """Return draws of a beta distribution; far out its shapes round to 0, which NumPy refuses."""
    a, b = (np.maximum(shape, _LEAST) for shape in shapes(eta, phi))
    return rng.beta(a, b)


_LEAST = float(np.finfo(np.float64).tiny)


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    phi = scales["phi"]
    a, b = shapes(eta, phi)
    beta = gammaln(a) + gammaln(b) - gammaln(phi)
    out: Floats = (a - 1) * np.log(y) + (b - 1) * np.log1p(-y) - beta
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return draw_shares(rng, eta, scales["phi"])


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return LOGIT.invert(eta)


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    out: Floats = LOGIT.invert(eta) * LOGIT.invert(-eta) / (1 + scales["phi"])
    return out


def _rise(eta: Floats, phi: Floats) -> Floats:
    """Return d (mu phi) / d eta."""
    out: Floats = phi * LOGIT.invert(eta) * LOGIT.invert(-eta)
    return out


def _score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import digamma

    a, b = shapes(eta, scales["phi"])
    out: Floats = _rise(eta, scales["phi"]) * (LOGIT.apply(y) - digamma(a) + digamma(b))
    return out


def _information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import polygamma

    # Ferrari and Cribari-Neto (2004), equation 8.
    a, b = shapes(eta, scales["phi"])
    out: Floats = _rise(eta, scales["phi"]) ** 2 * (polygamma(1, a) + polygamma(1, b))
    return out


BETA = Family(
    name="beta",
    link=LOGIT,
    parameters=(
        FamilyParameter(
            "phi",
            "positive",
            "precision: the variance is mu (1 - mu) / (1 + phi)",
            gamma(0.01, 0.01),
            rstanarm=exponential(1),
        ),
    ),
    stan=StanDensity(
        "beta_proportion", None, "vector", "lower=0, upper=1", arguments="inv_logit({eta}), {phi}"
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    slopes=Slopes(_score, _information),
)
