"""The log density of rows, with the effects of levels that only they tell of integrated out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.blocks import Block, by_group, group_factors
from hierglm.adapting.gaussian import backwards, log_determinant, normal_effects
from hierglm.adapting.laplace import RowDensity, find_modes, weighted_effects
from hierglm.design.design import Design
from hierglm.design.rows import take, touched
from hierglm.draws.pareto import log_sum
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, linear_predictor, scales_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_BLOCK = 2**22
"""Numbers in an array of draws x rows x effects (32 MB)."""
_NODES = {1: 15, 2: 9}
"""Nodes in each dimension, by the number of effects that are integrated out together."""
_TIMES = 8
"""How often proposals are drawn where there are more effects."""


@dataclass(frozen=True, slots=True)
class Marginals:
    """The draws of a fit, ready to give the density of any rows of a design.

    Attributes
    ----------
    fitted : Fitted
        Of one linear predictor.
    design : Design
        Whose rows; levels are those of the fit.
    common : mapping of str to ndarray, shape (S, ...)
        Draws of all that is not an effect of a level.
    factors : mapping of str to ndarray, shape (S, q, q)
        The factor of the covariance of a level's effects, of each grouping factor whose levels
        can be integrated out.
    seed : int
        Of proposals, where there are more than two effects.
    """

    fitted: Fitted
    design: Design
    common: Mapping[str, Floats]
    factors: Mapping[str, Floats]
    seed: int

    @property
    def size(self) -> int:
        """Number of draws."""
        return self.fitted.draws.chains * self.fitted.draws.draws

    def density(self, rows: Ints, alone: Mapping[str, Bools]) -> Floats:
        """Return the log density of some rows together for each draw, shape (S,).

        Parameters
        ----------
        rows : ndarray of int
        alone : mapping of str to ndarray of bool, shape (levels,)
            By grouping factor the levels of which no other rows tell: their effects are
            integrated out. Those of other levels are as drawn.
        """
        own = touched(take(self.design, rows))
        new = {g: np.flatnonzero(alone[g][at]) for g, at in own.levels.items() if g in self.factors}
        levels = {g: at for g, at in new.items() if len(at)}
        flat = Flat({**self.common, **self._effects(own.levels, levels)}, self.size)
        block = Block(own.design, levels, self.factors)
        model = replace(self.fitted.plan.model, design=own.design)
        response, rng = own.design.response, np.random.default_rng([self.seed, int(rows[0])])
        out = np.empty(self.size)
        most = max(1, block.size) + _NODES.get(block.size, 1) ** block.size
        step = max(1, _BLOCK // (len(rows) * most))
        for low in range(0, self.size, step):
            some = slice(low, low + step)
            eta = linear_predictor(own.design, flat, some)
            density = RowDensity(
                model.family,
                response.values,
                scales_of(model, flat, some),
                response.trials,
                response.weights,
            )
            if not levels:
                out[some] = density(eta)
            elif model.family.exponential is not None and model.family.exponential.dispersion:
                sd = density.scales["sigma"]
                B = block.loadings(some)
                found = normal_effects(response.values - eta, B, sd, response.weights)
                out[some] = found.log_marginal
            else:
                # On the way to a mode, where an exponential overflows, the density is 0.
                with np.errstate(over="ignore"):
                    out[some] = _integrated(density, eta, block.loadings(some), rng)
            out[some] += _left_out(density, eta)
        return out

    def _effects(
        self, touched_levels: Mapping[str, Ints], integrated: Mapping[str, Ints]
    ) -> dict[str, Floats]:
        """Return the effects of the levels of some rows; 0 for those that are integrated out."""
        out = {}
        for group, at in touched_levels.items():
            variable = self.fitted.draws[f"r_{group}"]
            none = integrated.get(group, np.empty(0, np.int64))
            if len(none) == len(at):
                out[variable.name] = np.zeros((self.size, len(at), len(variable.dims[1][1])))
                continue
            values = variable.values[:, :, at].reshape(self.size, len(at), -1)
            values[:, none] = 0.0
            out[variable.name] = values
        return out


def marginals(fitted: Fitted, design: Design) -> Marginals:
    """Return what gives the density of rows of a design.

    Parameters
    ----------
    fitted : Fitted
        Of one linear predictor.
    design : Design
        Of the fit, or with rows that it has not seen but levels that it knows.
    """
    draws = fitted.draws
    size = draws.chains * draws.draws
    common = {
        v.name: v.values.reshape(size, *v.values.shape[2:])
        for v in draws
        if not v.effect.startswith("ran_")
    }
    groups = integrable(design)
    return Marginals(fitted, design, common, group_factors(fitted, groups), fitted.settings.seed)


def integrable(design: Design) -> list[str]:
    """Return the grouping factors whose levels are independent, alike and normal."""
    return [g for g, some in by_group(design).items() if all(t.relation.plain for t in some)]


def owners(design: Design, of_rows: Ints) -> dict[str, Ints]:
    """Return, by grouping factor, the unit that has all rows of each level; else -1.

    Parameters
    ----------
    design : Design
    of_rows : ndarray of int, shape (rows,)
        The unit of each row.
    """
    out = {}
    for group in integrable(design):
        grouping = by_group(design)[group][0]
        low = np.full(len(grouping.levels), np.iinfo(np.int64).max)
        high = np.full(len(grouping.levels), -1)
        np.minimum.at(low, grouping.index, of_rows)
        np.maximum.at(high, grouping.index, of_rows)
        out[group] = np.where(low == high, high, -1)
    return out


def _left_out(density: RowDensity, eta: Floats) -> float:
    """Return the terms of the log density of rows that `RowDensity` leaves out: constants."""
    family, exponential = density.family, density.family.exponential
    if exponential is None or exponential.dispersion:
        return 0.0
    one = eta[:1]
    rows = family.log_density(density.y, one, density.scales, density.trials)
    counts = 1.0 if density.weights is None else density.weights
    return float(np.sum(counts * rows) - density(one)[0])


def _integrated(density: RowDensity, eta: Floats, B: Floats, rng: np.random.Generator) -> Floats:
    """Return the log density of rows with standardised effects v ~ N(0, I) integrated out.

    Of one or two effects by Gauss-Hermite quadrature about their mode, scaled by the curvature
    there (Liu and Pierce 1994; Pinheiro and Bates 1995); of more by importance sampling.

    Parameters
    ----------
    density, eta, B
        See `hierglm.adapting.laplace.weighted_effects`.
    rng : Generator
    """
    S, rows, Q = B.shape
    if Q not in _NODES:
        found = [weighted_effects(density, eta, B, rng).log_marginal for _ in range(_TIMES)]
        return np.asarray(np.logaddexp.reduce(found, axis=0) - np.log(_TIMES))
    mode, factor = find_modes(density, eta, B)
    nodes, log_weights = _rule(Q)
    count = len(nodes)
    v = mode[:, None] + backwards(factor, np.broadcast_to(nodes, (S, count, Q)))
    every = (eta[:, None] + v @ np.swapaxes(B, 1, 2)).reshape(-1, rows)
    likelihood = density.repeated(count)(every).reshape(S, count)
    terms = likelihood - 0.5 * np.sum(v**2, axis=2) + 0.5 * np.sum(nodes**2, axis=1) + log_weights
    return np.asarray(log_sum(terms.T) - log_determinant(factor))


@cache
def _rule(dimension: int) -> tuple[Floats, Floats]:
    """Return nodes, shape (count, dimension), and log weights of an average over N(0, I)."""
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES[dimension])
    every: Sequence[Floats] = np.meshgrid(*[points] * dimension, indexing="ij")
    logs: Sequence[Floats] = np.meshgrid(
        *[np.log(weights / weights.sum())] * dimension, indexing="ij"
    )
    nodes = np.stack([x.ravel() for x in every], axis=1)
    return nodes, np.asarray(np.sum([x.ravel() for x in logs], axis=0))
