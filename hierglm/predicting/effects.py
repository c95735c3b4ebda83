"""Effects of the levels that rows have: as they were estimated, or drawn for new levels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.rows import Touched
from hierglm.draws.levels import level_factor, level_freedom, level_values
from hierglm.errors import DataError
from hierglm.models import Model
from hierglm.predicting.asked import Unseen
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EFFECTS, NOISE, AVERAGE = 1, 2, 3
"""Streams of random numbers: what one of them draws does not depend on the others."""


@dataclass(frozen=True, slots=True)
class Source:
    """The draws that predictions are made from.

    Attributes
    ----------
    fitted : Fitted
    model : Model
        As fitted; levels that were learned later follow its own.
    at : ndarray of int, shape (S,)
        Which draws of the fit, chains one behind the other.
    learned : mapping of str to (ndarray of int, ndarray)
        By variable of the draws: positions of levels whose effects other rows have changed or
        taught, and these effects, shape (S, levels, q).
    """

    fitted: Fitted
    model: Model
    at: Ints
    learned: Mapping[str, tuple[Ints, Floats]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of draws of the fit."""
        draws = self.fitted.draws
        return draws.chains * draws.draws

    def some(self, positions: Ints) -> Source:
        """Return the source with some of its draws."""
        learned = {g: (at, values[positions]) for g, (at, values) in self.learned.items()}
        return Source(self.fitted, self.model, self.at[positions], learned)

    def chosen(self, values: Floats) -> Floats:
        """Return the draws that are used, from those of the fit one behind the other."""
        whole = len(self.at) == self.size and bool((np.diff(self.at) == 1).all())
        return values if whole else values[self.at]

    def common(self) -> dict[str, Floats]:
        """Return the draws of all that is not an effect of a level, shape (S, ...), by name."""
        return {
            v.name: self.chosen(v.values.reshape(self.size, *v.values.shape[2:]))
            for v in self.fitted.draws
            if not v.effect.startswith("ran_")
        }


@dataclass(frozen=True, slots=True)
class Population:
    """The distribution of the effects of a level that is not known.

    Attributes
    ----------
    factors : mapping of int to ndarray, shape (S, q, rank)
        The factor of their covariance by group term, of the terms that are needed.
    freedoms : mapping of int to ndarray, shape (S,), or None
        Degrees of freedom of Student effects.
    seed : int
    """

    factors: Mapping[int, Floats]
    freedoms: Mapping[int, Floats | None]
    seed: int

    def draw(self, number: int, level: Any) -> Floats:
        """Return effects of a new level in a term, shape (S, q).

        They depend on the seed, the term and the level alone: not on the other rows, nor on
        which predictor of a joint model asks.
        """
        factor, freedom = self.factors[number], self.freedoms[number]
        named = hashlib.blake2b(repr(_plain(level)).encode(), digest_size=8).digest()
        rng = np.random.default_rng([self.seed, EFFECTS, number, int.from_bytes(named, "little")])
        z = rng.standard_normal((len(factor), factor.shape[2]))
        if freedom is not None:
            z *= np.sqrt(freedom / rng.chisquare(freedom))[:, None]
        effects: Floats = (factor @ z[:, :, None])[:, :, 0]
        return effects


def population(source: Source, numbers: Iterable[int], seed: int) -> Population:
    """Return the distribution of the effects of some group terms.

    Parameters
    ----------
    source : Source
    numbers : iterable of int
        Positions of the terms in the model.
    seed : int
    """
    model, draws = source.fitted.plan.model, source.fitted.draws
    wanted = sorted(set(numbers))
    factors = {k: source.chosen(level_factor(model, k, draws)) for k in wanted}
    freedoms = {k: level_freedom(model, k, draws) for k in wanted}
    return Population(
        factors, {k: f if f is None else source.chosen(f) for k, f in freedoms.items()}, seed
    )


def touched_effects(
    source: Source,
    drawn_from: Population,
    predictor: Model,
    terms: Sequence[tuple[int, int]],
    own: Touched,
    new_levels: Unseen,
) -> dict[str, Floats]:
    """Return the effects of the levels that some rows have, by name as in the draws.

    Parameters
    ----------
    source : Source
    drawn_from : Population
        Of the same source, for the terms that have new levels.
    predictor : Model
        Whose effects.
    terms : sequence of (int, int)
        For each group term of ``own.design`` its position in the whole model, and that of its
        first effect there.
    own : Touched
        The rows.
    new_levels : {"sample", "zero", "error"}
        What is done with levels that the source does not know.

    Returns
    -------
    mapping of str to ndarray, shape (S, levels, q)
        The terms of one factor side by side.

    Raises
    ------
    DataError
        A new level, where `new_levels` is "error".
    """
    out: dict[str, Floats] = {}
    for group, at in own.levels.items():
        first = next(g for g in own.design.groups if g.group == group)
        known = level_count(source.model, predictor, group)
        variable = source.fitted.draws[f"r_{group}{predictor.part.ending}"]
        fitted = at[at < len(variable.dims[0][1])]
        # Draws of a level side by side, as linear predictors take them.
        values = np.zeros((len(variable.dims[1][1]), len(at), len(source.at))).T
        values[:, : len(fitted)] = source.chosen(level_values(variable, fitted, source.size))
        if variable.name in source.learned:
            levels, learned = source.learned[variable.name]
            _, there, here = np.intersect1d(at, levels, return_indices=True)
            values[:, there] = learned[:, here]
        unseen = np.flatnonzero(at >= known)
        if len(unseen) and new_levels == "error":
            raise DataError(
                f"{group!r} has the level {first.levels[unseen[0]]!r}, which the fit does not "
                "know; new_levels='sample' draws its effects from the population, 'zero' takes "
                "the population's middle"
            )
        if new_levels == "sample":
            for j in unseen:
                low = 0
                for grouping, (number, start) in zip(own.design.groups, terms, strict=True):
                    if grouping.group == group:
                        high = low + len(grouping.terms)
                        drawn = drawn_from.draw(number, first.levels[j])
                        values[:, j, low:high] = drawn[:, start : start + high - low]
                        low = high
        out[variable.name] = values
    return out


def level_count(model: Model, predictor: Model, group: str) -> int:
    """Return how many levels of a grouping factor a predictor of a model knows."""
    own = next((m for m in model.parts if m.part == predictor.part), model)
    return next(len(g.levels) for g in own.design.groups if g.group == group)


def _plain(level: Any) -> Any:
    return level.item() if isinstance(level, np.generic) else level
