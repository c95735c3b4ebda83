"""The draws of a fit as points without bounds, and the log density without some unit there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.marginals import marginals
from hierglm.comparing.supports import ORDERED, REAL, Support, above, between, correlations
from hierglm.covariances import correlated_terms, covariance_of
from hierglm.design.rows import take
from hierglm.draws.draws import Draws, with_values
from hierglm.draws.scales import flat, place, scale
from hierglm.errors import SettingsError
from hierglm.families.parameters import BOUNDS
from hierglm.models import Model
from hierglm.results.fitted import Fitted
from hierglm.results.log_prior import log_priors
from hierglm.results.pointwise import Flat, linear_predictor, scales_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_BLOCK = 2**22
"""Numbers in an array of draws x rows (32 MB)."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The parameters that decide a unit's density and that of all others.

    Attributes
    ----------
    fitted : Fitted
        Of one linear predictor; made by `coordinates_of`.
    pieces : tuple of (str, ndarray of int, Support)
        Which entries of a variable, flat in C order, follow each other, and what they may be.
    rows : ndarray of int
        Of the unit.
    alone : mapping of str to ndarray of bool, shape (levels,)
        By grouping factor the levels of which only the unit tells: their effects are integrated
        out, and are no coordinates.
    """

    fitted: Fitted
    pieces: tuple[tuple[str, Ints, Support], ...]
    rows: Ints
    alone: Mapping[str, Bools]

    def points(self) -> Floats:
        """Return the draws of the fit, shape (S, d)."""
        parts = []
        for name, at, support in self.pieces:
            values = flat(self.fitted.draws, name)
            parts.append(support.free(values.reshape(len(values), -1)[:, at]))
        return np.concatenate(parts, axis=1)

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """Return log densities at points, shape (S, d), as `matched` wants them.

        Returns
        -------
        rest, unit : ndarray, shape (S,)
            The log density of the parameters and of all rows but the unit's, and that of the
            unit given the parameters. NaN or minus infinity where there is none.
        """
        # Points far outside have no density; what is made of them says so.
        with np.errstate(all="ignore"):
            draws, rest = self._draws(points)
            there = replace(self.fitted, draws=draws)
            model = self.fitted.plan.model
            rest = rest + log_priors(model, draws)
            for number in range(len(model.groups)):
                rest = rest + self._effects(model, number, draws)
            rest = rest + self._others(model, draws)
            unit = marginals(there, model.design).density(self.rows, self.alone)
        return rest, unit

    def _draws(self, points: Floats) -> tuple[Draws, Floats]:
        """Return the draws that the points stand for, and the log Jacobian, shape (S,)."""
        held = self.fitted.draws
        shape, jacobian, low = (held.chains, held.draws), np.zeros(len(points)), 0
        values: dict[str, Floats] = {}
        for name, at, support in self.pieces:
            if name not in values:
                whole = flat(held, name)
                values[name] = whole.reshape(len(whole), -1).copy()
            found, own = support.bound(points[:, low : low + len(at)])
            values[name][:, at] = found
            jacobian, low = jacobian + own, low + len(at)
        moved = {
            v.name: with_values(v, values[v.name].reshape(*shape, *(len(x) for _, x in v.dims)))
            if v.name in values
            else v
            for v in held
        }
        return replace(held, variables=moved), jacobian

    def _effects(self, model: Model, number: int, draws: Draws) -> Floats:
        """Return the log density of the effects of a term given their covariance, shape (S,)."""
        term = model.groups[number]
        kept = ~self.alone.get(term.group, np.zeros(len(term.levels), dtype=bool))
        factor = scale(model.groups, number, draws)
        r = flat(draws, f"r_{term.group}")[:, kept]
        u = r[:, :, place(model.groups, number, lambda g: g.terms)]
        v = np.linalg.solve(factor, u.swapaxes(1, 2))
        sizes = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(-0.5 * np.sum(v**2, axis=(1, 2)) - kept.sum() * sizes)

    def _others(self, model: Model, draws: Draws) -> Floats:
        """Return the log likelihood of the rows that are not the unit's, shape (S,)."""
        kept = np.ones(model.design.rows, dtype=bool)
        kept[self.rows] = False
        few = replace(model, design=take(model.design, np.flatnonzero(kept)))
        size = draws.chains * draws.draws
        at = Flat({v.name: flat(draws, v.name) for v in draws}, size)
        response, out = few.design.response, np.zeros(size)
        weights = 1.0 if response.weights is None else response.weights
        step = max(1, _BLOCK // max(1, few.design.rows))
        for low in range(0, size, step):
            some = slice(low, low + step)
            eta, own = linear_predictor(few.design, at, some), scales_of(few, at, some)
            found = few.family.log_density(response.values, eta, own, response.trials)
            out[some] = np.sum(weights * found, axis=1)
        return out


def coordinates_of(fitted: Fitted, rows: Ints, alone: Mapping[str, Bools]) -> Coordinates:
    """Return the coordinates in which a unit is to be left out.

    Parameters
    ----------
    fitted : Fitted
    rows : ndarray of int
        Of the unit.
    alone : mapping of str to ndarray of bool
        See `Coordinates`.

    Raises
    ------
    SettingsError
        Where there is no such density: several linear predictors, related levels, low rank, an
        approximation in place of draws.
    """
    _refuse(fitted)
    pieces = []
    for name, at, support in _pieces(fitted.plan.model, fitted.draws, alone):
        values = flat(fitted.draws, name)
        # What is given does not vary, and stays.
        free = at[np.ptp(values.reshape(len(values), -1)[:, at], axis=0) > 0]
        if len(free):
            pieces.append((name, free, support))
    return Coordinates(fitted, tuple(pieces), rows, alone)


def _pieces(
    model: Model, draws: Draws, alone: Mapping[str, Bools]
) -> Iterator[tuple[str, Ints, Support]]:
    supports = {p.name: p.support for p in model.parameters}
    for v in draws:
        shape = tuple(len(labels) for _, labels in v.dims)
        every = np.arange(int(np.prod(shape)))
        match v.effect:
            case "fixed":
                ordered = model.family.thresholds and v.name == "Intercept"
                yield v.name, every, ORDERED if ordered else REAL
            case "family":
                low, high = BOUNDS[supports[v.term or v.name]]
                yield v.name, every, between(low, high) if np.isfinite(high) else above(low)
            case "ran_sd":
                yield v.name, every, above(0.0)
            case "ran_vals":
                kept = ~alone.get(v.group, np.zeros(shape[0], dtype=bool))
                if kept.any():
                    yield v.name, np.flatnonzero(np.repeat(kept, shape[1])), REAL
    for number, term in enumerate(model.groups):
        covariance = covariance_of(term)
        if covariance.correlated:
            found = place(model.groups, number, correlated_terms)
            one = covariance.one
            yield (
                f"cor_{term.group}",
                np.arange(found.start, found.stop),
                between(one.lowest(len(term.terms)), 1.0) if one else correlations(len(term.terms)),
            )


def _refuse(fitted: Fitted) -> None:
    model = fitted.plan.model
    odd = [g.source for g in model.groups if not g.relation.plain or covariance_of(g).low_rank]
    if model.parts:
        why = "several linear predictors"
    elif odd:
        why = f"{odd[0]}, whose levels are related or whose effects are those of a few factors"
    elif not fitted.sampled:
        why = f"method {fitted.settings.method.name!r}, whose draws are not the posterior's"
    else:
        return
    raise SettingsError(
        f"loo(repair='moment_match') does not know the density of a model with {why}; "
        "repair='refit' fits again"
    )
