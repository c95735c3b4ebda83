"""Gaussian responses, identity link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.families.family import (
    Exponential,
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse,
    refuse_levels,
    refuse_trials,
)
from hierglm.families.links import IDENTITY
from hierglm.families.parameters import sigma


def _check(response: Response) -> None:
    refuse_levels("Gaussian", "numbers", response)
    refuse_trials("Gaussian", response)
    refuse("Gaussian", "finite numbers", response, ~np.isfinite(response.values))


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    z = (y - eta) / scales["sigma"]
    out: Floats = -0.5 * z * z - np.log(scales["sigma"]) - 0.5 * np.log(2 * np.pi)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return rng.normal(eta, scales["sigma"])


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return eta


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return np.broadcast_to(scales["sigma"] ** 2, np.broadcast(eta, scales["sigma"]).shape)


GAUSSIAN = Family(
    name="gaussian",
    link=IDENTITY,
    parameters=(sigma(rstanarm="scaled"),),
    stan=StanDensity(plain="normal", glm="normal_id_glm", response="vector"),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    exponential=Exponential(
        cumulant=lambda eta: 0.5 * eta * eta,
        mean=lambda eta: eta,
        variance=np.ones_like,
        dispersion=True,
    ),
)
