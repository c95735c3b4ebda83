"""Responses with outlying values: Student t, identity link."""

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
from hierglm.families.links import IDENTITY, LOGM1
from hierglm.families.parameters import FamilyParameter, sigma
from hierglm.priors.distributions import gamma


def _check(response: Response) -> None:
    refuse_levels("Student", "numbers", response)
    refuse_trials("Student", response)
    refuse_se("Student", response)
    refuse("Student", "finite numbers", response, ~np.isfinite(response.values))


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    s, nu = scales["sigma"], scales["nu"]
    z = (y - eta) / s
    out: Floats = (
        gammaln(0.5 * (nu + 1)) - gammaln(0.5 * nu) - 0.5 * np.log(nu * np.pi) - np.log(s)
        - 0.5 * (nu + 1) * np.log1p(z * z / nu)
    )  # fmt: skip
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    z = rng.standard_t(scales["nu"], np.broadcast(eta, scales["nu"]).shape)
    out: Floats = eta + scales["sigma"] * z
    return out


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    # nu is above 1, where there is a mean.
    return eta


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    nu, variance = scales["nu"], scales["sigma"] ** 2
    with np.errstate(divide="ignore"):
        wide = np.where(nu > 2, variance * nu / np.maximum(nu - 2, 0), np.inf)
    return np.broadcast_to(wide, np.broadcast(eta, wide).shape)


def _score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    s, nu, r = scales["sigma"], scales["nu"], y - eta
    out: Floats = (nu + 1) * r / (nu * s**2 + r**2)
    return out


def _information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    # Lange, Little and Taylor (1989), appendix B.
    s, nu = scales["sigma"], scales["nu"]
    each = (nu + 1) / ((nu + 3) * s**2)
    return np.broadcast_to(each, np.broadcast(eta, each).shape)


STUDENT = Family(
    name="student",
    link=IDENTITY,
    parameters=(
        sigma("scale of the residuals"),
        FamilyParameter("nu", "above_one", "degrees of freedom", gamma(2, 0.1), link=LOGM1),
    ),
    stan=StanDensity("student_t", None, "vector", arguments="{nu}, {eta}, {sigma}"),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    slopes=Slopes(_score, _information),
)
