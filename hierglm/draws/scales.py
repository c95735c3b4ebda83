"""Sds and correlations of a group term's effects from the draws, and their covariance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import correlated_terms, covariance_of, effect_times, sd_terms
from hierglm.covariances.fields import field_weights
from hierglm.covariances.rr import loading_labels, loadings
from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws
from hierglm.program.tails import tail_terms

Floats = NDArray[np.float64]


def scale(groups: Sequence[Grouping], number: int, draws: Draws) -> Floats:
    """Return the lower-triangular factor of a term's covariance, shape (draws, q, rank).

    The rank is q, except where the covariance is that of a few factors.

    Parameters
    ----------
    groups : sequence of Grouping
        Of the model.
    number : int
        Position of the group term.
    draws : Draws
        Chains one behind the other.
    """
    grouping = groups[number]
    if covariance_of(grouping).low_rank:
        values = flat(draws, f"loading_{grouping.group}")
        return loadings(values[:, place(groups, number, loading_labels)], grouping)
    sd, correlation = scales(groups, number, draws)
    return sd[:, :, None] * correlation_factor(correlation)


def stratum_scales(groups: Sequence[Grouping], number: int, draws: Draws) -> Floats:
    """Return `scale` of each stratum of a term's levels, shape (draws, strata, q, rank).

    There is one stratum where levels are alike. The arguments are those of `scale`.
    """
    strata = len(groups[number].relation.strata)
    if not strata:
        return scale(groups, number, draws)[:, None]
    found = (scales(groups, number, draws, s) for s in range(strata))
    return np.stack([sd[:, :, None] * correlation_factor(cor) for sd, cor in found], axis=1)


def level_sizes(groups: Sequence[Grouping], number: int, draws: Draws) -> Floats:
    """Return what Student t effects of each level are normal ones times, shape (draws, levels).

    The arguments are those of `scale`; the draws have the levels' weights.
    """
    values = flat(draws, f"weight_{groups[number].group}")
    (own,) = np.moveaxis(values[:, :, place(groups, number, tail_terms)], 2, 0)
    return np.asarray(1 / np.sqrt(own))


def scales(
    groups: Sequence[Grouping], number: int, draws: Draws, stratum: int = 0
) -> tuple[Floats, Floats]:
    """Return sds, shape (draws, q), and correlation matrices, shape (draws, q, q), of a term.

    Parameters
    ----------
    groups : sequence of Grouping
        Of the model.
    number : int
        Position of the group term.
    draws : Draws
        Chains one behind the other.
    stratum : int
        Which, of the strata of levels with covariances of their own.
    """
    grouping = groups[number]
    covariance, times = covariance_of(grouping), effect_times(grouping)
    if covariance.low_rank:
        U = scale(groups, number, draws)
        sd = np.sqrt(np.sum(U**2, axis=2))
        return sd, U @ U.swapaxes(1, 2) / (sd[:, :, None] * sd[:, None, :])
    strata = len(grouping.relation.strata) or 1
    sd = flat(draws, f"sd_{grouping.group}")[:, place(groups, number, sd_terms)]
    sd = np.split(sd, strata, axis=1)[stratum]
    if covariance.common_sd:
        sd = np.repeat(sd, len(times), axis=1)
    cor = np.empty((len(sd), 0))
    if covariance.correlated:
        cor = flat(draws, f"cor_{grouping.group}")[:, place(groups, number, correlated_terms)]
        cor = np.split(cor, strata, axis=1)[stratum]
    return sd, covariance.correlation(cor, times)


def prior_variances(groups: Sequence[Grouping], number: int, draws: Draws) -> Floats:
    """Return the mean prior variance of each level's effects, shape (levels, q).

    Of Student t effects that of the normal ones that are scaled, which always exists.

    Parameters
    ----------
    groups : sequence of Grouping
        Of the model.
    number : int
        Position of the group term.
    draws : Draws
        Chains one behind the other.
    """
    grouping = groups[number]
    relation = grouping.relation
    strata = len(relation.strata) or 1
    squares = [scales(groups, number, draws, s)[0] ** 2 for s in range(strata)]
    stratum = np.zeros(len(grouping.levels), dtype=np.int64)
    if relation.stratum is not None:
        stratum = relation.stratum
    if relation.factor is None:
        return np.array([np.mean(x, axis=0) for x in squares])[stratum]
    held = relation.factor.shape[1]
    weights = coordinate_weights(groups, number, draws).swapaxes(1, 2)[..., :held] ** 2
    # Summed over coordinates: sd^2 sum_k factor_jk^2 w_k.
    means = np.array([np.mean(x[:, :, None] * weights, axis=0) for x in squares])
    return np.asarray(np.einsum("jk,jqk->jq", relation.factor**2, means[stratum]))


def coordinate_weights(groups: Sequence[Grouping], number: int, draws: Draws) -> Floats:
    """Return what effects in coordinates are multiplied by, shape (draws, levels, q).

    They are those w of `hierglm.design.relation.Relation`; coordinates that a field does not
    have are not weighed. The arguments are those of `scale`.
    """
    grouping = groups[number]
    relation = grouping.relation
    size = draws.chains * draws.draws
    weights = np.ones((size, len(grouping.levels), len(grouping.terms)))
    if relation.parameter and relation.spectrum is not None:
        values = flat(draws, f"{relation.parameter}_{grouping.group}")
        share = values[:, place(groups, number, _field_terms(relation.kind))]
        weights[:, : len(relation.spectrum)] = field_weights(relation, share)
    return weights


def _field_terms(kind: str) -> Callable[[Grouping], tuple[object, ...]]:
    return lambda g: g.terms if g.relation.kind == kind else ()


def place(
    groups: Sequence[Grouping], number: int, labels: Callable[[Grouping], tuple[object, ...]]
) -> slice:
    """Return which entries of a group's variable are those of one of its terms.

    Parameters
    ----------
    groups : sequence of Grouping
        Of the model.
    number : int
        Position of the group term.
    labels : callable
        Returns the labels of the entries that a term has.
    """
    before = (g for g in groups[:number] if g.group == groups[number].group)
    low = sum(len(labels(g)) for g in before)
    return slice(low, low + len(labels(groups[number])))


def flat(draws: Draws, name: str) -> Floats:
    """Return the draws of a variable, chains one behind the other."""
    values = draws[name].values
    return values.reshape(-1, *values.shape[2:])


def correlation_factor(correlation: Floats) -> Floats:
    """Return the lower-triangular factor of correlation matrices, shape (draws, q, q)."""
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        # A correlation of 1 up to rounding: the closest factor has a zero on its diagonal.
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
        upper = np.linalg.qr(np.swapaxes(root, 1, 2), mode="r")
        signs = np.where(np.diagonal(upper, axis1=1, axis2=2) < 0, -1.0, 1.0)
        closest: Floats = np.swapaxes(upper * signs[:, :, None], 1, 2)
        return closest
