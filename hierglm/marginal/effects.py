"""Conditional effects: a target over the values of a column, the others at their reference."""

from __future__ import annotations

from hierglm.errors import SettingsError
from hierglm.marginal.cells import Answer, Question
from hierglm.marginal.grid import Weights
from hierglm.marginal.means import At, Names, in_front, on_grid
from hierglm.marginal.predictors import names_of
from hierglm.predicting.asked import Groups, Target, Unseen
from hierglm.results.fitted import Fitted


def effects(
    fitted: Fitted,
    x: str,
    by: Names = None,
    at: At = None,
    target: Target = "mean",
    groups: Groups | None = None,
    new_levels: Unseen = "sample",
    *,
    points: int = 60,
    weights: Weights = "equal",
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> Answer:
    """Return a target over the values of a column; see `hierglm.posterior.Fit.effects`.

    Raises
    ------
    SettingsError
        A column on which nothing depends, a value that it cannot have, a choice there is not.
    """
    if isinstance(points, bool) or not isinstance(points, int) or points < 2:
        raise SettingsError(f"points must be a whole number from 2, not {points!r}")
    if not isinstance(x, str):
        raise SettingsError(f"effects of one column; by= takes more, not {x!r}")
    asked = {**dict.fromkeys(names_of(by), "divisions"), x: "range"}
    question = Question(fitted, target, {}, new_levels, response, draws, seed)
    question, grid = on_grid(question, asked, at, groups, weights, points)
    return Answer(question, in_front(grid, (x, *(n for n in names_of(by) if n != x))))
