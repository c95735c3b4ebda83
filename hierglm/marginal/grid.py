"""Reference grids: some columns at chosen values, all others at what stands for them.

Those of R's emmeans (Lenth; `emmeans::ref_grid`): numbers at their means, factors (and numbers
with two values) at all their levels, every combination of these counting the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.design.groups import code
from hierglm.design.table import Column
from hierglm.errors import DataError, SettingsError, suggest
from hierglm.marginal.predictors import Predictor
from hierglm.models import Model
from hierglm.predicting.asked import Treatment

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Weights = Literal["equal", "proportional"]

LARGEST = 1_000_000
"""Rows of a grid beyond which something was not meant."""


@dataclass(frozen=True, slots=True)
class Points:
    """Rows to be predicted, and how they are gathered: weighted sums of each cell.

    Attributes
    ----------
    rows : DataFrame
        What is predicted.
    cell, value : ndarray of int, shape (rows,)
        Which cell a row belongs to, and which of the values that are compared in each cell.
    weight : ndarray, shape (rows,)
        What it counts in the sum of its cell and value.
    cells : DataFrame
        One row a cell: what it is.
    values : int
        How many values are compared.
    """

    rows: pd.DataFrame
    cell: Ints
    value: Ints
    weight: Floats
    cells: pd.DataFrame
    values: int = 1


def reference_grid(
    predictors: Mapping[str, Predictor],
    asked: Mapping[str, Sequence[Any]],
    treated: Mapping[str, Treatment],
    model: Model,
    weights: Weights = "equal",
) -> Points:
    """Return a grid whose cells are all combinations of the values asked for.

    Parameters
    ----------
    predictors : mapping of str to Predictor
        What predictions may read.
    asked : mapping of str to sequence
        Columns that make the cells, with their values; the last varies fastest.
    treated : mapping of str to {"include", "zero", "average"}
        For each grouping factor: columns of those that are not included are left out.
    model : Model
    weights : {"equal", "proportional"}
        How combinations of the other factors' levels count: the same, or as often as they
        occur in the rows of the fit.

    Raises
    ------
    SettingsError
        A grid with too many rows, or weights that there are not.
    """
    import pandas as pd

    if weights not in get_args(Weights):
        raise SettingsError(f"no weights {weights!r}{suggest(str(weights), get_args(Weights))}")
    others = {
        name: p.reference()
        for name, p in predictors.items()
        if name not in asked and p.role != "group"
    }
    size = prod(len(v) for v in (*asked.values(), *others.values()))
    if size > LARGEST:
        many = max(others or asked, key=lambda n: len({**asked, **others}[n]))
        raise SettingsError(
            f"the reference grid has {size:,} rows; give at={{{many!r}: ...}} with fewer values"
        )
    cells = _crossed(asked, predictors)
    cells = _only_observed(cells, predictors, treated, model)
    beside = _crossed(others, predictors)
    share = np.full(len(beside), 1 / len(beside))
    if weights == "proportional":
        share = _frequencies(beside, predictors)
    cell = np.repeat(np.arange(len(cells)), len(beside))
    rows = pd.concat(
        [
            cells.iloc[cell].reset_index(drop=True),
            beside.iloc[np.tile(np.arange(len(beside)), len(cells))].reset_index(drop=True),
        ],
        axis=1,
    )
    return Points(rows, cell, np.zeros_like(cell), np.tile(share, len(cells)), cells)


def labelled(cells: pd.DataFrame, name: str, values: Any, place: int = 0) -> pd.DataFrame:
    """Return cells with a column of labels at a place among their columns.

    Raises
    ------
    DataError
        If the user's table has a column of that name.
    """
    if name in cells.columns:
        raise DataError(f"a column {name!r} is what the answer has too; rename the table's")
    out = cells.copy()
    out.insert(place, name, values)
    return out


def included(model: Model, names: Sequence[str]) -> dict[str, Treatment]:
    """Return the treatment of grouping factors where the caller did not say any.

    Those whose columns are all among the names are included, the others at zero.
    """
    out: dict[str, Treatment] = {}
    for m in model.parts or (model,):
        for grouping, term in zip(m.design.groups, m.design.formula.groups, strict=True):
            columns = {n for factor in term.by for n in factor.names}
            out[grouping.group] = "include" if columns <= set(names) else "zero"
    return out


def refuse_left_out(
    names: Sequence[str],
    predictors: Mapping[str, Predictor],
    treated: Mapping[str, Treatment],
    model: Model,
) -> None:
    """Refuse columns on which nothing depends, since their grouping factor is left out.

    Raises
    ------
    SettingsError
    """
    read = {
        n
        for m in model.parts or (model,)
        for g, term in zip(m.design.groups, m.design.formula.groups, strict=True)
        if treated[g.group] == "include"
        for factor in term.by
        for n in factor.names
    }
    for name in names:
        if predictors[name].role == "group" and name not in read:
            raise SettingsError(
                f"nothing depends on {name!r}, since groups= leaves its effects out; "
                f"groups={{{name!r}: 'include'}} has them"
            )


def _crossed(
    values: Mapping[str, Sequence[Any]], predictors: Mapping[str, Predictor]
) -> pd.DataFrame:
    import pandas as pd

    rows = list(product(*values.values()))
    columns = zip(*rows, strict=True) if values else ()
    return pd.DataFrame(
        {name: predictors[name].series(c) for name, c in zip(values, columns, strict=True)},
        index=range(len(rows)),
    )


def _only_observed(
    cells: pd.DataFrame,
    predictors: Mapping[str, Predictor],
    treated: Mapping[str, Treatment],
    model: Model,
) -> pd.DataFrame:
    """Return the cells whose combinations of grouping columns occur: ``a:b`` has no others."""
    for m in model.parts or (model,):
        for g, term in zip(m.design.groups, m.design.formula.groups, strict=True):
            names = list(dict.fromkeys(n for factor in term.by for n in factor.names))
            crossed = len(names) > 1 and g.relation.members is None
            if treated[g.group] == "include" and crossed and set(names) <= set(cells.columns):
                there = set(zip(*(_plain(m.design.table.column(n), n) for n in names), strict=True))
                found = zip(*(cells[n].tolist() for n in names), strict=True)
                cells = cells[[row in there for row in found]].reset_index(drop=True)
    return cells


def _plain(column: Column, name: str) -> list[Any]:
    found = code(name, column)
    levels = found.levels.tolist()
    return [levels[i] for i in found.index]


def _frequencies(beside: pd.DataFrame, predictors: Mapping[str, Predictor]) -> Floats:
    """Return how often each combination of levels occurs in the rows of the fit, as shares."""
    names = [n for n in beside.columns if len(predictors[n].reference()) > 1]
    if not names:
        return np.full(len(beside), 1 / len(beside))
    seen = list(zip(*(_plain(predictors[n].column, n) for n in names), strict=True))
    count = dict.fromkeys(seen, 0)
    for row in seen:
        count[row] += 1
    found = zip(*(beside[n].tolist() for n in names), strict=True)
    return np.array([count.get(row, 0) for row in found]) / len(seen)
