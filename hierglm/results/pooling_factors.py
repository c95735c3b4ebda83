"""Pooling factors: how much of the prior variance of an effect its level's rows leave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.scales import place, prior_variances, scale
from hierglm.models import Model
from hierglm.plan.blocks import level_products
from hierglm.plan.crossproducts import row_weights
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, flatten, linear_predictor, scales_of

Floats = NDArray[np.float64]

_MOST = 2**26
"""Numbers that are computed of rows or levels over all draws; beyond, every n-th draw is used."""
_FEWEST = 50
"""Draws that are used at least."""
_BLOCK = 2**22
"""Numbers held at once (32 MB)."""


def pooling_factors(fitted: Fitted, number: int) -> Floats:
    """Return the pooling factors of a group term, shape (levels, effects).

    Given everything but the effects u_j of one level, with Z_j' W Z_j the information of its
    rows and Lambda Lambda' the covariance of its effects, their variance is
    ``Lambda (I + Lambda' Z_j' W Z_j Lambda)^-1 Lambda'``. The factor is the posterior mean of
    its diagonal over that of ``Lambda Lambda'``; see `hierglm.results.pooling.pooling`.

    Parameters
    ----------
    fitted : Fitted
        Of one linear predictor.
    number : int
        Position of the group term.
    """
    model = fitted.plan.model
    grouping = model.design.groups[number]
    known = model.family.exponential is not None or model.family.slopes is not None
    if not known or not grouping.relation.plain:
        return _by_draws(fitted, number)
    Lambda = scale(model.design.groups, number, fitted.draws)
    levels, q = len(grouping.levels), len(grouping.terms)
    same = _same_information(model)
    size = levels * q * q if same else max(levels * q * q, model.design.rows)
    some = _spread(len(Lambda), size)
    total = np.zeros((levels, q))
    for block, A in _information(fitted, grouping, some, levels * q * q, same):
        L = Lambda[block][:, None]
        M = np.eye(L.shape[-1]) + np.swapaxes(L, -1, -2) @ A @ L
        # diag(L M^-1 L') over diag(L L'), effect by effect.
        left = np.einsum("djik,djki->dji", L @ np.linalg.inv(M), np.swapaxes(L, -1, -2))
        total += np.sum(left / np.sum(L**2, axis=-1), axis=0)
    return total / len(some)


def _spread(draws: int, size: int) -> NDArray[np.int64]:
    """Return which draws are used: all, or evenly spaced ones where that is too much."""
    count = min(draws, max(_FEWEST, _MOST // max(size, 1)))
    return np.linspace(0, draws - 1, count).round().astype(np.int64)


def _same_information(model: Model) -> bool:
    """Tell whether rows have the same information at all draws, but for sigma."""
    exponential = model.family.exponential
    return (
        exponential is not None
        and exponential.dispersion
        and not model.design.response.se_and_sigma
    )


def _information(
    fitted: Fitted, grouping: Grouping, some: NDArray[np.int64], size: int, same: bool
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Yield blocks of draws with Z_j' W Z_j, shape (draws, levels, q, q)."""
    model = fitted.plan.model
    design, Z = model.design, grouping.effects.matrix
    levels = len(grouping.levels)
    if same:
        A = level_products(Z, grouping.index, row_weights(design), levels)
        sigma = np.ones(some.max() + 1)
        if "sigma" in model.scales:
            sigma = fitted.draws["sigma"].values.reshape(-1)
        for block in _blocks(some, size):
            yield block, A / sigma[block, None, None, None] ** 2
        return
    flat = flatten(fitted.draws)
    for block in _blocks(some, max(size, design.rows)):
        rows = _row_information(model, flat, block)
        yield block, np.stack([level_products(Z, grouping.index, w, levels) for w in rows])


def _blocks(some: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    step = max(1, _BLOCK // max(1, size))
    for low in range(0, len(some), step):
        yield some[low : low + step]


def _row_information(model: Model, flat: Flat, block: NDArray[np.int64]) -> Floats:
    """Return the information of each row about its linear predictor, shape (draws, rows)."""
    design, family = model.design, model.family
    every = slice(None)
    chosen = Flat({name: x[block] for name, x in flat.values.items()}, len(block))
    eta = linear_predictor(design, chosen, every)
    scales = scales_of(model, chosen, every)
    trials = design.response.trials
    if family.exponential is not None:
        found = family.exponential.variance(eta)
        if family.exponential.dispersion:
            found = found / scales["sigma"] ** 2
        found = found if trials is None else trials * found
    else:
        assert family.slopes is not None
        found = family.slopes.information(eta, scales, trials)
    weights = design.response.weights
    return np.asarray(np.broadcast_to(found if weights is None else weights * found, eta.shape))


def _by_draws(fitted: Fitted, number: int) -> Floats:
    """Return posterior variances of effects over the mean of their prior variance, at most 1."""
    groups = fitted.plan.model.design.groups
    prior = prior_variances(groups, number, fitted.draws)
    columns = place(groups, number, lambda g: g.terms)
    out = [
        np.var(values[..., columns], axis=(0, 1), ddof=1)
        for _, values in fitted.draws[f"r_{groups[number].group}"].parts()
    ]
    left: Floats = np.minimum(np.concatenate(out) / prior, 1.0)
    return left
