"""Zero-inflated Poisson counts, log link."""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Floats, Scales, StanDensity
from hierglm.families.poisson import POISSON
from hierglm.families.zero_inflation import zero_inflated


def log_zero(eta: Floats, scales: Scales) -> Floats:
    """Return the log probability of a Poisson count of 0."""
    return -np.exp(eta)


def steepness(eta: Floats, scales: Scales) -> Floats:
    """Return 1: a Poisson count's score is its residual."""
    return np.ones_like(eta)


ZERO_INFLATED_POISSON = zero_inflated(
    "zero_inflated_poisson",
    POISSON,
    log_zero,
    steepness,
    StanDensity(
        "zero_inflated_poisson_log_lik", None, "vector", "lower=0", by_row=True, beside=("zeros",)
    ),
)
