"""Zero-inflated negative binomial counts, log link."""

from __future__ import annotations

from hierglm.families.family import StanDensity
from hierglm.families.zero_inflation import zero_inflated
from hierglm.families.zeros import NEGBINOMIAL_COUNTS

ZERO_INFLATED_NEGBINOMIAL = zero_inflated(
    "zero_inflated_negbinomial",
    NEGBINOMIAL_COUNTS,
    StanDensity(
        "zero_inflated_negbinomial_log_lik", None, "vector", "lower=0", by_row=True,
        beside=("zeros",),
    ),
)  # fmt: skip
