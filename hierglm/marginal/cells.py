"""Weighted sums of predictions over the rows of each cell, for every draw.

All questions about effects are of this form: a mean of a grid, a difference of two means, a
slope as a difference divided by its step. So one loop over blocks of rows serves them all, and
takes memory for one block of rows and the draws of some cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError
from hierglm.marginal.contrasts import Contrast
from hierglm.marginal.grid import Points, labelled
from hierglm.predicting.asked import Groups, Target, Unseen, chosen_draws
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import Predictions, predictions_from
from hierglm.predicting.table import COLUMNS, summarised

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FEW = 32
"""Cells into which one product of matrices is quicker than sums of sorted columns."""
_HELD = 2**24
"""Draws of cells held at once (128 MB)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is predicted of rows, and from which draws; see `predictions`."""

    source: Source
    target: Target
    groups: Groups
    new_levels: Unseen = "sample"
    response: str | None = None
    draws: int | None = None
    seed: int | None = None

    def of(self, rows: pd.DataFrame) -> Predictions:
        """Return the predictions of some rows; of successes in trials the mean of one trial."""
        found = predictions_from(
            self.source, rows, self.target, self.groups, self.new_levels,
            response=self.response, draws=self.draws, seed=self.seed,
        )  # fmt: skip
        first, *others = found.rows.predictors
        answer = first.design.response
        if self.target != "mean" or answer.trials is None:
            return found
        one = replace(answer, trials=np.ones(len(answer.trials)))
        first = replace(first, design=replace(first.design, response=one))
        return replace(found, rows=replace(found.rows, predictors=(first, *others)))


@dataclass(frozen=True, slots=True)
class Answer:
    """Cells with their draws, computed as they are asked for.

    Attributes
    ----------
    question : Question
    points : Points
        Without missing values.
    contrast : Contrast or None
        What is compared within each cell; None for the sums themselves.
    """

    question: Question
    points: Points
    contrast: Contrast | None = None

    @property
    def labels(self) -> pd.DataFrame:
        """One row for each cell and contrast, in the order of the draws."""
        cells = self.points.cells
        if self.contrast is None:
            return cells
        names = self.contrast.labels
        repeated = cells.iloc[np.repeat(np.arange(len(cells)), len(names))].reset_index(drop=True)
        place = int("term" in cells.columns[:1])
        return labelled(repeated, "contrast", list(names) * len(cells), place)

    def blocks(self) -> Iterator[tuple[slice, Floats, Predictions]]:
        """Yield rows of `labels`, their draws, shape (S, rows, categories), and where from."""
        points = self.points
        size = _draws(self.question)
        step = max(1, _HELD // (size * points.values))
        each = 1 if self.contrast is None else len(self.contrast.pairs)
        for low in range(0, len(points.cells), step):
            high = min(low + step, len(points.cells))
            here = np.flatnonzero((points.cell >= low) & (points.cell < high))
            sums, found = self._sums(here, low, high)
            values = sums if self.contrast is None else self.contrast.of(sums)
            flat = values.reshape(size, (high - low) * each, -1)
            yield slice(low * each, high * each), flat, found

    def _sums(self, here: Ints, low: int, high: int) -> tuple[Floats, Predictions]:
        """Return the sums of some rows, shape (S, cells, values, categories)."""
        points, found = self.points, self.question.of(self.points.rows.iloc[here])
        count = (high - low) * points.values
        place = (points.cell[here] - low) * points.values + points.value[here]
        weight = points.weight[here] / _trials(found)
        out = np.zeros((max(1, len(found.labels)), found.size, count))
        for at, values in found.blocks():
            for k, one in enumerate(np.moveaxis(found.by_category(values), 2, 0)):
                _gather(out[k], one, place[at], weight[at])
        return np.moveaxis(out, 0, 2).reshape(found.size, high - low, points.values, -1), found


def _gather(out: Floats, values: Floats, place: Ints, weight: Floats) -> None:
    """Add the weighted columns of some values, shape (S, n), to those places of the sums."""
    first, last = int(place.min()), int(place.max()) + 1
    if last - first <= _FEW:
        shares = np.zeros((len(place), last - first))
        shares[np.arange(len(place)), place - first] = weight
        out[:, first:last] += values @ shares
        return
    order = np.argsort(place, kind="stable")
    used, starts = np.unique(place[order], return_index=True)
    out[:, used] += np.add.reduceat((values * weight)[:, order], starts, axis=1)


def answer(
    *found: Answer, summary: bool = True, conf_level: float = 0.95, hdi: bool = False
) -> pd.DataFrame | xr.DataArray:
    """Return answers of one kind as a table, or all their draws.

    Parameters
    ----------
    *found : Answer
        With the same columns of labels.
    summary : bool
    conf_level, hdi
        See `hierglm.posterior.Fit.tidy`.

    Raises
    ------
    DataError
        A column of the user's that is called as one of the answer's.
    """
    import pandas as pd

    if not summary:
        return _all_draws(found)
    return pd.concat([_table(one, conf_level, hdi) for one in found], ignore_index=True)


def complete(question: Question, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have no missing values where some would be needed."""
    return rows.iloc[question.of(rows).rows.kept]


def _table(found: Answer, conf_level: float, hdi: bool) -> pd.DataFrame:
    """Return the labels with estimate, std_error, conf_low and conf_high beside them."""
    import pandas as pd

    labels = found.labels
    parts: list[Floats] = []
    categories: tuple[str, ...] = ()
    for _, values, predicted in found.blocks():
        parts.append(summarised(values, conf_level, hdi))
        categories = predicted.labels
    numbers = np.concatenate(parts, axis=1)
    own = (*(("category",) if categories else ()), *COLUMNS)
    taken = [name for name in own if name in labels.columns]
    if taken:
        raise DataError(f"a column {taken[0]!r} is what the answer has too; rename the table's")
    if categories:
        count = len(categories)
        every = np.tile(np.arange(count), len(labels))
        kept = pd.CategoricalDtype(list(categories), True)
        labels = labels.loc[np.repeat(labels.index, count)].reset_index(drop=True)
        labels = labels.assign(category=pd.Categorical.from_codes(every, dtype=kept))
    return labels.assign(**dict(zip(COLUMNS, numbers.reshape(len(COLUMNS), -1), strict=True)))


def _all_draws(found: Sequence[Answer]) -> xr.DataArray:
    """Return all draws: dimensions chain, draw, row with the labels as coordinates, category."""
    import pandas as pd
    import xarray as xr

    parts = [part for one in found for part in one.blocks()]
    predicted, categories = parts[-1][2], parts[-1][2].labels
    values = np.concatenate([v for _, v, _ in parts], axis=1)
    whole = np.array_equal(predicted.source.at, np.arange(predicted.source.size))
    chains = predicted.source.fitted.draws.chains if whole else 1
    labels = pd.concat([one.labels for one in found], ignore_index=True)
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(len(values) // chains),
        "row": np.asarray(labels["row"]) if "row" in labels else np.arange(len(labels)),
    }
    dims = tuple(coords)
    if categories:
        coords["category"], dims = list(categories), (*dims, "category")
    for name in (n for n in labels.columns if n != "row"):
        if name in coords:
            raise DataError(f"a column {name!r} is what the draws have too; rename the table's")
        coords[name] = ("row", np.asarray(labels[name]))
    shape = (chains, -1, len(labels), *((len(categories),) if categories else ()))
    attributes = {"target": found[0].question.target}
    return xr.DataArray(values.reshape(shape), coords, dims, "effect", attributes)


def _draws(question: Question) -> int:
    return len(chosen_draws(len(question.source.at), question.draws))


def _trials(found: Predictions) -> Floats | float:
    """Return what draws of each row are divided by: drawn successes by their trials."""
    trials = found.response.design.response.trials
    if found.target == "linear" or trials is None:
        return 1.0
    return np.maximum(trials, 1.0)
