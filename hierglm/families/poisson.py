"""Counts, log link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.families.family import (
    Exponential,
    Family,
    Floats,
    Scales,
    StanDensity,
    draw_counts,
    refuse_counts,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import LOG


def _check(response: Response) -> None:
    refuse_trials("Poisson", response)
    refuse_se("Poisson", response)
    refuse_counts("Poisson", response)


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    out: Floats = y * eta - np.exp(eta) - gammaln(y + 1)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return draw_counts(rng, np.exp(eta))


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return np.exp(eta)


POISSON = Family(
    name="poisson",
    link=LOG,
    parameters=(),
    stan=StanDensity(
        plain="poisson_log", glm="poisson_log_glm", response="array[] int", bounds="lower=0"
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_mean,
    exponential=Exponential(np.exp, np.exp, np.exp, "exp({eta})"),
    ends="zeros",
)
