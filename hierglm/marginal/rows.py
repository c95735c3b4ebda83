"""Observed rows, copied with some columns changed: what slopes and comparisons average over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.reading import as_table
from hierglm.errors import SettingsError
from hierglm.marginal.cells import Question, complete
from hierglm.marginal.grid import labelled
from hierglm.marginal.predictors import (
    FEW,
    Predictor,
    fitted_rows,
    known,
    names_of,
    predictors_of,
    values_at,
)
from hierglm.predicting.asked import chosen_response, treatments
from hierglm.predicting.table import as_frame

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, in cells.

    Attributes
    ----------
    table : DataFrame
    cell : ndarray of int, shape (rows,)
        Which cell each row belongs to.
    cells : DataFrame
        One row a cell: what it is.
    predictors : mapping of str to Predictor
        The columns that predictions may read.
    """

    table: pd.DataFrame
    cell: Ints
    cells: pd.DataFrame
    predictors: Mapping[str, Predictor]

    @property
    def shares(self) -> NDArray[np.float64]:
        """What each row counts in the mean of its cell, shape (rows,)."""
        return np.asarray(1 / np.bincount(self.cell, minlength=len(self.cells))[self.cell])


def rows_in_cells(
    question: Question,
    new: Any,
    by: str | Sequence[str] | None,
    at: Mapping[str, Any] | None,
    average: bool,
) -> tuple[Question, Rows]:
    """Return rows, copied for each combination of values of `at`, in cells.

    Parameters
    ----------
    question : Question
        Whose groups may be of any form that `treatments` takes.
    new : table or None
        None for the rows of the fit.
    by : str or sequence of str, optional
        Columns whose values divide the rows into cells.
    at : mapping of str to values, optional
        Columns that all rows are given other values of.
    average : bool
        Whether the rows of a cell are averaged; else each is a cell.

    Raises
    ------
    SettingsError
        A column that is not there, or has too many values.
    """
    import pandas as pd

    model = question.source.model
    response = chosen_response(model, question.response)
    predictors = predictors_of(model, response)
    question = replace(question, groups=treatments(model, question.groups))
    values = {n: known(n, predictors).checked(v) for n, v in values_at(at).items()}
    base = _base(question, predictors, response.design.kept, new, values)
    copies = list(product(*values.values()))
    size = len(base)
    table = pd.concat([base] * len(copies), ignore_index=True)
    for k, name in enumerate(values):
        column = [copy[k] for copy in copies for _ in range(size)]
        table[name] = predictors[name].series(column)
    if not average:
        cells = labelled(table, "row", np.tile(base.index, len(copies)))
        return question, Rows(table, np.arange(len(table), dtype=np.int64), cells, predictors)
    names = [*names_of(by), *(n for n in values if n not in names_of(by))]
    _check_divisions(names_of(by), base)
    if not names:
        return question, Rows(
            table, np.zeros(len(table), dtype=np.int64), pd.DataFrame(index=range(1)), predictors
        )
    grouped = table.groupby(names, sort=True, observed=True)
    cells = grouped.size().reset_index()[names]
    cell = np.asarray(grouped.ngroup(), dtype=np.int64)
    return question, Rows(table, cell, cells, predictors)


def _base(
    question: Question,
    predictors: Mapping[str, Predictor],
    kept: Ints,
    new: Any,
    values: Mapping[str, Sequence[Any]],
) -> pd.DataFrame:
    """Return the rows as they are, those with missing values left out."""
    if new is None:
        return fitted_rows(predictors, kept)
    size = as_table(new).rows
    # What all rows are given need not be there.
    fixed = {n: predictors[n].series([v[0]] * size) for n, v in values.items()}
    return complete(question, as_frame(new).assign(**fixed))


def _check_divisions(by: Sequence[str], base: pd.DataFrame) -> None:
    for name in by:
        if name not in base.columns:
            raise SettingsError(f"by: no column {name!r} among those that the model reads")
        many = base[name].nunique()
        if base[name].dtype.kind == "f" and many > FEW:
            raise SettingsError(
                f"by: {name!r} has {many:,} values, which make no cells; give at={{{name!r}: "
                "[...]}, or a column of classes in new="
            )
