"""The distribution of the effects of a level taken at random: a mixture of normal ones.

Where levels are alike it is one normal distribution. Levels that are related have variances of
their own each, and levels in strata covariances: a level of the fit is as likely as any other.
Student t effects are normal given a weight, chi-squared over its degrees of freedom
(`tail_rule`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.draws.levels import alone, level_factor, level_freedom
from hierglm.draws.scales import coordinate_weights, stratum_scales
from hierglm.models import Model
from hierglm.predicting.effects import Source

Floats = NDArray[np.float64]

NODES = 64
"""Of the weights of Student t effects."""
_RARE = 16.0
"""Minus the log of the probability of a weight below the first node."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """The effects of a level taken at random, for each draw.

    Attributes
    ----------
    shares : ndarray, shape (components,)
        Sum to 1.
    factors : tuple of ndarray, shape (S, q, rank)
        Of the covariance of each component.
    freedom : ndarray, shape (S,), or None
        Degrees of freedom, where effects are Student t.
    """

    shares: Floats
    factors: tuple[Floats, ...]
    freedom: Floats | None = None


def mixtures(source: Source, numbers: Iterable[int]) -> dict[int, Mixture]:
    """Return the effects of a level taken at random, for some group terms.

    Parameters
    ----------
    source : Source
    numbers : iterable of int
        Positions of the terms in the model.
    """
    model, draws = source.fitted.plan.model, source.fitted.draws
    out = {}
    for k in sorted(set(numbers)):
        shares, factors = _components(model, k, draws)
        freedom = level_freedom(model, k, draws)
        out[k] = Mixture(
            shares,
            tuple(source.chosen(f) for f in factors),
            None if freedom is None else source.chosen(freedom),
        )
    return out


def tail_rule(freedom: Floats) -> tuple[Floats, Floats]:
    """Return weights w of Student t effects, chi-squared over its degrees of freedom, and shares.

    The trapezoidal rule for log w, whose density is proportional to
    exp(df (log w - w) / 2) (Lange, Little and Taylor 1989).

    Parameters
    ----------
    freedom : ndarray, shape (S,)

    Returns
    -------
    ndarray, shape (nodes, S), twice
        The shares of each draw sum to 1.

    Examples
    --------
    >>> from scipy.stats import norm, t
    >>> w, shares = tail_rule(np.array([4.0]))
    >>> error = np.sum(shares * norm.cdf(np.sqrt(w))) - t.cdf(1, 4)
    >>> bool(abs(error) < 1e-6)
    True
    """
    unit = np.sqrt(2 / freedom)
    low, high = -np.maximum(8 * unit, 2 * _RARE / freedom), 4.5 * unit
    log_w = low + np.linspace(0, 1, NODES)[:, None] * (high - low)
    log_density = 0.5 * freedom * (log_w - np.exp(log_w))
    density = np.exp(log_density - log_density.max(axis=0))
    return np.exp(log_w), density / density.sum(axis=0)


def _components(model: Model, number: int, draws: Draws) -> tuple[Floats, list[Floats]]:
    """Return the shares and the factors of the components, levels that are alike as one."""
    relation = model.groups[number].relation
    if not (relation.strata or relation.dependent):
        return np.ones(1), [level_factor(model, number, draws)]
    groups, own, draws = alone(model, number, draws)
    levels = len(groups[own].levels)
    scales = stratum_scales(groups, own, draws)
    stratum = np.zeros(levels, dtype=np.int64) if relation.stratum is None else relation.stratum
    spread = np.ones((1, levels, 1))
    if relation.factor is not None:
        held = relation.factor.shape[1]
        w = coordinate_weights(groups, own, draws)[:, :held]
        # Without a parameter coordinates weigh the same in all draws.
        w = w if relation.parameter else w[:1]
        spread = np.einsum("jk,skq->sjq", relation.factor**2, w**2)
    keys = np.column_stack([stratum, np.moveaxis(spread, 1, 0).reshape(levels, -1).round(10)])
    _, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    factors = [scales[:, stratum[j]] * np.sqrt(spread[:, j])[:, None] for j in first]
    return counts / levels, factors
