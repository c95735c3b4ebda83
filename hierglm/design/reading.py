"""Every kind of table, turned once into the internal form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from hierglm.design.convert import column_of
from hierglm.design.table import Column, Table
from hierglm.errors import DataError


def as_table(data: Any) -> Table:
    """Return the internal form of a table; the caller's is neither changed nor copied whole.

    Parameters
    ----------
    data : pandas, polars or pyarrow table, Table, or mapping of str to columns
        One row an observation.

    Raises
    ------
    DataError
        Something that is no table, or columns of different lengths.

    Examples
    --------
    >>> as_table({"x": [1, 2], "g": ["a", "b"]}).column("g").levels
    ('a', 'b')
    """
    if isinstance(data, Table):
        return data
    origin = type(data).__module__.partition(".")[0]
    if origin == "pandas" and hasattr(data, "columns"):
        return _from_pandas(data)
    if origin == "polars" and hasattr(data, "get_column"):
        return _lazily(data.columns, data.height, lambda n: _polars_series(data.get_column(n)))
    if origin == "pyarrow" and hasattr(data, "column_names"):
        names = data.column_names
        return _lazily(names, data.num_rows, lambda n: _arrow_series(data.column(names.index(n))))
    if isinstance(data, Mapping):
        return _from_mapping(data)
    raise DataError(
        f"the data must be a pandas, polars or pyarrow table, or a mapping of columns; "
        f"found {type(data).__name__}" + ("; call .collect() first" if origin == "polars" else "")
    )


def _lazily(names: Any, rows: int, series: Callable[[str], Any]) -> Table:
    # Counted once: tables may have thousands of columns.
    counts = Counter(map(str, names))

    def read(name: str) -> Column:
        if not counts[name]:
            raise KeyError(name)
        if counts[name] > 1:
            raise DataError(f"{counts[name]} columns are called {name!r}; rename all but one")
        try:
            name.encode()
            return column_of(name, series(name))
        except UnicodeEncodeError as error:
            # Neither pandas nor any file can hold it.
            half = error.object[error.start : error.end]
            raise DataError(f"column {name!r} has half a character, {half!r}") from error

    return Table(tuple(str(n) for n in names), rows, cache(read))


def _from_pandas(data: Any) -> Table:
    # By place, not by name: names need not be text, nor unique.
    names = [str(c) for c in data.columns]
    table = _lazily(names, len(data), lambda name: data.iloc[:, names.index(name)])
    return replace(table, index=tuple(str(n) for n in data.index.names if n is not None))


def _from_mapping(data: Mapping[Any, Any]) -> Table:
    shapes = {str(name): _shape(str(name), values) for name, values in data.items()}
    lengths = {name: shape[:1] for name, shape in shapes.items()}
    sizes = {size for size in lengths.values() if size}
    if len(sizes) != 1 or () in lengths.values():
        found = ", ".join(f"{n!r}: {s[0] if s else 'no'} rows" for n, s in lengths.items())
        raise DataError(f"the columns must have one length; found {found or 'no columns'}")
    for name, shape in shapes.items():
        if len(shape) > 1:
            raise DataError(f"column {name!r} has the shape {shape}: give its columns a name each")
    by_name = {str(name): values for name, values in data.items()}
    return _lazily(by_name, sizes.pop()[0], lambda name: _series(by_name[name]))


def _shape(name: str, values: Any) -> tuple[int, ...]:
    try:
        return np.shape(values)
    except ValueError:
        raise DataError(
            f"column {name!r} holds lists of several lengths; make it all numbers or all text"
        ) from None


def _series(values: Any) -> Any:
    """Return one column of a mapping, whatever library it is from, as pandas has it."""
    import pandas as pd

    origin = type(values).__module__.partition(".")[0]
    if origin == "polars":
        return _polars_series(values)
    return _arrow_series(values) if origin == "pyarrow" else pd.Series(values)


def _polars_series(series: Any) -> Any:
    import pandas as pd

    kind = str(series.dtype).partition("(")[0]
    if kind == "Enum":
        return pd.Categorical(series.to_list(), categories=series.dtype.categories.to_list())
    if kind in ("String", "Categorical"):
        return pd.Series(series.to_list(), dtype=object)
    if series.dtype.is_integer() and series.null_count():
        return pd.array(series.to_list(), dtype="Int64")
    if kind == "Boolean" and series.null_count():
        return pd.array(series.to_list(), dtype="boolean")
    if series.dtype.is_numeric() or kind in ("Boolean", "Date", "Datetime"):
        return pd.Series(series.to_numpy())
    return pd.Series(series.to_list(), dtype=object)


def _arrow_series(column: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_integer(column.type) and column.null_count:
        return pd.array(column.to_pylist(), dtype="Int64")
    return column.to_pandas()
