"""Means of a target over a reference grid, and contrasts of them: the answers of R's emmeans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hierglm.errors import SettingsError
from hierglm.marginal.cells import Answer, Question
from hierglm.marginal.contrasts import Contrast, Kind, Pairs, contrast, label
from hierglm.marginal.grid import Points, Weights, included, reference_grid, refuse_left_out
from hierglm.marginal.predictors import Predictor, known, names_of, predictors_of, values_at
from hierglm.predicting.asked import Groups, Target, Unseen, chosen_response, treatments
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import source_of
from hierglm.results.fitted import Fitted

Names = str | Sequence[str] | None
At = Mapping[str, Any] | None


def means(
    fitted: Fitted | Source,
    names: str | Sequence[str],
    by: Names = None,
    at: At = None,
    target: Target = "mean",
    groups: Groups | None = None,
    new_levels: Unseen = "sample",
    *,
    contrasts: bool | Pairs = False,
    kind: Kind = "difference",
    weights: Weights = "equal",
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> Answer:
    """Return means over a reference grid; see `hierglm.posterior.Fit.means`.

    Raises
    ------
    SettingsError
        A column on which nothing depends, a value that it cannot have, a choice there is not.
    """
    wanted = names_of(names)
    if not wanted:
        raise SettingsError("means of what? give a column, or several")
    asked = dict.fromkeys((*names_of(by), *wanted), "reference")
    question = Question(source_of(fitted), target, {}, new_levels, response, draws, seed)
    question, points = on_grid(question, asked, at, groups, weights)
    if contrasts is False:
        return Answer(question, in_front(points, wanted))
    pairs: Pairs = "pairwise" if contrasts is True else contrasts
    return _compared(question, points, wanted, pairs, kind)


def on_grid(
    question: Question,
    asked: Mapping[str, str],
    at: At,
    groups: Groups | None,
    weights: Weights = "equal",
    points: int = 1,
) -> tuple[Question, Points]:
    """Return a question about a reference grid.

    Parameters
    ----------
    question : Question
        Whose groups are yet to be said.
    asked : mapping of str to {"reference", "divisions", "range"}
        Columns that make the cells, and at which values where `at` does not say: those of the
        reference grid, three of a number, or many over its range.
    at : mapping, optional
        Values of columns; more than one make cells too.
    groups : {"include", "zero", "average"}, mapping or None
        None to include the factors that make cells, and leave out the others.
    weights : {"equal", "proportional"}
    points : int
        How many values over a range.
    """
    model = question.source.model
    predictors = predictors_of(model, chosen_response(model, question.response))
    given = values_at(at)
    values: dict[str, Sequence[Any]] = {}
    for name in dict.fromkeys((*given, *asked)):
        p = known(name, predictors)
        if name in given:
            values[name] = p.checked(given[name])
        else:
            values[name] = _usual(p, asked[name], points)
    # Columns that are only fixed come first, the one that is asked about last: it varies fastest.
    ordered = {name: values[name] for name in (*(n for n in values if n not in asked), *asked)}
    chosen = included(model, tuple(values)) if groups is None else groups
    treated = treatments(model, chosen)
    refuse_left_out(tuple(values), predictors, treated, model)
    grid = reference_grid(predictors, ordered, treated, model, weights)
    return replace(question, groups=treated), grid


def _usual(p: Predictor, how: str, points: int) -> tuple[Any, ...]:
    if how == "divisions":
        return p.divisions()
    if how == "range" and not p.discrete:
        values = p.column.values
        return tuple(np.linspace(values.min(), values.max(), points).tolist())
    return p.reference()


def in_front(points: Points, wanted: Sequence[str]) -> Points:
    """Return the cells with the columns that were asked about first."""
    others = [n for n in points.cells.columns if n not in wanted]
    return replace(points, cells=points.cells[[*wanted, *others]])


def _compared(
    question: Question, points: Points, wanted: Sequence[str], pairs: Pairs, kind: Kind
) -> Answer:
    """Return contrasts of the cells that differ in the columns asked about only."""
    cells = points.cells
    others = [n for n in cells.columns if n not in wanted]
    value_of = _codes(cells, wanted)
    place = _codes(cells, others) if others else np.zeros(len(cells), dtype=np.int64)
    count = int(value_of.max()) + 1
    if count < 2:
        raise SettingsError(
            f"there is one mean of {', '.join(wanted)}, and no contrast; give at= more values"
        )
    if len(cells) != count * (int(place.max()) + 1):
        raise SettingsError("contrasts of combinations of levels that do not all occur")
    first = np.unique(value_of, return_index=True)[1]
    rows = cells.iloc[first][list(wanted)].itertuples(index=False)
    names = [row[0] if len(wanted) == 1 else f"({', '.join(map(label, row))})" for row in rows]
    chosen: Contrast = contrast(names, pairs, kind)
    kept = cells.iloc[np.unique(place, return_index=True)[1]][others].reset_index(drop=True)
    made = replace(
        points, cell=place[points.cell], value=value_of[points.cell], cells=kept, values=count
    )
    return Answer(question, made, chosen)


def _codes(cells: Any, names: Sequence[str]) -> Any:
    """Return which combination of columns each row has, in the order in which they come."""
    return cells.groupby(list(names), sort=False, observed=True).ngroup().to_numpy()
