"""Slopes: derivatives of a target with respect to a column, averaged over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError, SettingsError
from hierglm.marginal.cells import Answer, Question
from hierglm.marginal.grid import Points, labelled
from hierglm.marginal.predictors import known, names_of
from hierglm.marginal.rows import Rows, rows_in_cells
from hierglm.predicting.asked import Groups, Target, Unseen
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import source_of
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]

STEP = 1e-5
"""Of a difference, to each side, in standard deviations of the column.

The error of a central difference is of order step^2 for its length and 1e-16 / step for
rounding: with this one about 1e-10 of the slope's own scale. On what is linear in the column
(a linear predictor in which it stands as it is) only rounding is left.
"""


def slopes(
    fitted: Fitted | Source,
    names: str | Sequence[str],
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    target: Target = "mean",
    groups: Groups = "include",
    new_levels: Unseen = "sample",
    *,
    new: Any = None,
    average: bool = True,
    step: float = STEP,
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> list[Answer]:
    """Return the slopes of some columns, one answer each; see `hierglm.posterior.Fit.slopes`.

    Raises
    ------
    SettingsError
        A column that is not a number, or on which nothing depends; a target that has no
        slope.
    """
    if target == "response":
        raise SettingsError("drawn responses have no slope; target='mean' or 'linear' has one")
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < 1:
        raise SettingsError(f"step must lie between 0 and 1, not {step!r}")
    if not names_of(names):
        raise SettingsError("slopes of what? give a column, or several")
    question, rows = rows_in_cells(
        Question(source_of(fitted), target, groups, new_levels, response, draws, seed),
        new,
        by,
        at,
        average,
    )
    return [Answer(question, _differences(question, rows, n, step)) for n in names_of(names)]


def _differences(question: Question, rows: Rows, name: str, step: float) -> Points:
    """Return both ends of a step about every row, weighted so that their sum is the slope."""
    p = known(name, rows.predictors)
    if not p.numeric:
        raise SettingsError(f"{name!r} is no quantity and has no slope; see comparisons()")
    if not p.spread > 0:
        raise SettingsError(f"{name!r} has one value in the rows of the fit, and no slope")
    x = np.asarray(rows.table[name], dtype=np.float64)
    below, above = x - step * p.spread, x + step * p.spread
    made = _points(rows, name, below, above)
    try:
        question.of(made.rows)
    except DataError:
        # Splines and logarithms may not reach beyond the values that there are.
        low, high = p.column.values.min(), p.column.values.max()
        below, above = np.maximum(below, np.minimum(x, low)), np.minimum(above, np.maximum(x, high))
        made = _points(rows, name, below, above)
    return made


def _points(rows: Rows, name: str, below: Floats, above: Floats) -> Points:
    import pandas as pd

    # The difference of the numbers as they are stored, not of those that were meant.
    weight = rows.shares / (above - below)
    table = pd.concat(
        [rows.table.assign(**{name: below}), rows.table.assign(**{name: above})], ignore_index=True
    )
    cell = np.tile(rows.cell, 2)
    cells = labelled(rows.cells, "term", name)
    return Points(table, cell, np.zeros_like(cell), np.concatenate([-weight, weight]), cells)
