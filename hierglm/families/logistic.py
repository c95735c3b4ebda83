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


LOGISTIC = Exponential(_cumulant, LOGIT.invert, _variance, "log1p_exp")
