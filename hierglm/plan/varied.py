"""The covariance of a term's effects as a penalised fit has it, and where it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, effect_times
from hierglm.covariances.fields import field_weights
from hierglm.design.design import Grouping
from hierglm.design.relation import Relation
from hierglm.models import Model
from hierglm.plan.blocks import inverse
from hierglm.plan.penalties import sd_priors
from hierglm.priors.distributions import Prior

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
    shares, share_spreads : ndarray, shape (q,), or None
        Of fields that have one: alpha or rho of each effect, and the posterior sds of their
        logits.
    trail : tuple of (ndarray, ndarray)
        The last places of the logarithms and logits of structures with fewer numbers, and the
        steps that were due there; see `hierglm.plan.structured.extrapolated`.
    """

    covariance: Floats
    sds: Floats
    spread: Floats
    rho: float = 0.0
    rho_spread: float = 0.0
    weights: Floats | None = None
    shares: Floats | None = None
    share_spreads: Floats | None = None
    trail: tuple[tuple[Floats, Floats], ...] = ()

    def precision(self, relation: Relation) -> Floats:
        """Return the prior precision of effects, shape (q, q) or by level (J, q, q).

        Parameters
        ----------
        relation : Relation
            Of the term's levels; of a field the levels are those of its coordinates.
        """
        found = inverse(self.covariance)
        if relation.stratum is not None:
            found = found[relation.stratum]
        if self.shares is not None:
            w = field_weights(relation, self.shares)
            found = found / (w[:, :, None] * w[:, None, :])
        return found if self.weights is None else found * self.weights[:, None, None]


def first_covariance(model: Model, k: int, sigma: float) -> Varied:
    """Return a covariance to begin with: independent effects that each add sigma / 2 to a row."""
    relation = model.design.groups[k].relation
    found = [_first(model, k, sigma, s) for s in range(len(relation.strata) or 1)]
    out = stacked(found) if relation.strata else found[0]
    if relation.parameter:
        priors = model.priors.of(relation.parameter, k)
        shares = np.array([p.numbers[0] if p.given else 0.5 for p in priors])
        return replace(out, shares=shares, share_spreads=np.ones(len(shares)))
    levels = len(model.design.groups[k].levels)
    return replace(out, weights=np.ones(levels)) if relation.student else out


def stacked(strata: Sequence[Varied]) -> Varied:
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
    variances = np.where(given, known(priors, variances) ** 2, variances)
    rho = given_correlation(model, k)
    rho = 0.0 if np.isnan(rho) else rho
    return Varied(
        matrix_of(grouping, variances, rho), np.sqrt(variances), np.ones(len(variances)), rho
    )


def matrix_of(grouping: Grouping, variances: Floats, rho: float) -> Floats:
    """Return the covariance of a structure with these variances and this correlation."""
    structure, times = covariance_of(grouping), effect_times(grouping)
    every = np.broadcast_to(variances, len(times))
    if structure.one is None:
        return np.diag(every)
    sds = np.sqrt(every)
    return np.asarray(np.outer(sds, sds) * structure.one.matrix(np.array([rho]), times)[0])


def given_correlation(model: Model, k: int) -> float:
    """Return the one correlation of a term where it is known, else NaN."""
    priors = model.priors.of("cor", k)
    return priors[0].numbers[0] if priors and priors[0].given else np.nan


def known(priors: Sequence[Prior], values: Floats) -> Floats:
    """Return values, those that are given as they are given."""
    return np.array([p.numbers[0] if p.given else x for p, x in zip(priors, values, strict=True)])
