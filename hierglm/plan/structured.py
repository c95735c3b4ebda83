"""Steps of covariances that have fewer numbers than effects and pairs of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, effect_times
from hierglm.covariances.closest import Closest, closest, from_correlation, to_correlation
from hierglm.models import Model
from hierglm.plan.penalties import sd_penalty, sd_priors
from hierglm.plan.varied import LONGEST, VAGUE, Varied, given_correlation, known, matrix_of
from hierglm.priors.slopes import pull

Floats = NDArray[np.float64]


def within(
    model: Model,
    k: int,
    at: Varied,
    second: Floats,
    levels: int,
    told: Floats,
    sigma: float,
    pace: float,
    stratum: int,
) -> tuple[Varied, Floats]:
    """Return the step of a structure with fewer numbers: of its log sds, and the logit of rho."""
    grouping = model.design.groups[k]
    structure, q = covariance_of(grouping), len(grouping.terms)
    count, share = levels, float(told.mean()) / levels
    if structure.common_sd:
        told, count = told.sum(keepdims=True), levels * q
    information = told + VAGUE
    lengthen = count / information
    target = _target(model, k, second, at, levels, sigma, stratum)
    priors = sd_priors(model, k, stratum)
    step = lengthen * np.log(target.sds[: len(at.sds)] / at.sds)
    sds = known(priors, at.sds * np.exp(np.clip(pace * step, -LONGEST, LONGEST)))
    change, place, rho, wide = np.log(sds / at.sds), np.log(at.sds), at.rho, 0.0
    if structure.one is not None:
        before = from_correlation(structure.one, q, at.rho)
        move = from_correlation(structure.one, q, target.rho) - before
        # What an EM step takes the data to say, over what they do say.
        told_of_rho = max(share * target.information + target.penalised, _UNIFORM)
        whole = max(target.information + target.penalised, _UNIFORM)
        move = float(np.clip(pace * whole / told_of_rho * move, -2 * LONGEST, 2 * LONGEST))
        change, place = np.append(change, move), np.append(place, before)
        wide = float(1 / np.sqrt(told_of_rho))
    trail = (*at.trail[-len(change) :], (place, change))
    whole_step = extrapolated(trail)
    if structure.one is not None:
        rho = to_correlation(structure.one, q, before + float(whole_step[-1]))
    sds = known(priors, at.sds * np.exp(whole_step[: len(sds)]))
    spread = np.sqrt(0.5 / information)
    covariance = matrix_of(grouping, sds**2, rho)
    return Varied(covariance, sds, spread, rho, wide, trail=trail), change


def extrapolated(trail: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Return the step to where the steps of the last places would vanish, were they linear.

    Anderson acceleration (Walker and Ni 2011). An sd and the correlation of many effects in time
    make up for each other: steps one by one took 100 to 350 times 12 effects of Bernoulli
    responses to the mode.

    Parameters
    ----------
    trail : sequence of (ndarray, ndarray)
        Places, and the steps that were due there; the last is the present one.

    Returns
    -------
    ndarray
        The present step itself where it is large, or larger than the one before.

    Examples
    --------
    >>> trail = [(np.array([x]), np.array([0.1 * (2 - x)])) for x in (1.0, 1.1)]
    >>> (1.1 + extrapolated(trail)).round(6).tolist()
    [2.0]
    """
    places, steps = (np.array(x) for x in zip(*trail, strict=True))
    now = steps[-1]
    sizes = np.max(np.abs(steps[-2:]), axis=1)
    # Neither what is not finite, of which LAPACK writes to the terminal.
    if len(steps) < 2 or not sizes[-1] <= min(_NEAR, 1.5 * sizes[0]):
        return np.asarray(now)
    moved, bent = np.diff(places, axis=0).T, np.diff(steps, axis=0).T
    found = now - (moved + bent) @ np.linalg.lstsq(bent, now, rcond=1e-3)[0]
    return np.asarray(np.clip(found, -LONGEST, LONGEST))


_NEAR = 0.2
"""Longest step from which a mode is near enough for steps to be about linear."""


_UNIFORM = 3 / np.pi**2
"""One over the variance of the logit of a uniform correlation: what the data at least say."""


_LEAST = 0.1
"""Least count of the logarithm of a sd that a prior pulls up, per level."""


def _target(
    model: Model, k: int, second: Floats, at: Varied, levels: int, sigma: float, stratum: int
) -> Closest:
    """Return the maximum of the expected log posterior of a structure with fewer numbers.

    Of log sds and of the logit of its correlation; their priors as straight as they are here.
    """
    grouping = model.design.groups[k]
    structure, times = covariance_of(grouping), effect_times(grouping)
    sds = [p.numbers[0] if p.given else np.nan for p in sd_priors(model, k, stratum)]
    given = np.array(np.broadcast_to(sds, len(times))), given_correlation(model, k)
    pulled = sd_penalty(model, k, at.sds, sigma, stratum) * len(at.sds) / len(times)
    counts = np.maximum(np.broadcast_to(1 - pulled / levels, len(times)), _LEAST)
    if structure.one is None:
        return closest(structure, second, times, given, levels, counts, lambda *_: 0.0)
    low = structure.one.lowest(len(times))
    (prior,) = model.priors.of("cor", k)
    (centre,), (weight,) = pull([prior], np.array([at.rho]))
    eta = prior.numbers[0] if prior.kind == "lkj" else 1.0

    def penalty(here: float, log_determinant: float) -> float:
        pulled = 0.5 * weight * (here - centre) ** 2 - (eta - 1) * log_determinant
        return float(2 * (pulled - np.log((here - low) * (1 - here))))

    return closest(structure, second, times, given, levels, counts, penalty)
