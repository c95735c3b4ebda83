"""Zero-inflated Poisson counts, log link."""

from __future__ import annotations

from hierglm.families.family import StanDensity
from hierglm.families.zero_inflation import zero_inflated
from hierglm.families.zeros import POISSON_COUNTS

ZERO_INFLATED_POISSON = zero_inflated(
    "zero_inflated_poisson",
    POISSON_COUNTS,
    StanDensity(
        "zero_inflated_poisson_log_lik", None, "vector", "lower=0", by_row=True, beside=("zeros",)
    ),
)
