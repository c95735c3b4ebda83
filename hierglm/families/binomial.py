"""Successes out of a known number of trials, logit link."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.family import (
    LARGEST,
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse_counts,
    refuse_se,
)
from hierglm.families.links import LOGIT
from hierglm.families.logistic import LOGISTIC


def _check(response: Response) -> None:
    refuse_se("binomial", response)
    y, n = response.values, response.trials
    if n is None:
        raise ResponseError(
            f"binomial needs the number of trials: write '{response.label} | trials(n)' or "
            f"'cbind({response.label}, failures)'; for single 0/1 responses use "
            "family='bernoulli'"
        )
    whole = (n >= 0) & (n == np.floor(n)) & (n <= LARGEST)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise ResponseError(
            f"trials must be whole numbers >= 0; row {response.rows[row] + 1} has {n[row]:g} trials"
        )
    refuse_counts("binomial", response)
    over = y > n
    if over.any():
        row = int(np.flatnonzero(over)[0])
        raise ResponseError(
            f"binomial needs successes <= trials; row {response.rows[row] + 1} has "
            f"{y[row]:g} successes in {n[row]:g} trials"
        )


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    n = np.ones_like(y) if trials is None else trials
    choose = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    out: Floats = choose - y * np.logaddexp(0.0, -eta) - (n - y) * np.logaddexp(0.0, eta)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    n = np.ones(np.shape(eta)) if trials is None else trials
    return rng.binomial(n.astype(np.int64), LOGIT.invert(eta)).astype(np.float64)


BINOMIAL = Family(
    name="binomial",
    link=LOGIT,
    parameters=(),
    stan=StanDensity(
        plain="binomial_logit",
        glm="binomial_logit_glm",
        response="array[] int",
        bounds="lower=0, upper=trials",
        trials=True,
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    exponential=LOGISTIC,
)
