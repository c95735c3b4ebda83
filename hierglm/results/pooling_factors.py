"""Pooling factors: how much of the prior variance of an effect its level's rows leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.levels import alone, level_factor
from hierglm.draws.scales import place, prior_variances
from hierglm.families.categorical import probabilities
from hierglm.models import Model
from hierglm.plan.blocks import level_products
from hierglm.plan.crossproducts import row_weights
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, eta_of, flatten, scales_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
    its diagonal over that of ``Lambda Lambda'``; see `hierglm.results.pooling.pooling`. Of a term
    that acts on several responses the information is that of the rows of all of them.

    Parameters
    ----------
    fitted : Fitted
    number : int
        Position of the group term among all; its effects are those of all its predictors.
    """
    model = fitted.plan.model
    grouping = model.groups[number]
    acting = [_Acting(model, m, own, first) for m, own, first in model.acting(number)]
    # Of predictors of one response the information has parts that they share.
    apart = len({a.predictor.part.response for a in acting}) == len(acting)
    if not (apart and all(a.known for a in acting) and grouping.relation.plain):
        return _by_draws(fitted, number)
    Lambda = level_factor(model, number, fitted.draws)
    levels, q = len(grouping.levels), len(grouping.terms)
    size = max(levels * q * q, *(a.rows for a in acting))
    some = _spread(len(Lambda), size)
    # Effects that are drawn when read are left alone where no row needs them.
    alike = {v.name: v for v in fitted.draws if v.effect == "family"}
    flat = flatten(
        fitted.draws if any(a.rows for a in acting) else replace(fitted.draws, variables=alike)
    )
    total = np.zeros((levels, q))
    for block in _blocks(some, size):
        A = np.zeros((len(block), levels, q, q))
        for a in acting:
            own = slice(a.first, a.first + len(a.grouping.terms))
            A[:, :, own, own] = a.information(flat, block)
        L = Lambda[block][:, None]
        M = np.eye(L.shape[-1]) + np.swapaxes(L, -1, -2) @ A @ L
        # diag(L M^-1 L') over diag(L L'), effect by effect.
        left = np.einsum("djik,djki->dji", L @ np.linalg.inv(M), np.swapaxes(L, -1, -2))
        total += np.sum(left / np.sum(L**2, axis=-1), axis=0)
    return total / len(some)


@dataclass(frozen=True, slots=True)
class _Acting:
    """A predictor that a group term acts on.

    Attributes
    ----------
    model, predictor : Model
        The whole, and the predictor.
    grouping : Grouping
        The predictor's part of the term.
    first : int
        Its first effect among all of a level.
    """

    model: Model
    predictor: Model
    grouping: Grouping
    first: int

    @property
    def known(self) -> bool:
        """Whether the information of a row about the predictor is known in closed form."""
        family = self.predictor.family
        mean = family.exponential is not None or family.slopes is not None
        return family.categories or (self.predictor.part.first and mean)

    @property
    def rows(self) -> int:
        """How many rows have information of their own at each draw."""
        return 0 if self._same else self.predictor.design.rows

    @property
    def _same(self) -> bool:
        """Whether rows have the same information at all draws, but for sigma."""
        m = self.predictor
        exponential = m.family.exponential
        normal = exponential is not None and exponential.dispersion
        return normal and not m.part.modelled and not m.design.response.se_and_sigma

    def information(self, flat: Flat, block: Ints) -> Floats:
        """Return Z_j' W Z_j of each level at some draws, shape (draws, levels, q, q)."""
        m, levels = self.predictor, len(self.grouping.levels)
        Z, index = self.grouping.effects.matrix, self.grouping.index
        if self._same:
            A = level_products(Z, index, m.part.weight * row_weights(m.design), levels)
            sigma = np.ones(len(block))
            if "sigma" in m.scales:
                sigma = flat.values[f"sigma{m.part.rows}"][block]
            return np.asarray(A / sigma[:, None, None, None] ** 2)
        rows = self._of_rows(flat, block)
        return np.stack([level_products(Z, index, w, levels) for w in rows])

    def _of_rows(self, flat: Flat, block: Ints) -> Floats:
        """Return the information of each row about the predictor, shape (draws, rows)."""
        predictors = self.model.predictors(self.predictor)
        first, *further = predictors
        response, family = first.design.response, first.family
        chosen = Flat({name: x[block] for name, x in flat.values.items()}, len(block))
        eta = eta_of(predictors, chosen, slice(None))
        if family.categories:
            at = [m.part for m in predictors].index(self.predictor.part)
            p = probabilities(eta)[..., at + 1]
            found = p * (1 - p)
        else:
            scales = scales_of(first, chosen, slice(None), further)
            if family.exponential is None:
                assert family.slopes is not None
                found = family.slopes.information(eta, scales, response.trials)
            else:
                found = family.exponential.variance(eta)
                if family.exponential.dispersion:
                    found = found / scales["sigma"] ** 2
                found = found if response.trials is None else response.trials * found
        counts = 1.0 if response.weights is None else response.weights
        return np.asarray(np.broadcast_to(first.part.weight * counts * found, eta.shape[:2]))


def _spread(draws: int, size: int) -> Ints:
    """Return which draws are used: all, or evenly spaced ones where that is too much."""
    count = min(draws, max(_FEWEST, _MOST // max(size, 1)))
    return np.linspace(0, draws - 1, count).round().astype(np.int64)


def _blocks(some: Ints, size: int) -> Iterator[Ints]:
    step = max(1, _BLOCK // max(1, size))
    for low in range(0, len(some), step):
        yield some[low : low + step]


def _by_draws(fitted: Fitted, number: int) -> Floats:
    """Return posterior variances of effects over the mean of their prior variance, at most 1."""
    model, draws = fitted.plan.model, fitted.draws
    if model.shares(number):
        factor = level_factor(model, number, draws)
        prior = np.mean(np.sum(factor**2, axis=2), axis=0)[None]
    else:
        prior = prior_variances(*alone(model, number, draws))
    found = [_variances(fitted, m, own) for m, own, _ in model.acting(number)]
    left: Floats = np.minimum(np.concatenate(found, axis=1) / prior, 1.0)
    return left


def _variances(fitted: Fitted, predictor: Model, grouping: Grouping) -> Floats:
    """Return the posterior variances of the effects of a predictor's term, (levels, q)."""
    groups: Sequence[Grouping] = predictor.design.groups
    at = next(k for k, g in enumerate(groups) if g is grouping)
    columns = place(groups, at, lambda g: g.terms)
    variable = fitted.draws[f"r_{grouping.group}{predictor.part.ending}"]
    return np.concatenate(
        [np.var(values[..., columns], axis=(0, 1), ddof=1) for _, values in variable.parts()]
    )
