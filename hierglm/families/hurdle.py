"""Counts whose zeros have a probability of their own, and whose others are truncated at 0.

A count is 0 with probability hu; else it is a Poisson or negative binomial count, given that
it is not 0 (Mullahy 1986).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierglm.families.family import Family, Floats, Scales, Slopes, StanDensity, draw_counts
from hierglm.families.links import LOG, LOGIT
from hierglm.families.negbinomial import check_counts
from hierglm.families.parameters import FamilyParameter
from hierglm.families.zeros import Counts
from hierglm.priors.distributions import beta

HU = FamilyParameter("hu", "unit", "probability of a zero", beta(1, 1), link=LOGIT)

Positive = Callable[[np.random.Generator, Floats, Scales], Floats]


def hurdle(name: str, of: Counts, positive: Positive, stan: StanDensity) -> Family:
    """Return the hurdle family of a family of counts.

    Parameters
    ----------
    name : str
    of : Counts
    positive : callable
        ``positive(rng, eta, scales)``: its random counts, given that they are not 0.
    stan : StanDensity
    """
    counts, log_zero, steepness = of.family, of.log_zero, of.steepness

    def log_count(eta: Floats, scales: Scales) -> Floats:
        """Return the log probability of a count above 0 before the zeros are cut off."""
        return np.asarray(np.log(-np.expm1(log_zero(eta, scales))))

    def log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        hu = scales["hu"]
        own = counts.log_density(y, eta, scales, None) - log_count(eta, scales)
        return np.where(y == 0, np.log(hu), np.log1p(-hu) + own)

    def draw(
        rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None
    ) -> Floats:
        y = positive(rng, eta, scales)
        return np.where(rng.random(np.shape(y)) < scales["hu"], 0.0, y)

    def moments(eta: Floats, scales: Scales) -> tuple[Floats, Floats]:
        """Return mean and variance of a count that is not 0."""
        above, mu = np.exp(log_count(eta, scales)), np.exp(eta)
        m = mu / above
        return m, (counts.variance(eta, scales, None) + mu**2) / above - m**2

    def mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        out: Floats = (1 - scales["hu"]) * moments(eta, scales)[0]
        return out

    def variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        m, v = moments(eta, scales)
        out: Floats = (1 - scales["hu"]) * (v + scales["hu"] * m**2)
        return out

    def score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        m, _ = moments(eta, scales)
        return np.where(y == 0, 0.0, (y - m) * steepness(eta, scales))

    def information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        # A mean near 0 leaves a variance of rounding error.
        v = np.maximum(moments(eta, scales)[1], 1e-12)
        out: Floats = (1 - scales["hu"]) * steepness(eta, scales) ** 2 * v
        return out

    return Family(
        name=name,
        link=LOG,
        parameters=(*counts.parameters, HU),
        stan=stan,
        check=lambda response: check_counts(name, response),
        log_density=log_density,
        draw=draw,
        mean=mean,
        variance=variance,
        slopes=Slopes(score, information),
        truncated=True,
    )


def poisson_above_zero(rng: np.random.Generator, mu: Floats) -> Floats:
    """Return Poisson counts with means mu, given that they are not 0.

    The first of the events comes at a truncated exponential time; what follows it is Poisson.
    """
    first = -np.log1p(rng.random(np.shape(mu)) * np.expm1(-mu))
    return 1.0 + draw_counts(rng, np.maximum(mu - first, 0.0))
