"""Yes-or-no responses; logit, probit and cloglog links."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.binary import (
    GUMBEL_P,
    LOGISTIC,
    LOGISTIC_P,
    NORMAL_P,
    Probability,
    log_likelihood,
    mean,
    slopes,
    variance,
)
from hierglm.families.family import (
    Exponential,
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse,
    refuse_se,
    refuse_trials,
)


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


def _family(p: Probability, stan: StanDensity, exponential: Exponential | None = None) -> Family:
    def log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        return log_likelihood(p, y, 1 - y, eta)

    def draw(
        rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None
    ) -> Floats:
        return (rng.random(np.shape(eta)) < p.link.invert(eta)).astype(np.float64)

    return Family(
        name="bernoulli",
        link=p.link,
        parameters=(),
        stan=stan,
        check=_check,
        log_density=log_density,
        draw=draw,
        mean=mean(p),
        variance=variance(p),
        exponential=exponential,
        slopes=None if exponential is not None else slopes(p),
        ends="both",
    )


def _by_row(function: str) -> StanDensity:
    return StanDensity(
        function, None, "vector", "lower=0, upper=1", by_row=True, beside=("failures",)
    )


BERNOULLI = _family(
    LOGISTIC_P,
    StanDensity("bernoulli_logit", "bernoulli_logit_glm", "array[] int", "lower=0, upper=1"),
    LOGISTIC,
)
BERNOULLI_PROBIT = _family(NORMAL_P, _by_row("probit_log_lik"))
BERNOULLI_CLOGLOG = _family(GUMBEL_P, _by_row("cloglog_log_lik"))
