"""Covariance structures of the effects of one level, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances.ar1 import AR1
from hierglm.covariances.covariance import Covariance, OneCorrelation
from hierglm.covariances.cs import CS
from hierglm.covariances.diagonal import DIAGONAL
from hierglm.covariances.iso import ISO
from hierglm.covariances.rr import RR, rank
from hierglm.covariances.unstructured import UNSTRUCTURED
from hierglm.design.design import Grouping

__all__ = ["COVARIANCES", "Covariance", "OneCorrelation", "correlated_terms", "covariance_of",
           "effect_times", "sd_terms"]  # fmt: skip

COVARIANCES: Mapping[str, Covariance] = {
    c.kind: c for c in (UNSTRUCTURED, DIAGONAL, ISO, CS, AR1, RR)
}
"""By the kind of a term's `hierglm.formula.terms.Structure`."""


def covariance_of(grouping: Grouping) -> Covariance:
    """Return the covariance structure of a group term; of a single effect all are the same."""
    return COVARIANCES[grouping.structure.kind] if len(grouping.terms) > 1 else DIAGONAL


def sd_terms(grouping: Grouping) -> tuple[str, ...]:
    """Return the labels of a term's sds: the effects', or that of the whole term.

    A number that belongs to all effects is called as the user wrote these:
    ``"iso(x + z)"`` of ``iso(x + z | g)``. Strata of levels have sds of their own, one stratum
    after the other: ``"x:fa"`` for x in stratum a of f.
    """
    own = (_whole(grouping),) if covariance_of(grouping).common_sd else grouping.terms
    strata = grouping.relation.strata
    return tuple(f"{term}:{s}" for s in strata for term in own) if strata else own


def correlated_terms(grouping: Grouping) -> tuple[tuple[str, str], ...]:
    """Return the labels of a term's correlations, pairs of effects, in order.

    A correlation of all effects has the label of the term and "". Strata of levels have
    correlations of their own, one stratum after the other.
    """
    covariance = covariance_of(grouping)
    if covariance.one is not None:
        return ((_whole(grouping), ""),)
    # Of one factor all correlations are 1 or -1: the loadings' signs say which.
    several = covariance.free or (covariance.low_rank and rank(grouping) > 1)
    pairs = tuple(combinations(grouping.terms, 2)) if several else ()
    strata = grouping.relation.strata
    return tuple((f"{a}:{s}", f"{b}:{s}") for s in strata for a, b in pairs) if strata else pairs


def effect_times(grouping: Grouping) -> NDArray[np.int64]:
    """Return the times of a term's effects, shape (q,); their numbers where they have none."""
    return np.array(grouping.times or range(len(grouping.terms)), dtype=np.int64)


def _whole(grouping: Grouping) -> str:
    return " ".join(grouping.source.rpartition("|")[0].split()) + ")"
