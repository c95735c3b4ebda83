"""Columns under the safe names that expressions know them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.groups import as_integers
from hierglm.design.table import Column, Table
from hierglm.errors import DataError
from hierglm.formula.rewrite import column_identifier, levels_identifier
from hierglm.formula.terms import Term


def frame_of(terms: Sequence[Term], table: Table, levels: Mapping[str, tuple[Any, ...]]) -> Any:
    """Return the pandas table in which formulaic finds the columns that some terms read.

    Parameters
    ----------
    terms : sequence of Term
        What is to be evaluated.
    table : Table
        Rows without missing values.
    levels : mapping of str to tuple
        Levels of each category, in the order in which they are coded.

    Raises
    ------
    DataError
        Dates, a level that is not among `levels`, a category where a number was or the reverse.
    """
    import pandas as pd

    names = dict.fromkeys(n for t in terms for n in t.names)
    columns = {column_identifier(n): _series(n, table.column(n), levels.get(n)) for n in names}
    expressions = " ".join(f.expr for t in terms for f in t.factors if f.kind == "call")
    for name in names:
        identifier = levels_identifier(name)
        if identifier in expressions:
            columns[identifier] = _as_levels(table.column(name), columns[column_identifier(name)])
    return pd.DataFrame(columns, index=pd.RangeIndex(table.rows), copy=False)


def _as_levels(column: Column, series: Any) -> Any:
    """Return integers as integers, so that the levels of factor(g) are 1 and 2, not 1.0 and 2.0."""
    if column.kind == "boolean":
        return column.values.astype(bool)
    return as_integers(column.values) if column.kind == "number" else series


def _series(name: str, column: Column, levels: tuple[Any, ...] | None) -> Any:
    import pandas as pd

    if column.kind == "datetime":
        raise DataError(
            f"column {name!r} holds dates; as a predictor give a number, such as days since a "
            "start (dates can be grouping factors)"
        )
    if column.kind != "category" or column.levels is None:
        if levels is not None:
            raise DataError(f"column {name!r} held categories before, and holds numbers now")
        return column.values.astype(np.float64, copy=False)
    if levels is None:
        raise DataError(f"column {name!r} held numbers before, and holds categories now")
    place = {level: i for i, level in enumerate(levels)}
    unseen = [level for level in column.levels if level not in place]
    if unseen:
        raise DataError(
            f"column {name!r} has the new level {unseen[0]!r}; the fit knows "
            f"{', '.join(map(repr, levels[:8]))}"
        )
    moved = np.array([place[level] for level in column.levels], dtype=np.int64)
    codes: NDArray[np.int64] = moved[column.values]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(levels)))
