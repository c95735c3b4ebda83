"""Positive responses whose logarithms are normal: the linear predictor is their mean."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    Slopes,
    StanDensity,
    refuse_levels,
    refuse_nonpositive,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import IDENTITY, LOG
from hierglm.families.parameters import sigma


def _check(response: Response) -> None:
    refuse_levels("lognormal", "numbers > 0", response)
    refuse_trials("lognormal", response)
    refuse_se("lognormal", response)
    refuse_nonpositive("lognormal", response)


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    log_y, s = np.log(y), scales["sigma"]
    out: Floats = -0.5 * ((log_y - eta) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi) - log_y
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return rng.lognormal(eta, scales["sigma"])


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    out: Floats = np.exp(eta + 0.5 * scales["sigma"] ** 2)
    return out


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    s2 = scales["sigma"] ** 2
    out: Floats = np.expm1(s2) * np.exp(2 * eta + s2)
    return out


def _score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    out: Floats = (np.log(y) - eta) / scales["sigma"] ** 2
    return out


def _information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    each = scales["sigma"] ** -2.0
    return np.broadcast_to(each, np.broadcast(eta, each).shape)


LOGNORMAL = Family(
    name="lognormal",
    link=IDENTITY,
    parameters=(sigma("residual sd of the logarithm"),),
    stan=StanDensity("lognormal", None, "vector", "lower=0"),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    slopes=Slopes(_score, _information),
    scale=LOG,
)
