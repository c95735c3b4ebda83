"""The log prior density of every draw, as the program adds it up, without the data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import sd_terms
from hierglm.covariances.rr import is_auto, rank, unit
from hierglm.draws.draws import Draws
from hierglm.draws.levels import alone, level_factor
from hierglm.draws.parameters import by_name
from hierglm.draws.scales import flat, scales
from hierglm.draws.several import covariance_draws
from hierglm.models import Model
from hierglm.plan.crossproducts import column_means
from hierglm.priors.distributions import Prior
from hierglm.priors.laws import log_density, log_determinant
from hierglm.priors.slots import Assigned
from hierglm.results.rows import MAIN

Floats = NDArray[np.float64]


def log_priors(model: Model, draws: Draws, chosen: Collection[str] | None = None) -> Floats:
    """Return the log prior density of each draw up to a constant, shape (S,).

    On the scale on which the priors are given, without Jacobians. The distribution of levels'
    effects given their sds is part of the model here, not a prior.

    Parameters
    ----------
    model : Model
    draws : Draws
        Of the model, S in all chains.
    chosen : collection of str, optional
        Names of the parameters whose priors count; all by default.
    """
    size = draws.chains * draws.draws
    found = by_name(draws, MAIN)
    total, done = np.zeros(size), set[int]()
    for a in model.priors:
        if a.prior.kind in ("flat", "constant") or (
            chosen is not None and a.slot.name not in chosen
        ):
            continue
        if a.prior.kind == "decov":
            # One prior for all sds of a term.
            if a.slot.number not in done:
                total += _decov(model, a.slot.number, a.prior, found)
            done.add(a.slot.number)
            continue
        total += _one(model, draws, a, found)
    return total


def _one(model: Model, draws: Draws, a: Assigned, found: Mapping[str, Floats]) -> Floats:
    slot, prior = a.slot, a.prior
    match slot.role:
        case "Intercept":
            return _intercept(_part(model, slot.response, slot.dpar), draws, prior)
        case "loading":
            return _loading(model, slot.number, draws, prior)
        case "cor" if prior.kind == "lkj":
            determinants = [log_determinant(C) for C in _correlations(model, slot.number, draws)]
            return np.asarray((prior.numbers[0] - 1) * sum(determinants))
    return log_density(prior, found[slot.name])


def _part(model: Model, response: str, dpar: str) -> Model:
    parts = model.parts or (model,)
    return next(m for m in parts if (m.part.response, m.part.dpar) == (response, dpar))


def _intercept(part: Model, draws: Draws, prior: Prior) -> Floats:
    """Return the density of an intercept, or of thresholds, at the means of the columns."""
    of, means = part.part.ending, column_means(part.design)
    b = flat(draws, f"b{of}") if f"b{of}" in draws else np.empty((draws.chains * draws.draws, 0))
    if part.family.thresholds:
        thresholds = flat(draws, f"Intercept{of}") - (b @ means)[:, None]
        return np.asarray(log_density(prior, thresholds).sum(axis=1))
    return log_density(prior, b[:, 0] + b[:, 1:] @ means)


def _correlations(model: Model, number: int, draws: Draws) -> list[Floats]:
    """Return the correlation matrices of a term, one array for each stratum of levels."""
    if model.parts and model.joined[number].shared:
        return [covariance_draws(model, model.joined[number], draws)[2]]
    groups, own, draws = alone(model, number, draws)
    strata = len(groups[own].relation.strata) or 1
    return [scales(groups, own, draws, s)[1] for s in range(strata)]


def _loading(model: Model, number: int, draws: Draws, prior: Prior) -> Floats:
    """Return the density of loadings, which is the same for all their rotations."""
    grouping = model.groups[number]
    A = level_factor(model, number, draws) / unit(grouping)[:, None]
    if prior.kind == "normal" or not is_auto(grouping):
        squares = np.sum(A**2, axis=(1, 2)) / prior.numbers[-1] ** 2
        if prior.kind == "normal":
            return np.asarray(-0.5 * squares)
        df = prior.numbers[0]
        return np.asarray(-0.5 * (df + A[0].size) * np.log1p(squares / df))
    (df, _, scale), (q, d) = prior.numbers, (len(grouping.terms), rank(grouping))
    V = np.eye(d) + A.swapaxes(1, 2) @ A / (df * scale**2)
    return -0.5 * (df + q + d - 1) * log_determinant(V)


def _decov(model: Model, number: int, prior: Prior, found: Mapping[str, Floats]) -> Floats:
    """Return the density of a common scale and of each sd's share of the variance."""
    _, concentration, shape, scale = prior.numbers
    names = [a.slot.name for a in model.priors if (a.slot.role, a.slot.number) == ("sd", number)]
    squares = np.stack([found[name] for name in names], axis=1) ** 2
    if "sigma" in model.scales:
        squares = squares / found["sigma"][:, None] ** 2
    total = squares.sum(axis=1)
    tau = np.sqrt(total / len(sd_terms(model.groups[number])))
    shares = np.log(squares / total[:, None]).sum(axis=1)
    return np.asarray((shape - 1) * np.log(tau) - tau / scale + (concentration - 1) * shares)
