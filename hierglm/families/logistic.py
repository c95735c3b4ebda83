"""What Bernoulli and binomial responses share: the logistic exponential family."""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Exponential, Floats
from hierglm.families.links import LOGIT


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
