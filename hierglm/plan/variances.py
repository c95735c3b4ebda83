"""Steps of the covariances of effects in a penalised fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, effect_times, sd_terms
from hierglm.covariances.closest import Closest, closest, from_correlation, to_correlation
from hierglm.design.design import Grouping
from hierglm.models import Model
from hierglm.plan.blocks import inverse
from hierglm.plan.penalties import sd_penalty, sd_priors
from hierglm.priors.distributions import Prior
from hierglm.priors.slopes import log_density, pull

Floats = NDArray[np.float64]

LONGEST = 1.0
"""Longest step of a log sd."""

VAGUE = 0.5
"""What a prior counts as, in levels that would tell a sd exactly."""


@dataclass(frozen=True, slots=True)
class Varied:
    """The covariance of a term's effects, and roughly how far the posterior reaches.

    Attributes
    ----------
    covariance : ndarray, shape (q, q) or (strata, q, q)
        Of the effects of a level, in each stratum where levels have several.
    sds, spread : ndarray, shape (sds,)
        Its sds, one where they are all the same, and the posterior sds of their logarithms;
        stratum by stratum.
    rho, rho_spread : float
        The one correlation of the structures that have one, and the posterior sd of its
        logit within its range.
    weights : ndarray, shape (J,), or None
        Of Student t effects: what the precision of each level's is multiplied by.
    """

    covariance: Floats
    sds: Floats
    spread: Floats
    rho: float = 0.0
    rho_spread: float = 0.0
    weights: Floats | None = None

    def precision(self, stratum: NDArray[np.int64] | None) -> Floats:
        """Return the prior precision of effects, shape (q, q) or by level (J, q, q).

        Parameters
        ----------
        stratum : ndarray of int, shape (J,), or None
            Of each level, where there are several.
        """
        found = inverse(self.covariance)
        if stratum is not None:
            found = found[stratum]
        return found if self.weights is None else found * self.weights[:, None, None]


def first_covariance(model: Model, k: int, sigma: float) -> Varied:
    """Return a covariance to begin with: independent effects that each add sigma / 2 to a row."""
    relation = model.design.groups[k].relation
    found = [_first(model, k, sigma, s) for s in range(len(relation.strata) or 1)]
    out = _stacked(found) if relation.strata else found[0]
    levels = len(model.design.groups[k].levels)
    return replace(out, weights=np.ones(levels)) if relation.student else out


def _stacked(strata: Sequence[Varied]) -> Varied:
    """Return the covariances of several strata as one."""
    return Varied(
        np.stack([v.covariance for v in strata]),
        np.concatenate([v.sds for v in strata]),
        np.concatenate([v.spread for v in strata]),
    )


def _first(model: Model, k: int, sigma: float, stratum: int) -> Varied:
    grouping = model.design.groups[k]
    size = np.sqrt(np.mean(grouping.effects.matrix**2, axis=0))
    size = np.where(size > 0, size, 1.0)
    variances = 0.25 * sigma**2 / size**2
    if covariance_of(grouping).common_sd:
        variances = np.exp(np.mean(np.log(variances), keepdims=True))
    priors = sd_priors(model, k, stratum)
    given = np.array([p.given for p in priors])
    variances = np.where(given, _known(priors, variances) ** 2, variances)
    rho = _given_correlation(model, k)
    rho = 0.0 if np.isnan(rho) else rho
    return Varied(
        _matrix(grouping, variances, rho), np.sqrt(variances), np.ones(len(variances)), rho
    )


def vary(
    model: Model, k: int, at: Varied, u: Floats, uncertain: Floats, sigma: float, pace: float
) -> tuple[Varied, Floats]:
    """Return the next covariance of a term's effects, and the step of its logarithms.

    Parameters
    ----------
    model : Model
    k : int
        Position of the term.
    at : Varied
        Where it is.
    u : ndarray, shape (J, q)
        Effects.
    uncertain : ndarray, shape (J, q, q)
        Their posterior covariances.
    sigma : float
        Residual sd.
    pace : float
        Share of a whole step.
    """
    relation = model.design.groups[k].relation
    weights = at.weights
    if weights is not None:
        # Those of levels as if all had the same covariance (Lange, Little and Taylor 1989).
        whole = np.broadcast_to(at.precision(relation.stratum), uncertain.shape)
        freedom = likely_freedom(model, k)
        squares = np.einsum("jab,jab->j", u[:, :, None] * u[:, None, :] + uncertain, whole)
        root = np.sqrt(weights)
        u, uncertain = u * root[:, None], uncertain * weights[:, None, None]
        weights = (freedom + u.shape[1]) / (freedom + squares / weights)
    if not relation.strata or relation.stratum is None:
        new, change = _vary(model, k, at, u, uncertain, sigma, pace)
        return replace(new, weights=weights), change
    found = []
    for s, (covariance, sds) in enumerate(
        zip(at.covariance, np.split(at.sds, len(at.covariance)), strict=True)
    ):
        own = relation.stratum == s
        here = Varied(covariance, sds, np.ones(len(sds)))
        found.append(_vary(model, k, here, u[own], uncertain[own], sigma, pace, s))
    new = replace(_stacked([v for v, _ in found]), weights=weights)
    return new, np.concatenate([change for _, change in found])


def likely_freedom(model: Model, k: int) -> float:
    """Return the degrees of freedom of a term's Student t effects at the mode of their prior."""
    (prior,) = model.priors.of("df", k)
    if prior.given:
        return prior.numbers[0]
    grid = np.geomspace(1.5, 60, 100)
    return float(grid[np.argmax([log_density(prior, float(x)) for x in grid])])


def _vary(
    model: Model,
    k: int,
    at: Varied,
    u: Floats,
    uncertain: Floats,
    sigma: float,
    pace: float,
    stratum: int = 0,
) -> tuple[Varied, Floats]:
    """Return `vary` of levels that are alike."""
    structure, variance = covariance_of(model.design.groups[k]), at.covariance
    levels, q = u.shape
    sds = np.sqrt(np.diag(variance))
    reliable = 1 - np.diagonal(uncertain, axis1=1, axis2=2) / np.diag(variance)
    told = np.sum(np.clip(reliable, 0, 1) ** 2, axis=0)
    second = np.einsum("jk,jl->kl", u, u) + uncertain.sum(axis=0)
    if structure.common_sd or structure.one is not None:
        return _within(model, k, at, second / levels, levels, told, sigma, pace, stratum)
    information = told + VAGUE
    # Few levels leave likelihood at correlations of 1, where no posterior is: the diagonal
    # counts as q levels more.
    second = second * (levels / (levels + q)) + np.diag(np.diag(second)) * q / (levels + q)
    if not (structure.free or structure.low_rank):
        second = np.diag(np.diag(second))
    priors = sd_priors(model, k, stratum)
    second = _regressed(second / levels, priors)
    C = np.linalg.cholesky(variance)
    half = np.linalg.solve(C, second)
    excess = np.linalg.solve(C, half.T) - np.eye(q)
    lengthen = np.sqrt(levels / information)
    values, vectors = np.linalg.eigh(pace * lengthen[:, None] * excess * lengthen)
    values = np.clip(values, -2 * LONGEST, 2 * LONGEST)
    root = C @ (vectors * np.exp(values / 2))
    new = root @ root.T
    pulled = sd_penalty(model, k, sds, sigma, stratum)
    prior_step = np.clip(pace * pulled / (2 * information), -LONGEST, LONGEST)
    new = _with_sds(new * np.exp(prior_step[:, None] + prior_step), priors)
    now = np.sqrt(np.diag(new))
    return Varied(new, now, np.sqrt(0.5 / information)), np.log(now / sds)


def _within(
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
    step = lengthen * np.log(target.sds[: len(at.sds)] / at.sds)
    sds = at.sds * np.exp(np.clip(pace * step, -LONGEST, LONGEST))
    sds = _known(sd_priors(model, k, stratum), sds)
    change, rho, wide = np.log(sds / at.sds), at.rho, 0.0
    if structure.one is not None:
        before = from_correlation(structure.one, q, at.rho)
        move = from_correlation(structure.one, q, target.rho) - before
        # What an EM step takes the data to say, over what they do say.
        told_of_rho = max(share * target.information + target.penalised, _UNIFORM)
        whole = max(target.information + target.penalised, _UNIFORM)
        move = float(np.clip(pace * whole / told_of_rho * move, -2 * LONGEST, 2 * LONGEST))
        rho = to_correlation(structure.one, q, before + move)
        change = np.append(change, move)
        wide = float(1 / np.sqrt(told_of_rho))
    spread = np.sqrt(0.5 / information)
    return Varied(_matrix(grouping, sds**2, rho), sds, spread, rho, wide), change


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
    given = np.array(np.broadcast_to(sds, len(times))), _given_correlation(model, k)
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


def _matrix(grouping: Grouping, variances: Floats, rho: float) -> Floats:
    structure, times = covariance_of(grouping), effect_times(grouping)
    every = np.broadcast_to(variances, len(times))
    if structure.one is None:
        return np.diag(every)
    sds = np.sqrt(every)
    return np.asarray(np.outer(sds, sds) * structure.one.matrix(np.array([rho]), times)[0])


def _regressed(second: Floats, priors: Sequence[Prior]) -> Floats:
    """Return the covariance that maximises an EM step where some sds are given.

    Effects with sds to be estimated are regressed on the others: coefficients and residual
    covariance are those of the second moments, and the others have the sds given.
    """
    given = np.array([p.given for p in priors])
    if not given.any():
        return second
    held = _with_sds(second[np.ix_(given, given)], [p for p in priors if p.given])
    out = second.copy()
    slopes = np.linalg.solve(second[np.ix_(given, given)], second[np.ix_(given, ~given)]).T
    moved = held - second[np.ix_(given, given)]
    out[np.ix_(given, given)] = held
    out[np.ix_(~given, given)] = slopes @ held
    out[np.ix_(given, ~given)] = held @ slopes.T
    out[np.ix_(~given, ~given)] += slopes @ moved @ slopes.T
    return out


def _with_sds(covariance: Floats, priors: Sequence[Prior]) -> Floats:
    """Return a covariance with the same correlations, and the sds that are given."""
    if not any(p.given for p in priors):
        return covariance
    sds = np.sqrt(np.diag(covariance))
    scale = _known(priors, sds) / sds
    return covariance * np.outer(scale, scale)


def _given_correlation(model: Model, k: int) -> float:
    priors = model.priors.of("cor", k)
    return priors[0].numbers[0] if priors and priors[0].given else np.nan


def _known(priors: Sequence[Prior], values: Floats) -> Floats:
    """Return values, those that are given as they are given."""
    return np.array([p.numbers[0] if p.given else x for p, x in zip(priors, values, strict=True)])


def moving(grouping: Grouping) -> int:
    """Return how many logarithms `vary` moves."""
    return len(sd_terms(grouping)) + (covariance_of(grouping).one is not None)
