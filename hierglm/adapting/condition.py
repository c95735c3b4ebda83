"""The posterior of a fit given more rows: its draws weighted, the effects of new levels drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.densities import density_of
from hierglm.adapting.gaussian import NormalEffects, normal_effects
from hierglm.adapting.laplace import PROPOSALS, Prior, WeightedEffects, weighted_effects
from hierglm.adapting.levels import new_effects
from hierglm.adapting.rows import Factor, Met, factors, met, predictors, take_rows
from hierglm.adapting.together import Block, Term, blocks
from hierglm.draws.levels import level_values
from hierglm.draws.pareto import pareto_smoothed
from hierglm.models import Model
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
        By the variable of the draws, the effects of the levels that the rows have, given these.
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


def condition(fitted: Fitted, rows: Model, seed: int) -> Conditioned:
    """Return the posterior given the rows of the fit and some more.

    Exact up to Monte Carlo error: draw s of everything else, theta_s, has a weight
    proportional to p(new rows | theta_s), new levels integrated out, and effects of new
    levels are drawn given theta_s and the rows. Effects of levels that the fit knows are part
    of theta_s.

    Parameters
    ----------
    fitted : Fitted
    rows : Model
        That of the fit with the new rows and their response in the place of its own; levels
        that the fit does not know follow its own.
    seed : int

    Raises
    ------
    SettingsError
        A new level whose effects are not known given the draws of the fit.
    """
    own = met(rows)
    flat = _known_draws(fitted, own)
    terms = [
        Term(k, factor, new, new_effects(fitted, rows, k, at[new]))
        for factor, at, new in _new_levels(fitted, own)
        for k in _terms_of(own.model, factor)
    ]
    for term in terms:
        term.add_means(own.model, flat)
    parts, rest = blocks(own.model, terms)
    log_marginal = _log_likelihood(take_rows(own.model, rest), flat)
    for term in terms:
        if term.effects.log_ratio is not None:
            log_marginal = log_marginal + term.effects.log_ratio
    found: list[Effects] = []
    for number, block in enumerate(parts):
        found.append(_effects(block, flat, np.random.default_rng([seed, number])))
        log_marginal = log_marginal + found[-1].log_marginal
    log_weights, khat = pareto_smoothed(log_marginal)
    weights = np.exp(log_weights)
    # A stream of its own, whatever the number of parts.
    rng = np.random.default_rng([seed, 0, 1])
    at = systematic(weights, rng)
    levels = {_name(own.model, p, g): used for (p, g), used in own.levels.items()}
    effects = {name: flat.values[name][at] for name in levels}
    for block, some in zip(parts, found, strict=True):
        block.add_effects(effects, some.draw(at, rng), at)
    weighted = [e.khat for e in found if isinstance(e, WeightedEffects)]
    ess = float(1 / np.sum(weights**2))
    return Conditioned(at, log_marginal, effects, levels, khat, max(weighted, default=0.0), ess)


def systematic(weights: Floats, rng: np.random.Generator) -> Ints:
    """Return as many positions as there are weights, each about as often as its weight says.

    Equal weights give each position once (Douc and Cappé 2005).
    """
    size = len(weights)
    steps = np.cumsum(weights)
    points = (rng.random() + np.arange(size)) / size * steps[-1]
    at = np.searchsorted(steps, points, side="right")
    return np.asarray(np.minimum(at, size - 1), dtype=np.int64)


def _new_levels(fitted: Fitted, own: Met) -> Iterator[tuple[Factor, Ints, Ints]]:
    """Yield the factors that have new levels, the levels met, and which of these are new."""
    for factor in factors(own.model):
        p, group = factor[0]
        at = own.levels[factor[0]]
        known = len(fitted.draws[_name(own.model, p, group)].dims[0][1])
        new = np.flatnonzero(at >= known)
        if len(new):
            yield factor, at, new


def _terms_of(model: Model, factor: Factor) -> list[int]:
    """Return the group terms of a factor, by their positions among all."""
    every = predictors(model)
    found = {
        model.place(every[p], k)[0]
        for p, group in factor
        for k, g in enumerate(every[p].design.groups)
        if g.group == group
    }
    return sorted(found)


def _known_draws(fitted: Fitted, own: Met) -> Flat:
    """Return the draws that rows need: 0 for effects of levels that the fit does not know."""
    draws = fitted.draws
    size = draws.chains * draws.draws
    values = {
        v.name: v.values.reshape(size, *v.values.shape[2:])
        for v in draws
        if v.effect in ("fixed", "family")
    }
    for (p, group), at in own.levels.items():
        variable = draws[_name(own.model, p, group)]
        known = at[at < len(variable.dims[0][1])]
        values[variable.name] = np.zeros((size, len(at), len(variable.dims[1][1])))
        values[variable.name][:, : len(known)] = level_values(variable, known, size)
    return Flat(values, size)


def _effects(block: Block, flat: Flat, rng: np.random.Generator) -> Effects:
    """Return the distribution of the effects of some new levels, draw by draw."""
    found: list[Effects] = []
    prior, rows = block.prior, sum(m.design.rows for m in predictors(block.model))
    for some in _slices(flat.size, rows * (block.size + PROPOSALS)):
        eta, B = _etas(block.model, flat, some), block.loadings(some)
        if not prior.tails and _normal(block.model, B):
            found.append(_normal_effects(block.model, flat, some, eta, B))
            continue
        density = density_of(block.model, flat, some)
        tails = Prior(tuple((own, df[some]) for own, df in prior.tails))
        whole = np.concatenate(eta, axis=1), np.concatenate(B, axis=1)
        found.append(weighted_effects(density, *whole, rng, tails))
    return _stacked(found)


def _normal(model: Model, B: list[Floats]) -> bool:
    """Tell whether effects are normal given the rows: all Gaussian, sigma without new effects."""
    for m, own in zip(predictors(model), B, strict=True):
        exponential = m.family.exponential
        if not m.design.rows:
            continue
        if exponential is None or not exponential.dispersion:
            return False
        if not m.part.first and own.any():
            return False
    return True


def _normal_effects(
    model: Model, flat: Flat, some: slice, eta: list[Floats], B: list[Floats]
) -> NormalEffects:
    every = predictors(model)
    place = {m.part: k for k, m in enumerate(every)}
    residuals, loadings, sds, weights = [], [], [], []
    for first in model.responses:
        k, response = place[first.part], first.design.response
        if not first.design.rows:
            continue
        residuals.append(response.values - eta[k])
        loadings.append(B[k])
        sd = scales_of(first, flat, some, model.predictors(first)[1:])["sigma"]
        sds.append(np.broadcast_to(sd, eta[k].shape))
        own = np.ones(first.design.rows) if response.weights is None else response.weights
        weights.append(first.part.weight * own)
    return normal_effects(
        np.concatenate(residuals, axis=1),
        np.concatenate(loadings, axis=1),
        np.concatenate(sds, axis=1),
        np.concatenate(weights),
    )


def _stacked(parts: list[Effects]) -> Effects:
    """Return the effects of all draws from those of some after each other."""
    kind = type(parts[0])
    names = kind.__slots__
    return kind(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def _log_likelihood(model: Model, flat: Flat) -> Floats:
    """Return the log likelihood of rows without new levels, shape (S,)."""
    out = np.zeros(flat.size)
    rows = sum(m.design.rows for m in predictors(model))
    if not rows:
        return out
    for some in _slices(flat.size, rows):
        eta = np.concatenate(_etas(model, flat, some), axis=1)
        out[some] = density_of(model, flat, some)(eta)
    return out


def _etas(model: Model, flat: Flat, some: slice) -> list[Floats]:
    """Return all linear predictors, shape (draws, rows) each."""
    return [linear_predictor(m.design, flat, some, m.part.ending) for m in predictors(model)]


def _name(model: Model, predictor: int, group: str) -> str:
    return f"r_{group}{predictors(model)[predictor].part.ending}"


def _slices(draws: int, numbers: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, numbers))
    for low in range(0, draws, step):
        yield slice(low, min(low + step, draws))
