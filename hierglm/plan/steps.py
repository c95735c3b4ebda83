"""Steps of coefficients, effects and the residual sd in a penalised fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.models import Model
from hierglm.plan.elimination import Solution
from hierglm.plan.likelihoods import Likelihood, Local
from hierglm.plan.varied import LONGEST, VAGUE, Varied
from hierglm.priors.slopes import slope

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class At:
    """A point of the iteration: coefficients, effects, residual sd, covariances."""

    b: Floats
    u: tuple[Floats, ...]
    sigma: float
    variances: tuple[Varied, ...]


def held(local: Local, free: NDArray[np.bool_]) -> Local:
    """Return a likelihood along which the coefficients that are given do not move."""
    if free.all():
        return local
    system = local.system
    return replace(
        local,
        common=local.common * free,
        system=replace(
            system, XX=system.XX * np.outer(free, free), ZX=tuple(x * free for x in system.ZX)
        ),
    )


def advance(
    likelihood: Likelihood,
    at: At,
    local: Local,
    solved: Solution,
    precisions: Sequence[Floats],
    prior: tuple[Floats, Floats],
) -> tuple[Floats, list[Floats]]:
    """Return the point after a Newton step, halved until it does not go down."""
    centre, weight = prior

    def penalised(value: float, b: Floats, u: Sequence[Floats]) -> float:
        out = value - 0.5 * float(np.sum(weight * (b - centre) ** 2))
        for x, p in zip(u, precisions, strict=True):
            out -= 0.5 * float(np.sum(x * times(x, p)))
        return out

    start = penalised(local.value, at.b, at.u)
    share = 1.0
    for _ in range(20):
        b = at.b + share * solved.common
        u = [x + share * d for x, d in zip(at.u, solved.effects, strict=True)]
        value = penalised(likelihood.value(b, u, at.sigma), b, u)
        if value >= start - 1e-8 * abs(start):
            break
        share /= 2
    return b, u


def times(u: Floats, precision: Floats) -> Floats:
    """Return each level's effects times their prior precision, shape (J, q)."""
    return np.asarray((u[:, None, :] @ precision)[:, 0])


def used(
    precisions: Sequence[Floats], uncertain: Sequence[Floats], weight: Floats, covariance: Floats
) -> float:
    """Return the degrees of freedom of coefficients and effects: how many the data decide."""
    used = len(weight) - float(np.sum(weight * np.diag(covariance)))
    for p, v in zip(precisions, uncertain, strict=True):
        used += v.shape[0] * v.shape[1] - float(np.sum(v * p))
    return used


def scale(
    model: Model,
    likelihood: Likelihood,
    b: Floats,
    u: Sequence[Floats],
    sigma: float,
    used: float,
) -> tuple[float, float]:
    """Return the next sigma, and the spread of its logarithm."""
    pulled, information = likelihood.along_sigma(b, u, sigma, used)
    information = max(information, 0.0) + 2 * VAGUE
    pulled += 1 + slope(model.priors.scale("sigma"), sigma) * sigma
    step = float(np.clip(pulled / information, -LONGEST, LONGEST))
    return sigma * float(np.exp(step)), float(np.sqrt(1 / information))
