"""Yes-or-no responses, logit link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import LOGIT
from hierglm.families.logistic import LOGISTIC


def _check(response: Response) -> None:
    refuse_trials("Bernoulli", response)
    refuse_se("Bernoulli", response)
    if response.levels is not None and len(response.levels) != 2:
        raise ResponseError(
            f"Bernoulli needs two levels; {response.label!r} has {len(response.levels)}: "
            f"{', '.join(map(repr, response.levels[:6]))}"
        )
    values = response.values
    refuse("Bernoulli", "0 or 1", response, (values != 0) & (values != 1))


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    # log p(y) = -log(1 + exp(-s)), s = +eta for y = 1 and -eta for y = 0.
    return -np.logaddexp(0.0, np.where(y == 1, -eta, eta))


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return (rng.random(np.shape(eta)) < LOGIT.invert(eta)).astype(np.float64)


BERNOULLI = Family(
    name="bernoulli",
    link=LOGIT,
    parameters=(),
    stan=StanDensity(
        plain="bernoulli_logit",
        glm="bernoulli_logit_glm",
        response="array[] int",
        bounds="lower=0, upper=1",
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    exponential=LOGISTIC,
)
