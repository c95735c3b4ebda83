"""Comparisons: what a target would be at one value of a column, and at another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hierglm.errors import SettingsError
from hierglm.marginal.cells import Answer, Question
from hierglm.marginal.contrasts import Contrast, Kind, Pairs, check_kind, contrast
from hierglm.marginal.grid import Points, labelled
from hierglm.marginal.predictors import Predictor, known, names_of, values_at
from hierglm.marginal.rows import Rows, rows_in_cells
from hierglm.predicting.asked import Groups, Target, Unseen
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import source_of
from hierglm.results.fitted import Fitted


def comparisons(
    fitted: Fitted | Source,
    names: str | Sequence[str],
    values: Any = None,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    target: Target = "mean",
    groups: Groups = "include",
    new_levels: Unseen = "sample",
    *,
    kind: Kind = "difference",
    contrasts: Pairs = "reference",
    new: Any = None,
    average: bool = True,
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
) -> list[Answer]:
    """Return comparisons of some columns, one answer each.

    See `hierglm.posterior.Fit.comparisons`.

    Raises
    ------
    SettingsError
        A column on which nothing depends, values that it cannot have, a choice there is not.
    """
    wanted = names_of(names)
    if not wanted:
        raise SettingsError("comparisons of what? give a column, or several")
    if values is not None and len(wanted) > 1:
        raise SettingsError("values= are those of one column; call comparisons() for each")
    for name in wanted:
        if name in values_at(at):
            raise SettingsError(f"at= fixes {name!r}, which is compared; give values= instead")
    check_kind(kind)
    question, rows = rows_in_cells(
        Question(source_of(fitted), target, groups, new_levels, response, draws, seed),
        new,
        by,
        at,
        average,
    )
    return [_compared(question, rows, name, values, contrasts, kind) for name in wanted]


def _compared(
    question: Question, rows: Rows, name: str, values: Any, pairs: Pairs, kind: Kind
) -> Answer:
    p = known(name, rows.predictors)
    if isinstance(values, str) or (values is None and not p.discrete):
        columns, chosen = _shifted(p, rows, 1 if values is None else values, kind)
    else:
        given = p.levels if values is None else p.checked(values)
        if len(given) < 2:
            raise SettingsError(f"a comparison of {name!r} needs two values; found {given!r}")
        columns = [p.series([value] * len(rows.table)) for value in given]
        chosen = contrast(given, pairs, kind, later_first=True)
    return Answer(question, _points(rows, name, columns), chosen)


def _shifted(p: Predictor, rows: Rows, values: Any, kind: Kind) -> tuple[list[Any], Contrast]:
    """Return a quantity as it is and increased: by 1, by its sd, or between its quartiles."""
    if not p.numeric:
        raise SettingsError(f"{p.name!r} is no quantity; give values= among its levels")
    x = np.asarray(rows.table[p.name], dtype=np.float64)
    if values == "iqr":
        ends = np.quantile(p.column.values, (0.25, 0.75))
        columns = [np.full(len(x), end) for end in ends]
        return columns, Contrast(((1, 0),), ("third quartile, first",), kind)
    if values not in (1, "sd"):
        raise SettingsError(f"values cannot be {values!r}; give two numbers, 'sd' or 'iqr'")
    step = p.spread if values == "sd" else 1.0
    return [x, x + step], Contrast(((1, 0),), ("+sd" if values == "sd" else "+1",), kind)


def _points(rows: Rows, name: str, columns: Sequence[Any]) -> Points:
    import pandas as pd

    count = len(columns)
    table = pd.concat(
        [rows.table.assign(**{name: column}) for column in columns], ignore_index=True
    )
    cells = labelled(rows.cells, "term", name)
    value = np.repeat(np.arange(count), len(rows.table))
    return Points(
        table, np.tile(rows.cell, count), value, np.tile(rows.shares, count), cells, count
    )
