"""What families with zeros of their own must know of the counts that they are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hierglm.families import negbinomial
from hierglm.families.family import Family, Floats, Scales
from hierglm.families.negbinomial import NEGBINOMIAL
from hierglm.families.poisson import POISSON


@dataclass(frozen=True, slots=True)
class Counts:
    """A family of counts, and how often it gives 0.

    Attributes
    ----------
    family : Family
        With log link.
    log_zero : callable
        ``log_zero(eta, scales)``: its log probability of 0.
    steepness : callable
        ``steepness(eta, scales)``: its score over its residual.
    """

    family: Family
    log_zero: Callable[[Floats, Scales], Floats]
    steepness: Callable[[Floats, Scales], Floats]


# The score of a Poisson count is its residual.
POISSON_COUNTS = Counts(
    POISSON, lambda eta, scales: -np.exp(eta), lambda eta, scales: np.ones_like(eta)
)
NEGBINOMIAL_COUNTS = Counts(NEGBINOMIAL, negbinomial.log_zero, negbinomial.steepness)
