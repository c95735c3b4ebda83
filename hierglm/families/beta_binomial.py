"""Successes out of trials whose probability varies from row to row: beta-binomial, logit link."""

from __future__ import annotations

import numpy as np

from hierglm.families.beta import draw_shares, shapes
from hierglm.families.binomial import check_trials, log_choose
from hierglm.families.family import Family, Floats, Scales, Slopes, StanDensity
from hierglm.families.links import LOGIT
from hierglm.families.parameters import FamilyParameter
from hierglm.priors.distributions import gamma


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import betaln

    n = np.ones_like(y) if trials is None else trials
    a, b = shapes(eta, scales["phi"])
    out: Floats = log_choose(y, n) + betaln(y + a, n - y + b) - betaln(a, b)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    p = draw_shares(rng, eta, scales["phi"])
    n = np.ones(np.shape(p)) if trials is None else trials
    return rng.binomial(n.astype(np.int64), p).astype(np.float64)


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return LOGIT.invert(eta) * (1.0 if trials is None else trials)


def _spread(phi: Floats, trials: Floats | None) -> Floats:
    """Return how many times the binomial's variance it has."""
    out: Floats = 1 + ((1.0 if trials is None else trials) - 1) / (phi + 1)
    return out


def _binomial_variance(eta: Floats, trials: Floats | None) -> Floats:
    return LOGIT.invert(eta) * LOGIT.invert(-eta) * (1.0 if trials is None else trials)


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return _binomial_variance(eta, trials) * _spread(scales["phi"], trials)


def _score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    from scipy.special import digamma

    n = np.ones_like(y) if trials is None else trials
    a, b = shapes(eta, scales["phi"])
    rise = scales["phi"] * LOGIT.invert(eta) * LOGIT.invert(-eta)
    out: Floats = rise * (digamma(y + a) - digamma(a) - digamma(n - y + b) + digamma(b))
    return out


def _information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    # Quasi-likelihood's, a lower bound: the expected one is a sum over all 0 ... n successes.
    return _binomial_variance(eta, trials) / _spread(scales["phi"], trials)


BETA_BINOMIAL = Family(
    name="beta_binomial",
    link=LOGIT,
    parameters=(
        FamilyParameter(
            "phi",
            "positive",
            "precision: probabilities vary with variance mu (1 - mu) / (1 + phi)",
            gamma(0.01, 0.01),
        ),
    ),
    stan=StanDensity(
        "beta_binomial",
        None,
        "array[] int",
        "lower=0, upper=trials",
        trials=True,
        arguments="{phi} {times} inv_logit({eta}), {phi} {times} inv_logit(-{eta})",
    ),
    check=lambda response: check_trials("beta_binomial", response),
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    slopes=Slopes(_score, _information),
    ends="both",
)
