"""Steps of the covariances of effects in a penalised fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, sd_terms
from hierglm.covariances.fields import field_weights
from hierglm.design.design import Grouping
from hierglm.models import Model
from hierglm.plan.fields import step_shares
from hierglm.plan.penalties import sd_penalty, sd_priors
from hierglm.plan.structured import within
from hierglm.plan.varied import LONGEST, VAGUE, Varied, known, stacked
from hierglm.priors.distributions import Prior
from hierglm.priors.slopes import log_density

Floats = NDArray[np.float64]


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
    if at.shares is not None:
        w = field_weights(relation, at.shares)
        u, uncertain = u / w, uncertain / (w[:, :, None] * w[:, None, :])
        new, change = _vary(model, k, at, u, uncertain, sigma, pace)
        shares, spreads, moved = step_shares(model, k, at, u, uncertain, pace)
        return replace(new, shares=shares, share_spreads=spreads), np.append(change, moved)
    if weights is not None:
        # Those of levels as if all had the same covariance (Lange, Little and Taylor 1989).
        whole = np.broadcast_to(at.precision(relation), uncertain.shape)
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
    new = replace(stacked([v for v, _ in found]), weights=weights)
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
    if not np.isfinite(second).all():
        # LAPACK writes to the terminal of what it is given that is none.
        raise np.linalg.LinAlgError
    if structure.common_sd or structure.one is not None:
        return within(model, k, at, second / levels, levels, told, sigma, pace, stratum)
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
    scale = known(priors, sds) / sds
    return covariance * np.outer(scale, scale)


def moving(grouping: Grouping) -> int:
    """Return how many logarithms `vary` moves."""
    shares = len(grouping.terms) * bool(grouping.relation.parameter)
    return len(sd_terms(grouping)) + (covariance_of(grouping).one is not None) + shares
