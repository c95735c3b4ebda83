"""Positive responses with a constant coefficient of variation: gamma, log link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    Slopes,
    StanDensity,
    draw_gamma,
    refuse_levels,
    refuse_nonpositive,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import LOG
from hierglm.families.parameters import FamilyParameter
from hierglm.priors.distributions import exponential, gamma


def _check(response: Response) -> None:
    refuse_levels("gamma", "numbers > 0", response)
    refuse_trials("gamma", response)
    refuse_se("gamma", response)
    refuse_nonpositive("gamma", response)


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    shape, log_y = scales["shape"], np.log(y)
    # shape y / mu by logarithms: for an eta far out y / mu alone would overflow.
    log_ratio = np.log(shape) + log_y - eta
    out: Floats = shape * log_ratio - gammaln(shape) - log_y - np.exp(log_ratio)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return draw_gamma(rng, scales["shape"], np.exp(eta))


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return np.exp(eta)


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    out: Floats = np.exp(2 * eta) / scales["shape"]
    return out


def _score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    out: Floats = scales["shape"] * np.expm1(np.log(y) - eta)
    return out


def _information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return np.broadcast_to(scales["shape"], np.broadcast(eta, scales["shape"]).shape)


GAMMA = Family(
    name="gamma",
    link=LOG,
    parameters=(
        FamilyParameter(
            "shape",
            "positive",
            "shape: the variance is mu^2 / shape",
            gamma(0.01, 0.01),
            rstanarm=exponential(1),
        ),
    ),
    stan=StanDensity(
        "gamma", None, "vector", "lower=0", arguments="{shape}, {shape} ./ exp({eta})"
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    slopes=Slopes(_score, _information),
)
