"""Hurdle negative binomial counts, log link."""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Floats, Scales, StanDensity
from hierglm.families.hurdle import hurdle, poisson_above_zero
from hierglm.families.negbinomial import NEGBINOMIAL, log_zero, steepness


def _positive(rng: np.random.Generator, eta: Floats, scales: Scales) -> Floats:
    """Return negative binomial counts, given that they are not 0.

    Such a count is a Poisson number of logarithmic ones (Quenouille 1949): the Poisson one is
    drawn above 0, and the rest follows.
    """
    clusters = poisson_above_zero(rng, -log_zero(eta, scales))
    share = 1 - steepness(eta, scales)
    out = np.zeros(np.shape(clusters))
    left = clusters.copy()
    while (left > 0).any():
        out += np.where(left > 0, rng.logseries(np.broadcast_to(share, out.shape)), 0)
        left -= 1
    return out


HURDLE_NEGBINOMIAL = hurdle(
    "hurdle_negbinomial",
    NEGBINOMIAL,
    log_zero,
    steepness,
    _positive,
    StanDensity(
        "hurdle_negbinomial_log_lik", None, "vector", "lower=0", by_row=True,
        beside=("zeros", "counts"),
    ),
)  # fmt: skip
