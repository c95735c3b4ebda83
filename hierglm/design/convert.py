"""One column of whatever type to its internal form."""

from __future__ import annotations

import numbers
from datetime import date, datetime
from typing import Any

import numpy as np

from hierglm.design.table import Column
from hierglm.errors import DataError

_EXACT = 2**53
"""From here on not every whole number is a float."""

_LARGEST = 2**63 - 1
_FIRST, _LAST = 1678, 2261
"""Whole years that 64 bits of nanoseconds hold."""

_INSTEAD = {
    "timedelta": ": give a number, such as column.dt.total_seconds()",
    "duration": ": give a number, such as column.dt.total_seconds()",
    "period": ": give dates, column.dt.to_timestamp(), or text",
}
"""What would do, by the beginning of a type's name."""


def column_of(name: str, values: Any) -> Column:
    """Return a pandas column (or what pandas makes a column of) in internal form.

    Parameters
    ----------
    name : str
        For messages.
    values : Series, extension array or sequence
        Not changed.

    Raises
    ------
    DataError
        Types that no formula can use, or several types in one column.
    UnicodeEncodeError
        Text with half a character, a lone surrogate.
    """
    import pandas as pd
    from pandas.api import types

    series = values if isinstance(values, pd.Series) else pd.Series(values)
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(name, series)
    if types.is_bool_dtype(dtype):
        return Column("boolean", _floats(name, series))
    if types.is_complex_dtype(dtype):
        raise DataError(f"column {name!r} holds complex numbers; give its parts as columns")
    if types.is_numeric_dtype(dtype):
        return _number(name, series)
    if types.is_datetime64_any_dtype(dtype):
        # In UTC, because the hours that a clock shows twice in autumn are two.
        plain = series.dt.tz_convert(None) if getattr(dtype, "tz", None) else series
        stamps = plain.to_numpy()
        if stamps.dtype.kind == "M":
            return Column("datetime", _nanoseconds(name, stamps))
        return _object(name, series)  # Arrow's days
    if types.is_string_dtype(dtype) or types.is_object_dtype(dtype):
        return _object(name, series)
    instead = next((do for kind, do in _INSTEAD.items() if str(dtype).startswith(kind)), "")
    raise DataError(f"column {name!r} is of type {dtype}, which no formula can use{instead}")


def _number(name: str, series: Any) -> Column:
    from pandas.api import types

    if not types.is_integer_dtype(series.dtype):
        return Column("number", _floats(name, series))
    values = _floats(name, series)
    if not (np.abs(values) >= _EXACT).any():
        return Column("number", values, whole=True)
    # Identifiers of 64 bits: as floats, neighbours would become one level.
    if types.is_unsigned_integer_dtype(series.dtype) and series.max() > _LARGEST:
        raise _beyond(name)
    try:
        return Column("number", series.to_numpy(dtype=np.int64), whole=True)
    except (ValueError, OverflowError, TypeError):
        raise _beyond(name) from None


def _beyond(name: str) -> DataError:
    return DataError(
        f"column {name!r} holds integers beyond 2**53 that do not fit 64 bits, or with "
        "missing values among them; make it text"
    )


def _floats(name: str, series: Any) -> Any:
    with np.errstate(over="ignore"):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    wide = isinstance(series.dtype, np.dtype) and series.dtype.itemsize > values.itemsize
    if wide and (np.isinf(values) & np.isfinite(series.to_numpy())).any():
        raise DataError(f"column {name!r} holds a number too large for a float")
    return values


def _nanoseconds(name: str, stamps: Any) -> Any:
    """Return dates in the one unit; NumPy may make other dates of those that do not fit it."""
    if np.datetime_data(stamps.dtype)[0] != "ns":
        years = 1970 + stamps.astype("datetime64[Y]").astype(np.int64)
        far = ~np.isnat(stamps) & ((years < _FIRST) | (years > _LAST))
        if far.any():
            raise _far(name, stamps[far][0])
    return stamps.astype("datetime64[ns]")


def _far(name: str, found: Any) -> DataError:
    return DataError(
        f"column {name!r} holds the date {str(found)[:10]}; dates are from {_FIRST} to {_LAST}: "
        "make it text, or give years as numbers"
    )


def _object(name: str, series: Any) -> Column:
    """Return a column of Python objects, if all of them are of one kind."""
    import pandas as pd

    values = series.to_numpy(dtype=object, na_value=None)
    try:
        codes, found = pd.factorize(values, use_na_sentinel=True)
    except TypeError:
        raise DataError(
            f"column {name!r} holds lists or the like; make it all numbers or all text"
        ) from None
    kinds = {_kind(x) for x in found}
    if found.size and all(isinstance(x, date | np.datetime64) for x in found):
        stamps = np.array([*(_stamp(name, x) for x in found), None], dtype="datetime64[ns]")
        clocks = {getattr(x, "tzinfo", None) is None for x in found}
        if len(clocks) > 1:
            raise DataError(
                f"column {name!r} holds dates with and without a time zone; give all of them one"
            )
        return Column("datetime", stamps[codes])
    if len(kinds) > 1 or "other" in kinds:
        types = ", ".join(sorted({type(x).__name__ for x in found}))
        raise DataError(f"column {name!r} holds {types}; make it all numbers or all text")
    if kinds == {"text"}:
        _refuse_halves(found)
        return _sorted([str(x) for x in found], codes)
    # Numbers or booleans in a column of objects, or nothing but missing values.
    try:
        table = np.array([float(x) for x in found] + [np.nan])
    except OverflowError:
        raise DataError(f"column {name!r} holds a number too large for a float") from None
    whole = bool(kinds) and all(isinstance(x, numbers.Integral) for x in found)
    if whole and (np.abs(table) >= _EXACT).any():
        if (codes < 0).any() or max(found) > _LARGEST or min(found) < -_LARGEST:
            raise _beyond(name)
        return Column("number", np.array([int(x) for x in found])[codes], whole=True)
    return Column("boolean" if kinds == {"boolean"} else "number", table[codes], whole=whole)


def _refuse_halves(levels: Any) -> None:
    """Raise `UnicodeEncodeError` for half a character, which old versions of pandas do not.

    They take texts that have one for the same level.
    """
    for level in levels:
        if isinstance(level, str):
            level.encode()


def _stamp(name: str, found: Any) -> Any:
    """Return a date of whatever type; in UTC, where it has a time zone."""
    import pandas as pd

    stamp = pd.Timestamp(found)
    plain = stamp.tz_convert(None) if stamp.tz else stamp
    try:
        return plain.as_unit("ns").to_datetime64()
    except ValueError:
        raise _far(name, plain) from None


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, date) and not isinstance(value, datetime):
        return "date"
    # Decimal and Fraction are numbers too; a complex number is not one here.
    real = isinstance(value, numbers.Number) and not isinstance(value, complex)
    return "number" if real else "other"


def _sorted(levels: list[str], codes: Any) -> Column:
    """Return text as a category whose levels stand in code-point order."""
    order = sorted(range(len(levels)), key=levels.__getitem__)
    place = np.full(len(levels) + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(levels))
    return Column("category", place[codes], tuple(levels[i] for i in order))


def _category(name: str, series: Any) -> Column:
    categories = series.cat.categories
    _refuse_halves(categories)
    levels = tuple(x.item() if isinstance(x, np.generic) else x for x in categories)
    if any(_kind(x) == "other" for x in levels):
        # Intervals from pandas.cut, dates: their text is what people read.
        levels = tuple(str(x) for x in levels)
        if len(set(levels)) < len(levels):
            raise DataError(f"two categories of column {name!r} read the same; make them text")
    return Column("category", series.cat.codes.to_numpy().astype(np.int64), levels)
