"""Bad tables and bad numbers: what is given, and what hierglm must make of it.

Each case is a formula and a family with 24 rows of y, x, g and what the case puts in their
place; then what must come: an error with the words that teach, notes, or the design of another,
clean table. Nothing here needs a posterior: what would be sampled is in the design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from hierglm.errors import DataError, FormulaError, ResponseError

ROWS = 24
_RNG = np.random.default_rng(8)
X = _RNG.normal(size=ROWS)
Y = X + _RNG.normal(size=ROWS)
G = np.repeat(list("abcd"), 6)
COUNT = _RNG.poisson(2.0, ROWS)
HALF = np.arange(ROWS) % 2
DAYS = np.array(["2020-03-28", "2020-03-29", "2020-03-30", "2020-03-31"], dtype="M8[ns]")
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Says:
    """An error of this class, with each of these words."""

    error: type[Exception]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Notes:
    """No error; as many notes as there are texts, each with its words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Same:
    """The design of a formula on a clean table, with as many notes as these texts, as above."""

    formula: str
    columns: Mapping[str, Any]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """What is asked, and what must come."""

    formula: str
    data: Any
    expected: Says | Notes | Same
    family: str = "gaussian"


def table(**columns: Any) -> dict[str, Any]:
    """Return the rows of every case, with other columns in place or beside."""
    return {"y": Y, "x": X, "g": G, **columns}


def objects(values: Any) -> pd.Series:
    """Return a column of Python objects."""
    return pd.Series(list(values), dtype=object)


def frame(**columns: Any) -> pd.DataFrame:
    """Return the same as pandas has it."""
    return pd.DataFrame(table(**columns))


def arrow(values: Any, kind: pa.DataType) -> Any:
    """Return a column of one of Arrow's types."""
    return pd.array(list(values), dtype=pd.ArrowDtype(kind))


def refused(*words: str) -> Says:
    """Return a DataError with these words."""
    return Says(DataError, words)


def outside(*words: str) -> Says:
    """Return a ResponseError with these words."""
    return Says(ResponseError, words)


def same(formula: str = "y ~ x", *words: str, **columns: Any) -> Same:
    """Return the design of a formula on the clean table, but these columns."""
    return Same(formula, table(**columns), words)


def dropped(column: str, count: int) -> Notes:
    """Return the note on rows without a value in a column."""
    return Notes((f"{count} of 24 rows dropped: missing values in {column!r} ({count})",))


IDENTIFIERS = ("column 'x' holds integers beyond 2**53", "make it text")
UNIT = ("give it in another unit, divided by 1e",)
_SIGMA = "nothing is left for sigma"
BY_G, BY_X = "y ~ (1 | g)", "y ~ (1 | x)"

TABLES = {
    "no rows": Case("y ~ x", frame().iloc[:0], refused("the table has no rows")),
    "no columns": Case("y ~ x", pd.DataFrame(), Says(FormulaError, ("no column 'y'",))),
    "no table": Case("y ~ x", None, refused("pandas, polars or pyarrow", "found NoneType")),
    "an array with fields": Case(
        "y ~ x", np.rec.fromarrays([Y, X], names="y,x"), refused("found recarray")
    ),
    "one row": Case("y ~ 1", {"y": [2.0]}, Notes(())),
    "one row and a column": Case("y ~ x", {"y": [2.0], "x": [1.0]}, Notes(("'x' is constant",))),
    "more columns than rows": Case(
        "y ~ x + z + w", {"y": [1.0, 2, 4], "x": [1, 2, 4], "z": [1, 0, 1], "w": [3, 1, 9]},
        Notes(("column 'w' is a combination of the columns before it",)),
    ),
    "nothing but missing values": Case(
        "y ~ x", table(y=[None] * ROWS), refused("no row is complete", "'y' (24)")
    ),
    "rows in disorder": Case("y ~ x + (1 | g)", frame().iloc[::-1], Same(
        "y ~ x + (1 | g)", {"y": Y[::-1], "x": X[::-1], "g": G[::-1]})),
    "an index with duplicates": Case("y ~ x", frame().set_index("g", drop=False), same()),
    "an index of several levels": Case(
        "y ~ x", frame().set_index(["g", "x"], drop=False), same()
    ),
    "a column in the index": Case(
        "y ~ x + (1 | g)", frame().set_index("g"),
        Says(FormulaError, ("'g'; it is in the index", "data.reset_index()")),
    ),
    "columns of several levels": Case(
        "y ~ x", pd.DataFrame({("y", ""): Y, ("x", "a"): X}), Says(FormulaError, ("('x', 'a')",))
    ),
    "columns of several levels, quoted": Case(
        "`('y', '')` ~ `('x', 'a')`", pd.DataFrame({("y", ""): Y, ("x", "a"): X}), same()
    ),
    "two columns of a name": Case(
        "y ~ x", pd.DataFrame(np.column_stack([Y, X, X]), columns=["y", "x", "x"]),
        refused("2 columns are called 'x'; rename all but one"),
    ),
    "a number and a text as names": Case(
        "y ~ `0`", pd.DataFrame(np.column_stack([Y, X, X]), columns=["y", 0, "0"]),
        refused("2 columns are called '0'"),
    ),
    "a column of a mapping with two dimensions": Case(
        "y ~ x", table(x=np.column_stack([X, X])), refused("'x' has the shape (24, 2)", "name")
    ),
    "lists of several lengths": Case(
        "y ~ x", table(x=[[1.0]] * 23 + [[1.0, 2.0]]), refused("'x' holds lists")
    ),
    "a generator": Case("y ~ x", table(x=iter(range(24))), refused("'x': no rows")),
    "a range": Case("y ~ x", table(x=range(24)), same(x=np.arange(24.0))),
    "a masked array": Case("y ~ x", table(x=np.ma.masked_array(X, HALF)), dropped("x", 12)),
    "a column named like a parameter": Case(
        "y ~ sigma + b + lp__ + (1 | sd)", {"y": Y, "sigma": X, "b": X**2, "lp__": X**3, "sd": G},
        Same("y ~ p + q + r + (1 | g)", table(p=X, q=X**2, r=X**3)),
    ),
    "a column named Intercept": Case(
        "y ~ Intercept", table(Intercept=X), refused("two columns", "'Intercept'", "rename")
    ),
    "a column named like a level": Case(
        "y ~ g + `g[T.b]`", table(**{"g[T.b]": X}), refused("two columns", "'g[T.b]'", "rename")
    ),
    "columns named 1 and a b": Case(
        "y ~ `1` + `a b`", {"y": Y, "1": X, "a b": X**2}, same("y ~ x + z", z=X**2)
    ),
    "the response on both sides": Case("y ~ y", table(), Says(FormulaError, ("explain itself",))),
    "polars": Case("y ~ x + (1 | g)", pl.DataFrame(table()), same("y ~ x + (1 | g)")),
    "pyarrow": Case("y ~ x + (1 | g)", pa.table(table()), same("y ~ x + (1 | g)")),
}  # fmt: skip

NUMBERS = {
    "an infinite response": Case(
        "y ~ x", table(y=np.where(np.arange(24) == 3, INF, Y)), refused("y is inf in row 4")
    ),
    "an infinite Decimal": Case(
        "y ~ x", table(x=[*map(Decimal, range(23)), Decimal("Infinity")]), refused("inf in row 24")
    ),
    "a Decimal that is none": Case(
        "y ~ x", table(x=[*map(Decimal, range(23)), Decimal("NaN")]), dropped("x", 1)
    ),
    "Decimals": Case("y ~ x", table(x=[Decimal(i) / 4 for i in range(24)]), same(
        x=np.arange(24) / 4)),
    "half precision": Case("y ~ x", table(x=X.astype("f2")), same(x=X.astype("f2") * 1.0)),
    "extended precision": Case("y ~ x", frame(x=X.astype(np.longdouble)), same()),
    "minus zero": Case("y ~ x", table(x=HALF * -0.0 + 1 - HALF), same(x=1.0 - HALF)),
    "sparse numbers": Case(
        "y ~ x", frame(x=pd.arrays.SparseArray(HALF * 1.5)), same(x=HALF * 1.5)
    ),
    "sparse truths": Case("y ~ x", frame(x=pd.arrays.SparseArray(HALF > 0)), same(x=HALF > 0)),
    "Float64 with NA": Case(
        "y ~ x", frame(x=pd.array([None, *X[1:]], dtype="Float64")), dropped("x", 1)
    ),
    "Arrow's numbers": Case("y ~ x", frame(x=arrow(X, pa.float64())), same()),
    "Arrow's truths": Case("y ~ x", frame(x=arrow(HALF > 0, pa.bool_())), same(x=HALF > 0)),
    "Arrow's decimals": Case(
        "y ~ x", frame(x=arrow([Decimal(i) / 4 for i in range(24)], pa.decimal128(9, 2))),
        same(x=np.arange(24) / 4),
    ),
    "numbers and truths": Case("y ~ x", table(x=objects([2, True, 0, False] * 6)), refused(
        "'x' holds bool, int", "all numbers or all text")),
    "integers and floats": Case(
        "y ~ x", table(x=objects([1, 2.5, 0] * 8)), same(x=[1, 2.5, 0] * 8)
    ),
    "64 bits as a predictor": Case(
        "y ~ x", table(x=2**63 - 1 - np.arange(24)),
        refused("x holds whole numbers beyond 2**53", "subtract a number first"),
    ),
    "64 bits, far apart": Case(
        "y ~ x", table(x=2**60 + 2**50 * np.arange(24)),
        same(x=2.0**60 + 2.0**50 * np.arange(24)),
    ),
    "unsigned 64 bits": Case(
        "y ~ x", table(x=np.uint64(2**64 - 1) - np.arange(24, dtype="u8")), refused(*IDENTIFIERS)
    ),
    "unsigned 64 bits as groups": Case(
        BY_X, table(x=np.uint64(2**64 - 1) - HALF.astype("u8")), refused(*IDENTIFIERS)
    ),
    "objects of 60 bits as groups": Case(
        BY_X, table(x=objects(2**60 + int(h) for h in HALF)), same(BY_X, x=2**60 + HALF)
    ),
    "objects of 70 bits as groups": Case(
        BY_X, table(x=objects(2**70 + int(h) for h in HALF)), refused(*IDENTIFIERS)
    ),
    "objects of 60 bits with None": Case(
        BY_X, table(x=objects([None, *(2**60 + int(h) for h in HALF[1:])])), refused(*IDENTIFIERS)
    ),
    "a response of 1e200": Case("y ~ x", table(y=Y * 1e200), refused("y is", *UNIT)),
    "a response of 1e-200": Case("y ~ x", table(y=Y * 1e-200), refused("y is", *UNIT)),
    "a subnormal response": Case("y ~ x", table(y=Y * 1e-310), refused("y is", *UNIT)),
    "a predictor of 1e300": Case("y ~ x + (1 | g)", table(x=X * 1e300), refused("x is", *UNIT)),
    "a predictor of 1e-300": Case("y ~ x + (1 | g)", table(x=X * 1e-300), refused("x is", *UNIT)),
    "a predictor of a count of 1e200": Case(
        "y ~ x", table(y=COUNT, x=X * 1e200), refused("x is", *UNIT), "poisson"
    ),
    "a slope's column of 1e-200": Case("y ~ (x | g)", table(x=X * 1e-200), refused("x is", *UNIT)),
    "a square that overflows": Case("y ~ I(x^2)", table(x=X * 1e200), refused("I(x^2) is inf")),
    "a product that overflows": Case("y ~ x:z", table(x=X * 1e200, z=X * 1e200), refused("is inf")),
    "an exponential that overflows": Case("y ~ exp(x)", table(x=X * 1e4), refused("exp(x) is inf")),
    "a logarithm of zero": Case("log(y) ~ x", table(y=HALF), refused("log(y) is -inf in row 1")),
    "extended precision of 1e400": Case(
        "y ~ x", frame(x=X.astype(np.longdouble) * np.longdouble("1e400")),
        refused("'x' holds a number too large for a float"),
    ),
    "numbers about 1e15": Case("y ~ x", table(x=X + 1e15), same(x=X + 1e15)),
    "a constant response": Case("y ~ x", table(y=np.full(24, 0.1)), Notes((_SIGMA,))),
    "a response of zeros": Case("y ~ 0 + x", table(y=np.zeros(24)), Notes((_SIGMA,))),
    "a response that columns give exactly": Case(
        "y ~ x + z", table(y=2 * X - 3 * X**2 + 1, z=X**2), Notes((_SIGMA,))
    ),
    "a constant column": Case("y ~ x + z", table(z=[0.1] * 24), Notes(("'z' is constant",))),
    "a column of rounding errors": Case(
        "y ~ x + z", table(z=0.3 + HALF * 5.6e-17), Notes(("'z' is constant",))
    ),
    "a column twice": Case("y ~ x + z", table(z=X), Notes(("'z' is a combination",))),
    "collinear columns": Case(
        "y ~ x + z + w", table(z=X**2, w=X - 2 * X**2), Notes(("'w' is a combination",))
    ),
    "collinear columns of all scales": Case(
        "y ~ x + z + w", table(x=X * 1e-80, z=X**2 * 1e80, w=X - 2 * X**2),
        Notes(("'w' is a combination",)),
    ),
}  # fmt: skip
if np.finfo(np.longdouble).maxexp == np.finfo(np.float64).maxexp:
    # Where there is no extended precision there is no such number.
    del NUMBERS["extended precision of 1e400"]
