"""Counts with more zeros than Poisson or negative binomial would give: another source of them.

A count is 0 with probability zi; else it is Poisson or negative binomial with mean mu =
exp(eta), which may be 0 too (Lambert 1992).
"""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Family, Floats, Scales, Slopes, StanDensity
from hierglm.families.links import LOG, LOGIT
from hierglm.families.negbinomial import check_counts
from hierglm.families.parameters import FamilyParameter
from hierglm.families.zeros import Counts
from hierglm.priors.distributions import beta

ZI = FamilyParameter(
    "zi", "unit", "probability of a zero beside the others", beta(1, 1), link=LOGIT
)


def zero_inflated(name: str, of: Counts, stan: StanDensity) -> Family:
    """Return the zero-inflated family of a family of counts.

    Parameters
    ----------
    name : str
    of : Counts
    stan : StanDensity
    """
    counts, log_zero, steepness = of.family, of.log_zero, of.steepness

    def log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        zi = scales["zi"]
        own = np.log1p(-zi) + counts.log_density(y, eta, scales, None)
        return np.where(y == 0, np.logaddexp(np.log(zi), own), own)

    def draw(
        rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None
    ) -> Floats:
        y = counts.draw(rng, eta, scales, None)
        return np.where(rng.random(np.shape(y)) < scales["zi"], 0.0, y)

    def mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        out: Floats = (1 - scales["zi"]) * counts.mean(eta, scales, None)
        return out

    def variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        zi, mu = scales["zi"], counts.mean(eta, scales, None)
        out: Floats = (1 - zi) * (counts.variance(eta, scales, None) + zi * mu**2)
        return out

    def own_share(eta: Floats, scales: Scales) -> Floats:
        """Return how likely a 0 is one of the family's own."""
        zi = scales["zi"]
        return LOGIT.invert(np.log1p(-zi) + log_zero(eta, scales) - np.log(zi))

    def score(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        own = (y - np.exp(eta)) * steepness(eta, scales)
        return np.where(y == 0, own * own_share(eta, scales), own)

    def information(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        # Expected square of the score: the family's own, less what zeros of unknown source lose.
        w, mu = steepness(eta, scales), np.exp(eta)
        lost = np.exp(log_zero(eta, scales)) * (1 - own_share(eta, scales)) * mu**2
        out: Floats = (1 - scales["zi"]) * w**2 * (counts.variance(eta, scales, None) - lost)
        return out

    return Family(
        name=name,
        link=LOG,
        parameters=(*counts.parameters, ZI),
        stan=stan,
        check=lambda response: check_counts(name, response),
        log_density=log_density,
        draw=draw,
        mean=mean,
        variance=variance,
        slopes=Slopes(score, information),
        ends="zeros",
    )
