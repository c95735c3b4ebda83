"""What Bernoulli and binomial responses share: a probability, and its logarithms by link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierglm.families.family import Exponential, Floats, Scales, Slopes
from hierglm.families.links import CLOGLOG, LOGIT, PROBIT, Link


@dataclass(frozen=True, slots=True)
class Probability:
    """The probability p of a success as a function of eta, exact far out.

    Attributes
    ----------
    link : Link
    success, failure : callable
        log p and log(1 - p).
    slope : callable
        log dp/d eta.
    """

    link: Link
    success: Callable[[Floats], Floats]
    failure: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


def _cumulant(eta: Floats) -> Floats:
    return np.logaddexp(0.0, eta)


def _variance(eta: Floats) -> Floats:
    mean = LOGIT.invert(eta)
    return mean * (1 - mean)


# Embedded engine, 28,800 rows: 1,200 microseconds a gradient with log1p_exp, 670 without.
# exp overflows beyond 709, which no eta comes near once a fit has shown where they are.
LOGISTIC = Exponential(
    _cumulant, LOGIT.invert, _variance, "log1p_exp({eta})", "log(1 + exp({eta}))"
)


def _log_phi(eta: Floats) -> Floats:
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(eta))


def _normal_slope(eta: Floats) -> Floats:
    out: Floats = -0.5 * eta * eta - 0.5 * np.log(2 * np.pi)
    return out


def _log_gumbel(eta: Floats) -> Floats:
    # For p of at most exp(-40), p = exp(eta) to the last digit.
    near = np.maximum(eta, -40.0)
    with np.errstate(over="ignore"):
        return np.where(eta < -40.0, eta, np.log(-np.expm1(-np.exp(near))))


def _log_gumbel_failure(eta: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return -np.exp(eta)


LOGISTIC_P = Probability(
    LOGIT,
    lambda eta: -np.logaddexp(0.0, -eta),
    lambda eta: -np.logaddexp(0.0, eta),
    lambda eta: -np.logaddexp(0.0, eta) - np.logaddexp(0.0, -eta),
)
NORMAL_P = Probability(PROBIT, _log_phi, lambda eta: _log_phi(-eta), _normal_slope)
GUMBEL_P = Probability(
    CLOGLOG, _log_gumbel, _log_gumbel_failure, lambda eta: eta + _log_gumbel_failure(eta)
)


def log_likelihood(p: Probability, y: Floats, failures: Floats, eta: Floats) -> Floats:
    """Return y log p + failures log(1 - p), where 0 times minus infinity is 0."""
    out = np.where(y > 0, y * p.success(eta), 0.0)
    return out + np.where(failures > 0, failures * p.failure(eta), 0.0)


def slopes(p: Probability) -> Slopes:
    """Return score and expected information of successes out of trials (one by default)."""

    def score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        n = np.ones(np.shape(y)) if trials is None else trials
        rise = p.slope(eta)
        up, down = np.exp(rise - p.success(eta)), np.exp(rise - p.failure(eta))
        return np.where(y > 0, y * up, 0.0) - np.where(n > y, (n - y) * down, 0.0)

    def information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        n = 1.0 if trials is None else trials
        out: Floats = n * np.exp(2 * p.slope(eta) - p.success(eta) - p.failure(eta))
        return out

    return Slopes(score, information)


def mean(p: Probability) -> Callable[[Floats, Scales, Floats | None], Floats]:
    """Return the mean of successes out of trials (one by default)."""

    def found(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        return p.link.invert(eta) * (1.0 if trials is None else trials)

    return found


def variance(p: Probability) -> Callable[[Floats, Scales, Floats | None], Floats]:
    """Return the variance of successes out of trials (one by default)."""

    def found(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        out: Floats = np.exp(p.success(eta) + p.failure(eta)) * (1.0 if trials is None else trials)
        return out

    return found
