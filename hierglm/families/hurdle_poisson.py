"""Hurdle Poisson counts, log link."""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Floats, Scales, StanDensity
from hierglm.families.hurdle import hurdle, poisson_above_zero
from hierglm.families.zeros import POISSON_COUNTS


def _positive(rng: np.random.Generator, eta: Floats, scales: Scales) -> Floats:
    return poisson_above_zero(rng, np.exp(eta))


HURDLE_POISSON = hurdle(
    "hurdle_poisson",
    POISSON_COUNTS,
    _positive,
    StanDensity(
        "hurdle_poisson_log_lik", None, "vector", "lower=0", by_row=True,
        beside=("zeros", "counts"),
    ),
)  # fmt: skip
