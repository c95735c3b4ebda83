"""The one internal form of a table, with fixed types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError, suggest

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "boolean", "category", "datetime"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """One column in internal form.

    Attributes
    ----------
    kind : {"number", "boolean", "category", "datetime"}
        What it holds.
    values : ndarray, shape (rows,)
        Float64 for numbers and booleans (NaN where missing; int64 for whole numbers that floats
        cannot hold), int64 codes into `levels` for
        categories (-1 where missing), datetime64 for datetimes (NaT where missing).
    levels : tuple or None
        Levels of a category, in order.
    whole : bool
        Whether numbers are integers: as a grouping factor their levels stay integers.
    """

    kind: Kind
    values: NDArray[Any]
    levels: tuple[Any, ...] | None = None
    whole: bool = False

    @property
    def missing(self) -> NDArray[np.bool_]:
        """True where there is no value, shape (rows,)."""
        if self.kind == "category":
            return np.asarray(self.values < 0)
        if self.kind == "datetime":
            return np.asarray(np.isnat(self.values))
        return np.asarray(np.isnan(self.values))

    def take(self, rows: NDArray[Any]) -> Column:
        """Return some rows; levels that none of them has are dropped, their order kept."""
        values = self.values[rows]
        if self.levels is None:
            return Column(self.kind, _read_only(values), None, self.whole)
        used = np.unique(values[values >= 0])
        if len(used) == len(self.levels):
            return Column(self.kind, _read_only(values), self.levels, self.whole)
        place = np.full(len(self.levels) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        levels = tuple(self.levels[i] for i in used)
        return Column(self.kind, _read_only(place[values]), levels, self.whole)


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns, each read and converted when it is first asked for.

    Attributes
    ----------
    columns : tuple of str
        Names, in order.
    rows : int
        Number of rows.
    read : callable
        Name to `Column`.
    index : tuple of str
        Names of what pandas keeps beside the columns: no formula sees it, errors tell of it.
    """

    columns: tuple[str, ...]
    rows: int
    read: Callable[[str], Column] = field(repr=False)
    index: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """Return a column.

        Raises
        ------
        DataError
            A column that is not there, is there twice, or holds what no formula can use.
        """
        try:
            return self.read(name)
        except KeyError:
            if name in self.columns:
                raise
            raise DataError(f"no column {name!r}{suggest(name, self.columns)}") from None

    def select(self, names: tuple[str, ...], rows: NDArray[Any]) -> Table:
        """Return some columns and rows, read now."""
        return table_of({name: self.column(name).take(rows) for name in names}, len(rows))

    def to_frame(self) -> pd.DataFrame:
        """Return the table as pandas has it; read again it gives the same columns."""
        import pandas as pd

        return pd.DataFrame(
            {name: _as_pandas(self.column(name)) for name in self.columns},
            index=pd.RangeIndex(self.rows),
        )

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the table as data that can be written to a file.

        Returns
        -------
        description : dict
            Only what JSON can hold.
        arrays : dict of str to ndarray
            Numeric, one for each column.
        """
        described: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[Any]] = {}
        for i, name in enumerate(self.columns):
            column = self.column(name)
            key = f"column_{i}"
            stamps = column.kind == "datetime"
            arrays[key] = column.values.astype(np.int64) if stamps else column.values
            levels = column.levels
            described.append(
                {
                    "name": name,
                    "kind": column.kind,
                    "array": key,
                    "whole": column.whole,
                    "unit": np.datetime_data(column.values.dtype)[0] if stamps else None,
                    "levels": None if levels is None else [_packed(level) for level in levels],
                }
            )
        return {"rows": self.rows, "columns": described}, arrays

    @classmethod
    def from_arrays(cls, description: Mapping[str, Any], arrays: Mapping[str, Any]) -> Table:
        """Return the table that `to_arrays` described, to the last bit."""
        columns = {}
        for item in description["columns"]:
            values = np.asarray(arrays[item["array"]])
            if item["unit"]:
                values = values.astype(f"datetime64[{item['unit']}]")
            levels = item["levels"]
            unpacked = None if levels is None else tuple(_unpacked(level) for level in levels)
            columns[item["name"]] = Column(
                item["kind"], _read_only(values), unpacked, bool(item["whole"])
            )
        return table_of(columns, int(description["rows"]))


def table_of(columns: Mapping[str, Column], rows: int) -> Table:
    """Return a table of columns that are already in internal form."""
    return Table(tuple(columns), rows, dict(columns).__getitem__)


def _as_pandas(column: Column) -> Any:
    import pandas as pd

    if column.levels is not None:
        return pd.Categorical.from_codes(
            column.values, dtype=pd.CategoricalDtype(list(column.levels))
        )
    if column.missing.any():
        return column.values
    if column.kind == "boolean":
        return column.values.astype(bool)
    return column.values.astype(np.int64) if column.whole else column.values


def _packed(level: Any) -> Any:
    """Return a level with its type, where JSON would lose it."""
    value = level.item() if isinstance(level, np.generic) else level
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    return {"text": str(value)}


def _unpacked(level: Any) -> Any:
    if isinstance(level, Mapping):
        return float.fromhex(level["float"]) if "float" in level else level["text"]
    return level


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
