"""The posterior of a fit given more rows: its draws weighted, the effects of new levels drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.gaussian import NormalEffects, normal_effects
from hierglm.adapting.laplace import (
    PROPOSALS,
    RowDensity,
    WeightedEffects,
    weighted_effects,
)
from hierglm.adapting.rows import bound
from hierglm.design.design import Design, Grouping
from hierglm.design.rows import Touched, take, touched
from hierglm.draws.levels import level_values
from hierglm.draws.pareto import pareto_smoothed
from hierglm.draws.scales import scale
from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, linear_predictor, scales_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Effects = NormalEffects | WeightedEffects

_BLOCK = 2**22
"""Numbers in an array of draws x rows x effects (32 MB)."""


@dataclass(frozen=True, slots=True)
class Conditioned:
    """Draws of a fit given more rows.

    Attributes
    ----------
    at : ndarray of int, shape (S,)
        Which draws of the fit: those that agree with the rows stand there often.
    log_marginal : ndarray, shape (S,)
        Log likelihood of the rows for each draw of the fit, new levels integrated out, up to
        a constant.
    effects : mapping of str to ndarray, shape (S, levels, q)
        For each grouping factor those of the levels that the rows have, given the rows.
    levels : mapping of str to ndarray of int
        Their positions among all levels, the fit's own first.
    khat, effects_khat : float
        Pareto's k-hat of the weights of the draws, and the largest of those of new levels'
        effects; 0 where these are drawn exactly.
    ess : float
        How many equally weighted draws the weighted ones are worth.
    """

    at: Ints
    log_marginal: Floats
    effects: Mapping[str, Floats]
    levels: Mapping[str, Ints]
    khat: float
    effects_khat: float
    ess: float


def condition(fitted: Fitted, rows: Design, seed: int) -> Conditioned:
    """Return the posterior given the rows of the fit and some more.

    Exact up to Monte Carlo error: draw s of everything else, theta_s, has a weight
    proportional to p(new rows | theta_s), new levels integrated out, and effects of new
    levels are drawn given theta_s and the rows. Effects of levels that the fit knows are part
    of theta_s.

    Parameters
    ----------
    fitted : Fitted
    rows : Design
        The new rows, with their response; levels that the fit does not know follow its own.
    seed : int
    """
    own = touched(rows)
    flat = known_draws(fitted, own)
    new = {g: at >= known_levels(fitted, g) for g, at in own.levels.items()}
    factors = group_factors(fitted, [g for g, some in new.items() if some.any()])
    groups = by_group(own.design)
    links = [(g[0].index, new[name]) for name, g in groups.items()]
    parts, of_rows = bound(links) if links else ([], np.full(rows.rows, -1))
    log_marginal = _log_likelihood(fitted, take(own.design, of_rows < 0), flat)
    found: list[Effects] = []
    blocks = []
    for number in range(of_rows.max(initial=-1) + 1):
        some = take(own.design, of_rows == number)
        levels = {g: np.flatnonzero(p == number) for g, p in zip(groups, parts, strict=True)}
        block = Block(some, {g: at for g, at in levels.items() if len(at)}, factors)
        found.append(_effects(fitted, block, flat, np.random.default_rng([seed, number])))
        blocks.append(block)
        log_marginal = log_marginal + found[-1].log_marginal
    log_weights, khat = pareto_smoothed(log_marginal)
    weights = np.exp(log_weights)
    # A stream of its own, whatever the number of parts.
    rng = np.random.default_rng([seed, 0, 1])
    at = systematic(weights, rng)
    effects = {g: flat.values[f"r_{g}"][at] for g in groups}
    for block, some_effects in zip(blocks, found, strict=True):
        for g, values in block.unstandardised(some_effects.draw(at, rng), at).items():
            effects[g][:, block.levels[g]] = values
    weighted = [e.khat for e in found if isinstance(e, WeightedEffects)]
    ess = float(1 / np.sum(weights**2))
    return Conditioned(at, log_marginal, effects, own.levels, khat, max(weighted, default=0.0), ess)


@dataclass(frozen=True, slots=True)
class Block:
    """New levels that are looked at together, and their rows.

    Attributes
    ----------
    design : Design
        The rows.
    levels : mapping of str to ndarray of int
        For each grouping factor that has some: its new levels among those of the rows.
    factors : mapping of str to ndarray, shape (S, q, q)
        For these grouping factors the triangular factor of the covariance of a level's effects.
    """

    design: Design
    levels: Mapping[str, Ints]
    factors: Mapping[str, Floats]

    @property
    def size(self) -> int:
        """Number of effects."""
        return sum(len(at) * self.factors[g].shape[2] for g, at in self.levels.items())

    def loadings(self, some: slice) -> Floats:
        """Return what one unit of a standardised effect adds, shape (draws, rows, effects)."""
        out = []
        groups = by_group(self.design)
        for group, levels in self.levels.items():
            terms = groups[group]
            Z = np.hstack([g.effects.matrix for g in terms])
            scaled = Z @ self.factors[group][some]
            out += [scaled * (terms[0].index == level)[:, None] for level in levels]
        return np.concatenate(out, axis=2)

    def unstandardised(self, v: Floats, at: Ints) -> dict[str, Floats]:
        """Return the effects by grouping factor, shape (draws, levels, q).

        Parameters
        ----------
        v : ndarray, shape (draws, effects)
            Standardised, in the order of the columns of `loadings`.
        at : ndarray of int, shape (draws,)
            The draws of the fit that they belong to.
        """
        out, low = {}, 0
        for group, levels in self.levels.items():
            factor = self.factors[group]
            high = low + len(levels) * factor.shape[2]
            own = v[:, low:high].reshape(len(v), len(levels), factor.shape[2])
            out[group] = own @ np.swapaxes(factor[at], 1, 2)
            low = high
        return out


def by_group(design: Design) -> dict[str, list[Grouping]]:
    """Return the group terms of each grouping factor, in order."""
    out: dict[str, list[Grouping]] = {}
    for grouping in design.groups:
        out.setdefault(grouping.group, []).append(grouping)
    return out


def known_levels(fitted: Fitted, group: str) -> int:
    """Return how many levels of a grouping factor the fit knows."""
    return len(by_group(fitted.plan.model.design)[group][0].levels)


def group_factors(fitted: Fitted, groups: Sequence[str]) -> dict[str, Floats]:
    """Return the triangular factor of the covariance of a level's effects by grouping factor.

    Parameters
    ----------
    fitted : Fitted
    groups : sequence of str
        Those that are wanted, since they have new levels.

    Returns
    -------
    mapping of str to ndarray, shape (S, q, q)
        The terms of a factor stand side by side, as in the draws of its effects.

    Raises
    ------
    SettingsError
        Where the effects of a new level are not normal given the rest.
    """
    terms: dict[str, list[Floats]] = {group: [] for group in groups}
    every = fitted.plan.model.design.groups
    for number, grouping in enumerate(every):
        if grouping.group not in terms:
            continue
        if not grouping.relation.plain:
            raise SettingsError(
                f"adapt() does not know how effects of new levels are distributed in "
                f"{grouping.source}; fit again with all rows"
            )
        terms[grouping.group].append(scale(every, number, fitted.draws))
    return {group: _block_diagonal(some) for group, some in terms.items()}


def known_draws(fitted: Fitted, own: Touched) -> Flat:
    """Return the draws that rows need: 0 for effects of levels that the fit does not know."""
    draws = fitted.draws
    size = draws.chains * draws.draws
    values = {
        v.name: v.values.reshape(size, *v.values.shape[2:])
        for v in draws
        if v.effect in ("fixed", "family")
    }
    for group, at in own.levels.items():
        known = at[at < known_levels(fitted, group)]
        effects = draws[f"r_{group}"]
        values[effects.name] = np.zeros((size, len(at), len(effects.dims[1][1])))
        values[effects.name][:, : len(known)] = level_values(effects, known, size)
    return Flat(values, size)


def systematic(weights: Floats, rng: np.random.Generator) -> Ints:
    """Return as many positions as there are weights, each about as often as its weight says.

    Equal weights give each position once (Douc and Cappé 2005).
    """
    size = len(weights)
    steps = np.cumsum(weights)
    points = (rng.random() + np.arange(size)) / size * steps[-1]
    at = np.searchsorted(steps, points, side="right")
    return np.asarray(np.minimum(at, size - 1), dtype=np.int64)


def _effects(fitted: Fitted, block: Block, flat: Flat, rng: np.random.Generator) -> Effects:
    """Return the distribution of the effects of some new levels, draw by draw."""
    model = replace(fitted.plan.model, design=block.design)
    response, family = block.design.response, model.family
    exact = family.exponential is not None and family.exponential.dispersion
    found: list[Effects] = []
    for some in _slices(flat.size, response.values.size * (block.size + PROPOSALS)):
        eta = linear_predictor(block.design, flat, some)
        scales = scales_of(model, flat, some)
        B = block.loadings(some)
        if exact:
            found.append(
                normal_effects(response.values - eta, B, scales["sigma"], response.weights)
            )
        else:
            density = RowDensity(family, response.values, scales, response.trials, response.weights)
            found.append(weighted_effects(density, eta, B, rng))
    return _stacked(found)


def _stacked(parts: list[Effects]) -> Effects:
    """Return the effects of all draws from those of some after each other."""
    kind = type(parts[0])
    names = kind.__slots__
    return kind(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _log_likelihood(fitted: Fitted, rows: Design, flat: Flat) -> Floats:
    """Return the log likelihood of rows without new levels, shape (S,)."""
    model, response = replace(fitted.plan.model, design=rows), rows.response
    out = np.zeros(flat.size)
    if not rows.rows:
        return out
    for some in _slices(flat.size, rows.rows):
        eta = linear_predictor(rows, flat, some)
        scales = scales_of(model, flat, some)
        own = RowDensity(model.family, response.values, scales, response.trials, response.weights)
        out[some] = own(eta)
    return out


def _block_diagonal(matrices: list[Floats]) -> Floats:
    q, d = (sum(m.shape[axis] for m in matrices) for axis in (1, 2))
    out, row, column = np.zeros((len(matrices[0]), q, d)), 0, 0
    for m in matrices:
        out[:, row : row + m.shape[1], column : column + m.shape[2]] = m
        row, column = row + m.shape[1], column + m.shape[2]
    return out


def _slices(draws: int, numbers: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, numbers))
    for low in range(0, draws, step):
        yield slice(low, min(low + step, draws))
