"""Draws of a target for rows, block of rows by block: the core of all predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.rows import touched
from hierglm.engines.engine import chosen_seed
from hierglm.models import Model
from hierglm.predicting.asked import (
    Groups,
    Target,
    Unseen,
    check_target,
    chosen_draws,
    chosen_response,
    treatments,
)
from hierglm.predicting.block import Block
from hierglm.predicting.dividing import held_together
from hierglm.predicting.effects import (
    AVERAGE,
    NOISE,
    Source,
    level_count,
    population,
    touched_effects,
)
from hierglm.predicting.mixtures import mixtures
from hierglm.predicting.rows import Rows, rows_of
from hierglm.predicting.threads import in_threads
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 2**20
"""Numbers in an array of draws x rows (8 MB): larger ones leave the processor's caches."""
_BESIDE = 4
"""Most blocks that are worked on at the same time."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of rows that are computed as they are asked for, the same each time.

    Attributes
    ----------
    source : Source
        The draws that they are made from.
    rows : Rows
        The rows; ``rows.kept`` says where they stand in the caller's table.
    target : {"mean", "linear", "response"}
    new_levels : {"sample", "zero", "error"}
    seed : int
    """

    source: Source
    rows: Rows
    target: Target
    new_levels: Unseen
    seed: int

    @property
    def response(self) -> Model:
        """The model of the response that is predicted."""
        return self.rows.predictors[0]

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self.source.at)

    @property
    def categories(self) -> tuple[str, ...]:
        """Labels of the last dimension of the draws, where there is one; else none."""
        levels = self.response.design.response.levels or ()
        family = self.response.family
        if self.target == "mean" and (family.categories or family.thresholds):
            return levels
        return levels[1:] if self.target == "linear" and family.categories else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the numbers of a row in tables: of responses those of all categories."""
        family = self.response.family
        if self.target == "response" and (family.categories or family.thresholds):
            return self.response.design.response.levels or ()
        return self.categories

    def by_category(self, values: Floats) -> Floats:
        """Return draws, shape (S, n, numbers of a row): of drawn categories whether it is each."""
        if values.ndim == 3:
            return values
        if self.labels:
            return np.asarray(values[..., None] == np.arange(len(self.labels)), dtype=np.float64)
        return values[..., None]

    def blocks(self) -> Iterator[tuple[Ints, Floats]]:
        """Yield positions among the rows, and the draws of these rows.

        Yields
        ------
        ndarray of int, shape (n,)
            Ascending where the effects of all levels can be held at once; each row comes once.
        ndarray, shape (S, n) or (S, n, categories)
            Draws: chains one behind the other. Responses with categories are their places.
        """
        values = self._valued()
        for at, block in self._row_blocks():
            yield at, values(at, block)

    def summaries(self, work: Callable[[Floats], Floats]) -> Iterator[tuple[Ints, Floats]]:
        """Yield positions among the rows, and what is made of their draws.

        Blocks are worked on in threads, as many as the settings of the fit allow; the numbers
        do not depend on how many.

        Parameters
        ----------
        work : callable
            Takes the draws of some rows, as `blocks` yields them.
        """
        values, threads = self._valued(), min(_BESIDE, self.source.fitted.settings.processors)
        tasks = (
            (at, partial(_worked, values, work, at, block)) for at, block in self._row_blocks()
        )
        return in_threads(tasks, threads)

    def _valued(self) -> Callable[[Ints, Block], Floats]:
        """Return what gives the draws of a block of rows."""
        shift = np.random.default_rng([self.seed, AVERAGE]).random(
            (self.size, len(self.rows.predictors))
        )

        def values(at: Ints, block: Block) -> Floats:
            # A stream of its own, so that a block does not depend on those before it.
            rng = np.random.default_rng([self.seed, NOISE, int(at[0])])
            return block.values(self.target, rng, shift)

        return values

    def log_likelihood(self) -> Iterator[tuple[Ints, Floats]]:
        """Yield positions among the fit's own rows, and their log likelihood, shape (S, n).

        A row with a weight counts as often as its weight says, as in the fit.
        """
        for at, block in self._row_blocks():
            yield at, block.log_likelihood()

    def _row_blocks(self) -> Iterator[tuple[Ints, Block]]:
        common = self.source.common()
        drawn_from = population(self.source, self._sampled(), self.seed)
        averaged = mixtures(self.source, (a.number for a in self.rows.averaged))
        for part in held_together(self.rows.predictors, len(self.rows.kept), self.size):
            whole = self.rows.take(part)
            values, predictors = dict(common), []
            for m, terms in zip(whole.predictors, whole.terms, strict=True):
                own = touched(m.design)
                values |= touched_effects(self.source, drawn_from, m, terms, own, self.new_levels)
                predictors.append(replace(m, design=own.design))
            whole = replace(whole, predictors=tuple(predictors))
            step = max(1, _BLOCK // (self.size * self._width))
            for low in range(0, len(part), step):
                at = part[low : low + step]
                some = whole.take(slice(low, low + step))
                yield at, Block(some, Flat(values, self.size), averaged)

    @property
    def _width(self) -> int:
        """How many arrays of draws x rows a block has beside each other."""
        family = self.response.family
        thresholds = len(self.response.design.response.levels or ()) if family.thresholds else 1
        return max(len(self.rows.predictors), thresholds)

    def _sampled(self) -> list[int]:
        """Return the terms of which effects of new levels are needed."""
        if self.new_levels != "sample":
            return []
        return [
            number
            for m, terms in zip(self.rows.predictors, self.rows.terms, strict=True)
            for g, (number, _) in zip(m.design.groups, terms, strict=True)
            if len(g.levels) > level_count(self.source.model, m, g.group)
        ]


def _worked(
    values: Callable[[Ints, Block], Floats],
    work: Callable[[Floats], Floats],
    at: Ints,
    block: Block,
) -> Floats:
    return work(values(at, block))


def predictions(
    fitted: Fitted,
    new: Any = None,
    target: Target = "mean",
    groups: Groups = "include",
    new_levels: Unseen = "sample",
    *,
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> Predictions:
    """Return predictions of rows from the draws of a fit.

    Parameters
    ----------
    fitted : Fitted
    new : pandas, polars or pyarrow table, or mapping of columns, optional
        Without the response; the fit's own rows by default.
    target : {"mean", "linear", "response"}
        See `hierglm.predicting.table.predict`.
    groups : {"include", "zero", "average"} or mapping
        What is done with the group effects, of all factors or by factor.
    new_levels : {"sample", "zero", "error"}
        Effects of levels that the fit does not know.
    response : str, optional
        Which, where there are several.
    draws : int, optional
        How many, evenly spread over those of the fit; all by default.
    seed : int, optional
        The fit's by default.

    Raises
    ------
    DataError
        Rows that cannot be encoded as the fit's own were.
    SettingsError
        An argument that is not among those above.
    """
    return predictions_from(
        source_of(fitted),
        new,
        target,
        groups,
        new_levels,
        response=response,
        draws=draws,
        seed=seed,
    )


def source_of(fitted: Fitted | Source) -> Source:
    """Return the draws that predictions are made from: all of a fit, or those of a source."""
    if isinstance(fitted, Source):
        return fitted
    return Source(fitted, fitted.plan.model, np.arange(fitted.draws.chains * fitted.draws.draws))


def predictions_from(
    source: Source,
    new: Any = None,
    target: Target = "mean",
    groups: Groups = "include",
    new_levels: Unseen = "sample",
    *,
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> Predictions:
    """Return predictions from any source of draws; else as `predictions`."""
    check_target(target, new_levels)
    treated = treatments(source.model, groups)
    chosen = chosen_response(source.model, response)
    rows = rows_of(source.model, chosen, new, target, treated)
    some = source.some(chosen_draws(len(source.at), draws))
    seed = chosen_seed(seed, source.fitted.settings.seed)
    return Predictions(some, rows, target, new_levels, seed)
