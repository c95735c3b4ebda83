"""Tables of files, with columns made and rows left out: those of an analysis, and of scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.design.table import Column, table_of
from hierglm.errors import AnalysisError, DataError, FormulaError, suggest
from hierglm.formula.parse import parse
from hierglm.paths import path_of
from hierglm.reading import read_table as read_file

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def read_table(
    path: str | Path,
    *,
    factors: Sequence[str] = (),
    levels: Mapping[str, Sequence[Any]] | None = None,
    columns: Mapping[str, str] | None = None,
    where: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Return the table of a file, as ``[data.NAME]`` of an analysis file reads it.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, Parquet, Feather or Stata, by its ending.
    factors : sequence of str
        Columns of numbers to read as categories, in the order of the numbers.
    levels : mapping of str to sequence, optional
        The order of a column's categories.
    columns : mapping of str to str, optional
        Columns to make, such as ``{"z": "log(x)"}``. Expressions are read by the parser of
        formulas, as ``I(...)`` there: never as Python.
    where : str or sequence of str
        Rows to keep, such as ``"z > 0"``; all of several must hold.

    Returns
    -------
    DataFrame, shape (rows kept, columns of the file and those made)

    Raises
    ------
    DataError
        A file that cannot be read, or does not bear out an argument; names the argument.

    Examples
    --------
    >>> import tempfile
    >>> import hierglm as hg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "schools.csv"
    ...     hg.datasets.eight_schools().to_csv(path, index=False)
    ...     hg.read_table(path, columns={"weight": "1 / se^2"}, where="se < 10")["se"].tolist()
    [9]
    """
    keys = {"factors": factors, "levels": levels or {}, "columns": columns or {}, "where": where}
    try:
        return read_data("", keys, path_of(path, "path"))
    except AnalysisError as error:
        raise DataError(str(error).removeprefix(".")) from error


def read_data(place: str, keys: Mapping[str, Any], file: Path) -> pd.DataFrame:
    """Return a table of an analysis file.

    Parameters
    ----------
    place : str
        ``"data.radon"``, for messages.
    keys : mapping
        Of that section: factors, levels, columns, where.
    file : Path

    Raises
    ------
    AnalysisError
        Names the key that the table does not bear out.
    """
    try:
        table = read_file(file, keys.get("factors", ()))
    except DataError as error:
        key = "factors" if str(error).startswith("factor ") else "file"
        raise AnalysisError(f"{place}.{key}", str(error)) from error
    for column, levels in keys.get("levels", {}).items():
        table = table.assign(**{column: _ordered(f"{place}.levels", table, column, levels)})
    for name, text in keys.get("columns", {}).items():
        table = table.assign(**{name: _evaluated(f"{place}.columns.{name}", text, table)})
    where = keys.get("where", ())
    for text in (where,) if isinstance(where, str) else where:
        kept = _evaluated(f"{place}.where", text, table)
        # Where it cannot be told, a row is not kept, as in R's subset() and dplyr's filter().
        table = table[np.nan_to_num(kept) != 0].reset_index(drop=True)
        if not len(table):
            raise AnalysisError(f"{place}.where", f"no row has {text}")
    return table


def evaluate(text: str, table: Any) -> Floats:
    """Return what an expression is in each row of a table.

    It is read by the parser of formulas, as ``I(text)`` there: columns, numbers, arithmetic,
    comparisons and the listed functions, and nothing else.

    Parameters
    ----------
    text : str
    table : table

    Returns
    -------
    ndarray, shape (rows,)
        1 and 0 for true and false; NaN in rows with missing values.

    Raises
    ------
    FormulaError
        What cannot be read, or gives more than one number a row; points into the text.

    Examples
    --------
    >>> evaluate("log(x) > 0", {"x": [1.0, 2.0, float("nan")]}).tolist()
    [0.0, 1.0, nan]
    """
    single = re.search(r"(?<![=<>!])=(?!=)", text)
    if single is not None and not re.search(r"['\"]", text[: single.start()]):
        at = single.start()
        raise FormulaError("'=' compares nothing here; write '=='", text, at, at + 1)
    whole = as_table(table)
    # What formulas are of: a response, here of no meaning.
    blank = "y"
    while blank in whole.columns:
        blank += "_"
    columns = {name: name for name in whole.columns}
    zeros = Column("number", np.zeros(whole.rows))
    beside = table_of({blank: zeros}, whole.rows)
    both = type(whole)(
        (*columns, blank),
        whole.rows,
        lambda name: beside.column(name) if name == blank else whole.column(name),
    )
    head = f"{blank} ~ 0 + I("
    try:
        design = encode(parse(f"{head}{text})", both.columns), both)
    except FormulaError as error:
        start, end = error.start, error.end
        moved = [None if at is None else min(max(at - len(head), 0), len(text))
                 for at in (start, end)]  # fmt: skip
        raise FormulaError(error.message, text, *moved) from None
    if design.common.labels != (f"I({text})",) or design.groups:
        raise FormulaError("this is not one number a row", text, 0, len(text))
    out = np.full(whole.rows, np.nan)
    out[design.kept] = design.common.matrix[:, 0]
    return out


def _evaluated(place: str, text: str, table: Any) -> Floats:
    try:
        return evaluate(text, table)
    except (FormulaError, DataError) as error:
        raise AnalysisError(place, str(error)) from error


def _ordered(place: str, table: Any, column: str, levels: Sequence[Any]) -> Any:
    import pandas as pd

    if column not in table:
        raise AnalysisError(place, f"no column {column!r}{suggest(column, map(str, table))}")
    found = table[column]
    known = [x for x in pd.unique(found.dropna()) if x not in levels]
    if known:
        raise AnalysisError(
            f"{place}.{column}",
            f"the column has {known[0]!r} too{suggest(str(known[0]), map(str, levels))}",
        )
    return pd.Categorical(found, categories=list(levels))
