"""Conditional effects: a target over the values of a column, the others at their reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hierglm.errors import SettingsError
from hierglm.marginal.cells import Answer, Question
from hierglm.marginal.grid import LARGEST, Weights
from hierglm.marginal.means import At, Names, in_front, on_grid
from hierglm.marginal.predictors import fitted_rows, names_of, predictors_of
from hierglm.models import Model
from hierglm.predicting.asked import Groups, Target, Unseen, chosen_response
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import source_of
from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd


def effects(
    fitted: Fitted | Source,
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
    if isinstance(points, bool) or not isinstance(points, int) or not 2 <= points <= LARGEST:
        raise SettingsError(f"points must be a whole number from 2 to {LARGEST:,}, not {points!r}")
    if not isinstance(x, str):
        raise SettingsError(f"effects of one column; by= takes more, not {x!r}")
    asked = {**dict.fromkeys(names_of(by), "divisions"), x: "range"}
    question = Question(source_of(fitted), target, {}, new_levels, response, draws, seed)
    question, grid = on_grid(question, asked, at, groups, weights, points)
    return Answer(question, in_front(grid, (x, *(n for n in names_of(by) if n != x))))


def observed(
    fitted: Fitted, names: Sequence[str], target: Target, response: str | None = None
) -> pd.DataFrame | None:
    """Return the data behind an effect: its columns, and last the response as observed.

    Parameters
    ----------
    fitted : Fitted
    names : sequence of str
        The column whose effect it is, and others by which the data could be divided: those
        that are numbers are left out, since no row has exactly a given one.
    target, response
        See `effects`.

    Returns
    -------
    DataFrame or None
        Of successes in trials their share; None where a response is not on the scale of the
        target: categories, and linear predictors behind a link.
    """
    model = fitted.plan.model
    chosen = chosen_response(model, response)
    family = chosen.family
    bent = target == "linear" and (family.link.name != "identity" or family.name == "lognormal")
    if family.categories or family.thresholds or bent:
        return None
    predictors = predictors_of(model, chosen)
    x, *others = names
    kept = [x, *(n for n in others if n in predictors and predictors[n].discrete)]
    rows = fitted_rows({n: predictors[n] for n in kept}, chosen.design.kept)
    own = chosen.design.response
    trials = 1.0 if own.trials is None else np.where(own.trials > 0, own.trials, np.nan)
    return rows.assign(**{f"observed {own.label}": own.values / trials})


def words(model: Model, x: str, target: Target, response: str | None = None) -> tuple[str, bool]:
    """Return what an effect is on, in words for an axis, and whether its column is a quantity."""
    chosen = chosen_response(model, response)
    family, label = chosen.family, chosen.design.response.label
    quantity = not predictors_of(model, chosen)[x].discrete
    if target == "linear":
        return f"linear predictor of {label}", quantity
    if family.categories or family.thresholds or chosen.design.response.levels:
        return f"probability of {label}", quantity
    counted = chosen.design.response.trials is not None
    return (f"share of {label}" if counted else label), quantity
