"""The covariance of a structure that is closest to any covariance: its maximum-likelihood fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances.covariance import Covariance, OneCorrelation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FARTHEST = 12.0
"""Largest logit of the share of its range at which a correlation stands."""

_STEP = 0.1
"""Of differences of a deviance along that logit."""


@dataclass(frozen=True, slots=True)
class Closest:
    """What a structure's covariance is made of where it is closest.

    Attributes
    ----------
    sds : ndarray, shape (q,)
        Of the effects.
    rho : float
        The one correlation; 0 where there is none.
    information, penalised : float
        Half the second derivatives of deviance and penalty along the logit of rho.
    """

    sds: Floats
    rho: float
    information: float = 0.0
    penalised: float = 0.0


def closest(
    covariance: Covariance,
    target: Floats,
    times: Ints,
    given: tuple[Floats, float],
    levels: float,
    counts: Floats,
    penalty: Callable[[float, float], float],
) -> Closest:
    """Return the covariance V of a structure with the least deviance log|V| + tr(V^-1 target).

    That is the maximum-likelihood estimate from normal effects whose second moments are the
    target, and the maximum of a posterior density with a penalty. Structures without free
    correlations only.

    Parameters
    ----------
    covariance : Covariance
    target : ndarray, shape (q, q)
    times : ndarray, shape (q,)
        Of the effects.
    given : tuple
        Sds, shape (q,), and correlation that are known; NaN where they are not.
    levels : float
        How many levels the target comes from.
    counts : ndarray, shape (q,)
        How often the deviance counts the logarithm of each sd, over `levels`: 1, less what
        a prior pulls along it.
    penalty : callable
        Takes rho and log|C|, returns what is added to the deviance of all levels.
    """
    sds, rho = given
    one = covariance.one
    if one is None:
        return Closest(_sds(covariance, np.eye(len(times)), target, sds, counts), 0.0)

    def parts(y: float) -> Floats:
        here = to_correlation(one, len(times), y)
        C = one.matrix(np.array([here]), times)[0]
        d = _sds(covariance, C, target, sds, counts)
        log_determinant = float(np.linalg.slogdet(C)[1])
        inside = log_determinant + 2 * counts @ np.log(d) + _trace(C, target, d)
        return np.array([levels * inside, penalty(here, log_determinant)])

    if np.isfinite(rho):
        y = from_correlation(one, len(times), rho)
    else:
        y = _least(lambda y: float(parts(y).sum()))
    second = (parts(y + _STEP) - 2 * parts(y) + parts(y - _STEP)) / _STEP**2
    found = to_correlation(one, len(times), y)
    C = one.matrix(np.array([found]), times)[0]
    return Closest(_sds(covariance, C, target, sds, counts), found, *(second / 2).tolist())


def to_correlation(one: OneCorrelation, q: int, y: float) -> float:
    """Return the correlation of q effects from its logit, as Stan bounds it."""
    low = one.lowest(q)
    return float(low + (1 - low) / (1 + np.exp(-y)))


def from_correlation(one: OneCorrelation, q: int, rho: float) -> float:
    """Return the logit of a correlation of q effects within its range."""
    low = one.lowest(q)
    return float(np.log((rho - low) / (1 - rho)))


def _least(deviance: Callable[[float], float]) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        deviance, bounds=(-_FARTHEST, _FARTHEST), method="bounded", options={"xatol": 1e-7}
    )
    return float(found.x)


def _trace(C: Floats, target: Floats, sds: Floats) -> float:
    return float(np.trace(np.linalg.solve(C, target / np.outer(sds, sds))))


def _sds(
    covariance: Covariance, C: Floats, target: Floats, given: Floats, counts: Floats
) -> Floats:
    """Return the closest sds with correlations C; those that are given stay."""
    known = np.isfinite(given)
    if known.all():
        return given
    if covariance.common_sd:
        one = np.sqrt(np.trace(np.linalg.solve(C, target)) / counts.sum())
        return np.full(len(C), one)
    # With x = 1 / sd: x'Px / 2 - sum(counts log x) is convex, and Newton's method finds its
    # minimum.
    P = np.linalg.inv(C) * target
    x = np.where(known, 1 / np.where(known, given, 1.0), 1 / np.sqrt(np.diag(target)))
    free = np.flatnonzero(~known)
    for _ in range(50):
        slope = (P @ x - counts / x)[free]
        curvature = P[np.ix_(free, free)] + np.diag((counts / x**2)[free])
        step = np.linalg.solve(curvature, slope)
        # No step that would leave less than a tenth of an element.
        share = min(1.0, 0.9 / max(float(np.max(step / x[free])), 1e-300))
        x[free] -= share * step
        if np.max(np.abs(step / x[free])) < 1e-10:
            break
    return np.asarray(1 / x)
