"""New columns in the types that they had when the model was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hierglm.design.table import Column, Table, table_of
from hierglm.errors import DataError

_HELD = {
    "number": "numbers",
    "boolean": "true and false",
    "category": "categories",
    "datetime": "dates",
}
_NUMERIC = ("number", "boolean")


def align(names: Sequence[str], table: Table, fitted: Table) -> Table:
    """Return some columns of a new table, each as the kind that it was in the fitted one.

    Parameters
    ----------
    names : sequence of str
        The columns that are needed; both tables have them.
    table, fitted : Table
        The new rows, and those that the model was fitted to.

    Raises
    ------
    DataError
        Text where there were numbers, and the like: it would be read as something else.
    """
    columns = {n: _aligned(n, table.column(n), fitted.column(n)) for n in names}
    return table_of(columns, table.rows)


def _aligned(name: str, new: Column, fitted: Column) -> Column:
    if new.missing.all():
        return _missing(len(new.values), fitted)
    if fitted.kind in _NUMERIC:
        if new.kind in _NUMERIC:
            return new
        if new.levels is not None and not _is_text(new):
            values = np.array([*map(float, new.levels), np.nan])[new.values]
            return Column("number", values, whole=all(isinstance(x, int) for x in new.levels))
    elif fitted.kind == "category":
        if new.kind == "category" and _is_text(new) == _is_text(fitted):
            return new
        if new.kind in _NUMERIC and not _is_text(fitted):
            return _as_category(new)
    elif new.kind == fitted.kind:
        return new
    raise DataError(
        f"column {name!r} held {_held(fitted)} when the model was fitted, "
        f"and holds {_held(new)} in the new data"
    )


def _missing(rows: int, fitted: Column) -> Column:
    empty: Any = {"category": -1, "datetime": np.datetime64("NaT", "ns")}.get(fitted.kind, np.nan)
    levels = () if fitted.kind == "category" else None
    return Column(fitted.kind, np.full(rows, empty), levels)


def _as_category(column: Column) -> Column:
    """Return plain numbers as the category that they were: pandas loses it in a new frame."""
    known = ~column.missing
    found, codes = np.unique(column.values[known], return_inverse=True)
    values = np.full(len(column.values), -1, dtype=np.int64)
    values[known] = codes
    return Column("category", values, tuple(found.tolist()))


def _is_text(column: Column) -> bool:
    return any(isinstance(level, str) for level in column.levels or ())


def _held(column: Column) -> str:
    return "text" if _is_text(column) else _HELD[column.kind]
