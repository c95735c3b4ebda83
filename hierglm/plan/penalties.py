"""What priors add to a penalised fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.models import Model
from hierglm.priors.distributions import Prior, flat
from hierglm.priors.slopes import pull, slope

Floats = NDArray[np.float64]


def common_penalty(model: Model, b: Floats) -> tuple[Floats, Floats]:
    """Return centre and precision of the priors of the common coefficients at a point."""
    priors = [*(model.priors.of("Intercept") if model.design.intercept else ())]
    if model.family.thresholds:
        # Those of the thresholds are with their likelihood.
        priors = [flat()]
    return pull([*priors, *model.priors.of("b")], b)


def sd_priors(model: Model, k: int, stratum: int = 0) -> tuple[Prior, ...]:
    """Return the priors of a term's sds, of one stratum where levels have several.

    They are flat where loadings have priors instead.
    """
    grouping = model.design.groups[k]
    if covariance_of(grouping).low_rank:
        return (flat(),) * len(grouping.terms)
    priors = model.priors.of("sd", k)
    count = len(priors) // (len(grouping.relation.strata) or 1)
    return priors[stratum * count : (stratum + 1) * count]


def sd_penalty(model: Model, k: int, sds: Floats, sigma: float, stratum: int = 0) -> Floats:
    """Return the slopes of the log prior density of the log sds, Jacobian included."""
    priors = sd_priors(model, k, stratum)
    if priors[0].kind == "decov":
        # tau ~ gamma, and the shares pi of the variance ~ Dirichlet.
        _, concentration, shape, scale = priors[0].numbers
        unit = sigma if "sigma" in model.scales else 1.0
        tau, pi = np.sqrt(np.mean(sds**2)) / unit, sds**2 / np.sum(sds**2)
        slopes: Floats = (shape - tau / scale) * pi + 2 * concentration * (1 - len(sds) * pi)
        return slopes
    return np.array([1 + slope(p, float(s)) * s for p, s in zip(priors, sds, strict=True)])
