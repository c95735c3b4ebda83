"""Successes out of a known number of trials; logit, probit and cloglog links."""

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
    LARGEST,
    Exponential,
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse_counts,
    refuse_se,
)


def check_trials(family: str, response: Response) -> None:
    """Raise `ResponseError` for the first row that is not so many successes in so many trials.

    Parameters
    ----------
    family : str
        As it should stand in the message.
    response : Response
    """
    refuse_se(family, response)
    y, n = response.values, response.trials
    if n is None:
        raise ResponseError(
            f"{family} needs the number of trials: write '{response.label} | trials(n)' or "
            f"'cbind({response.label}, failures)'; for single 0/1 responses use "
            "family='bernoulli'"
        )
    whole = (n >= 0) & (n == np.floor(n)) & (n <= LARGEST)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise ResponseError(
            f"trials must be whole numbers >= 0; row {response.rows[row] + 1} has {n[row]:g} trials"
        )
    if len(n) and not n.any():
        raise ResponseError(f"{family} needs trials; {response.label!r} has 0 in every row")
    refuse_counts(family, response)
    over = y > n
    if over.any():
        row = int(np.flatnonzero(over)[0])
        raise ResponseError(
            f"{family} needs successes <= trials; row {response.rows[row] + 1} has "
            f"{y[row]:g} successes in {n[row]:g} trials"
        )


def log_choose(y: Floats, n: Floats) -> Floats:
    """Return the log number of ways to have y successes in n trials."""
    from scipy.special import gammaln

    out: Floats = gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)
    return out


def _family(p: Probability, stan: StanDensity, exponential: Exponential | None = None) -> Family:
    def log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        n = np.ones_like(y) if trials is None else trials
        return log_choose(y, n) + log_likelihood(p, y, n - y, eta)

    def draw(
        rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None
    ) -> Floats:
        n = np.ones(np.shape(eta)) if trials is None else trials
        return rng.binomial(n.astype(np.int64), p.link.invert(eta)).astype(np.float64)

    return Family(
        name="binomial",
        link=p.link,
        parameters=(),
        stan=stan,
        check=lambda response: check_trials("binomial", response),
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
        function, None, "vector", "lower=0", trials=True, by_row=True, beside=("failures",)
    )


BINOMIAL = _family(
    LOGISTIC_P,
    StanDensity(
        "binomial_logit", "binomial_logit_glm", "array[] int", "lower=0, upper=trials", trials=True
    ),
    LOGISTIC,
)
BINOMIAL_PROBIT = _family(NORMAL_P, _by_row("probit_log_lik"))
BINOMIAL_CLOGLOG = _family(GUMBEL_P, _by_row("cloglog_log_lik"))
