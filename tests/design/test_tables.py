"""Tables of every kind, missing values, and what a table may not hold."""

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.design.table import Table
from hierglm.errors import DataError, FormulaError, ResponseError, SettingsError
from hierglm.formula.parse import parse

DAY = datetime.date(2020, 2, 28)
DAYS = [DAY, DAY + datetime.timedelta(days=2), DAY]
ENUM = pl.Enum(["low", "high", "never"])
DICTIONARY = pa.DictionaryArray.from_arrays([0, 1, 0], ["low", "high", "never"])
CATEGORY = pd.Categorical(["low", "high", "low"], categories=["low", "high", "never"])
NAN = float("nan")

# Kind of column; the same in pandas, polars and pyarrow; what it is inside: kind, values, levels.
SAME = {
    "integers": (
        [pd.Series([3, 1, 2]), pl.Series([3, 1, 2]), pa.array([3, 1, 2])],
        ("number", [3.0, 1.0, 2.0], None),
    ),
    "small unsigned integers": (
        [np.array([3, 1, 2], dtype="u1"), pl.Series([3, 1, 2], dtype=pl.UInt8),
         pa.array([3, 1, 2], pa.uint8())],
        ("number", [3.0, 1.0, 2.0], None),
    ),
    "integers with a missing one": (
        [pd.array([3, None, 2], dtype="Int64"), pl.Series([3, None, 2]), pa.array([3, None, 2])],
        ("number", [3.0, NAN, 2.0], None),
    ),
    "floats": (
        [pd.Series([0.5, NAN, 2]), pl.Series([0.5, None, 2.0]), pa.array([0.5, None, 2.0])],
        ("number", [0.5, NAN, 2.0], None),
    ),
    "floats with NaN": (
        [np.array([0.5, NAN, 2], dtype="f4"), pl.Series([0.5, NAN, 2.0]),
         pa.array([0.5, NAN, 2.0])],
        ("number", [0.5, NAN, 2.0], None),
    ),
    "booleans": (
        [pd.Series([True, False, True]), pl.Series([True, False, True]),
         pa.array([True, False, True])],
        ("boolean", [1.0, 0.0, 1.0], None),
    ),
    "booleans with a missing one": (
        [pd.array([True, None, False], dtype="boolean"), pl.Series([True, None, False]),
         pa.array([True, None, False]), pd.Series([True, None, False], dtype=object)],
        ("boolean", [1.0, NAN, 0.0], None),
    ),
    "text": (
        [pd.Series(["b", "a", "b"]), pl.Series(["b", "a", "b"]), pa.array(["b", "a", "b"]),
         pd.Series(["b", "a", "b"], dtype=object), np.array(["b", "a", "b"]),
         pl.Series(["b", "a", "b"], dtype=pl.Categorical),
         pa.array(["b", "a", "b"], pa.large_string())],
        ("category", [1, 0, 1], ("a", "b")),
    ),
    "text with a missing one": (
        [pd.array(["b", None, "a"], dtype="string"), pl.Series(["b", None, "a"]),
         pa.array(["b", None, "a"]), pd.Series(["b", NAN, "a"], dtype=object),
         pd.Series(["b", pd.NA, "a"], dtype=object)],
        ("category", [1, -1, 0], ("a", "b")),
    ),
    "categories as declared": (
        [CATEGORY, pl.Series(["low", "high", "low"], dtype=ENUM), DICTIONARY],
        ("category", [0, 1, 0], ("low", "high", "never")),
    ),
    "dates": (
        [pd.Series(pd.to_datetime(DAYS)), pl.Series(DAYS), pa.array(DAYS),
         pd.Series(DAYS, dtype=object)],
        ("datetime", np.array(DAYS, dtype="datetime64[ns]"), None),
    ),
    "dates with a missing one": (
        [pd.Series(pd.to_datetime([DAY, None])), pl.Series([DAY, None]), pa.array([DAY, None]),
         pd.Series([DAY, None], dtype=object)],
        ("datetime", np.array([DAY, "NaT"], dtype="datetime64[ns]"), None),
    ),
    "decimals": (
        [pd.Series([Decimal("1.5"), None], dtype=object), pl.Series([Decimal("1.5"), None]),
         pa.array([Decimal("1.5"), None])],
        ("number", [1.5, NAN], None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_a_column_is_the_same_from_wherever_it_comes(kind):
    columns, (inside, values, levels) = SAME[kind]
    for column in columns:
        if isinstance(column, pl.Series):
            table = pl.DataFrame({"g": column})
        elif isinstance(column, pa.Array):
            table = pa.table({"g": column})
        else:
            table = pd.DataFrame({"g": column})
        for data in (table, {"g": column}):
            found = as_table(data).column("g")
            assert found.kind == inside, type(column)
            assert found.levels == levels
            np.testing.assert_array_equal(found.values, values)
            gone = found.values < 0 if inside == "category" else pd.isna(values)
            np.testing.assert_array_equal(found.missing, gone)


def test_integers_are_whole_and_floats_are_not():
    data = {"i": [1, 2], "f": [1.0, 2.0], "u": pd.array([1, None], dtype="Int64")}
    assert [as_table(data).column(c).whole for c in "ifu"] == [True, False, True]


DROPS = pd.DataFrame(
    {
        "y": [1.0, 2, NAN, 4, 5, 6],
        "x": [1.0, NAN, NAN, 4, 5, 6],
        "f": ["a", "b", "a", None, "b", "a"],
        "w": [1.0, 2, 3, 4, 5, 6],
        "unused": [NAN] * 6,
    },
    index=[7, 7, 3, 1, 0, -2],
)


def test_rows_with_missing_values_are_dropped_everywhere_and_counted():
    design = encode(parse("y | weights(w) ~ x + offset(w) + (x | f)"), as_table(DROPS))
    kept = [0, 4, 5]
    np.testing.assert_array_equal(design.kept, kept)
    np.testing.assert_array_equal(design.response.rows, kept)
    np.testing.assert_array_equal(design.response.values, [1, 5, 6])
    np.testing.assert_array_equal(design.response.weights, [1, 5, 6])
    np.testing.assert_array_equal(design.offset, [1, 5, 6])
    np.testing.assert_array_equal(design.common.matrix[:, 0], [1, 5, 6])
    np.testing.assert_array_equal(design.groups[0].index, [0, 1, 0])
    np.testing.assert_array_equal(design.groups[0].effects.matrix[:, 1], [1, 5, 6])
    assert (design.rows, design.total) == (3, 6)
    assert design.notes == ("3 of 6 rows dropped: missing values in 'y' (1), 'x' (2), 'f' (1)",)
    assert design.table.rows == 3
    response, group = design.response, design.groups[0]
    arrays = [design.kept, response.values, response.weights, design.offset, design.common.matrix]
    arrays += [group.index, group.effects.matrix]
    assert not any(a.flags.writeable for a in arrays)


def test_missing_values_can_be_refused():
    formula = parse("y ~ x + f")
    with pytest.raises(DataError, match=r"3 of 6 rows have missing values: .*the first is row 2"):
        encode(formula, as_table(DROPS), missing="error")
    whole = as_table(DROPS.dropna(subset=["f", "x"]))
    assert encode(formula, whole, missing="error").rows == 3
    with pytest.raises(SettingsError, match="'drop' or 'error'"):
        encode(formula, as_table(DROPS), missing="keep")


def test_nothing_left():
    with pytest.raises(DataError, match=r"no row is complete; missing values: 'unused' \(6\)"):
        encode(parse("y ~ unused"), as_table(DROPS.assign(y=1.0)))
    with pytest.raises(DataError, match="the table has no rows"):
        encode(parse("y ~ x"), as_table(DROPS.iloc[:0]))


def test_the_caller_s_table_is_not_touched():
    frame = DROPS.assign(c=pd.Categorical(DROPS["f"], categories=["b", "z", "a"]))
    before, flags = frame.copy(deep=True), frame.to_numpy(copy=False).flags.writeable
    written = []

    def greedy(x):
        written.append(True)
        x = np.array(x)
        x[:] = 0
        return x + 1

    formula = parse("y ~ x*c + greedy(x) + (x | f)", functions=("greedy",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(formula, as_table(frame), functions={"greedy": greedy})
    assert written
    pd.testing.assert_frame_equal(frame, before)
    assert frame.to_numpy(copy=False).flags.writeable == flags
    frame.loc[7, "x"] = 8.0  # still the caller's own to write


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.0, 2.0, np.inf], r"x is inf in row 3; every value must be finite"),
        (["a", 1, "b"], "column 'x' holds int, str; make it all numbers or all text"),
        ([1j, 2, 3], "column 'x' holds complex numbers"),
        (pd.to_timedelta([1, 2, 3], unit="D"), "is of type timedelta64"),
        (pd.Series([[1], [2], [3]], dtype=object), "column 'x' holds lists or the like"),
        (pd.Series([object()] * 3, dtype=object), "column 'x' holds object"),
        (pd.Series([1, 2, 10**400], dtype=object), "column 'x' holds a number too large"),
        (pd.to_datetime(["2020-01-01"] * 3), "column 'x' holds dates; as a predictor"),
        (["a", "a", "a"], "factor 'x' has one level, 'a'"),
    ],
)
def test_columns_that_no_predictor_can_be(column, message):
    with pytest.raises(DataError, match=message):
        encode(parse("y ~ x"), as_table({"y": [1.0, 2, 4], "x": column}))


def test_tables_that_are_none():
    lengths = "the columns must have one length; found 'x': 2 rows, 'y': 3 rows"
    with pytest.raises(DataError, match=lengths):
        as_table({"x": [1, 2], "y": [1, 2, 3]})
    with pytest.raises(DataError, match="'y': no rows"):
        as_table({"x": [1, 2], "y": 3})
    with pytest.raises(DataError, match="found no columns"):
        as_table({})
    with pytest.raises(DataError, match=r"found LazyFrame; call \.collect\(\) first"):
        as_table(pl.LazyFrame({"x": [1]}))
    for data in (None, "table.csv", [1, 2], np.ones((3, 2)), pd.Series([1.0])):
        with pytest.raises(DataError, match="must be a pandas, polars or pyarrow table"):
            as_table(data)


def test_names_of_columns():
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3) ** 2, columns=[0, "x", "x"])
    table = as_table(frame)
    assert table.columns == ("0", "x", "x")
    with pytest.raises(DataError, match="2 columns are called 'x'; rename all but one"):
        encode(parse("`0` ~ x"), table)
    frame.columns = [0, 1.5, ("a", "b")]
    made = encode(parse("`0` ~ `1.5` + `('a', 'b')`"), as_table(frame)).common
    assert made.labels == ("1.5", "('a', 'b')")
    np.testing.assert_array_equal(made.matrix, frame.iloc[:, 1:])
    with pytest.raises(FormulaError, match=r"no column 'scool'; did you mean 'school'\?") as caught:
        encode(parse("y ~ (1 | scool)"), as_table({"y": [1.0], "school": ["a"]}))
    assert (caught.value.start, caught.value.end) == (9, 14)


def test_columns_named_like_our_identifiers():
    r = np.random.default_rng(3)
    names = ["_col_x", "_fn_x", "_levels_x", "x", "class", "log", "operand_0", "1", "__index__"]
    data = {name: r.normal(size=8) for name in names}
    formula = "y ~ 0 + " + " + ".join(f"`{n}` + exp(`{n}`)" for n in names)
    made = encode(parse(formula), as_table({"y": r.normal(size=8), **data})).common
    order = [*names, *(f"exp(`{n}`)" for n in names)]
    assert sorted(made.labels) == sorted(order)
    for label, column in zip(made.labels, made.matrix.T, strict=True):
        name = label.removeprefix("exp(`").removesuffix("`)")
        expected = np.exp(data[name]) if label.startswith("exp(") else data[name]
        np.testing.assert_array_equal(column, expected)


RESPONSES = [
    ("y ~ x", {"y": ["won", "lost", "won"]}, [1, 0, 1], ("lost", "won")),
    ("y ~ x", {"y": pd.Categorical(["won", "lost", "won"], ["won", "lost"])},
     [0, 1, 0], ("won", "lost")),
    ("y ~ x", {"y": ["a", "c", "b"]}, [0, 2, 1], ("a", "b", "c")),
    ("y ~ x", {"y": [True, False, True]}, [1, 0, 1], None),
    ("log(y) ~ x", {"y": [1.0, 2.0, 4.0]}, np.log([1.0, 2, 4]), None),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "column", "values", "levels"), RESPONSES)
def test_responses(formula, column, values, levels):
    design = encode(parse(formula), as_table({"x": [1.0, 2, 4], **column}))
    np.testing.assert_array_equal(design.response.values, values)
    assert design.response.levels == levels
    notes = ()
    if levels and len(levels) == 2:
        notes = (f"response 'y': {levels[1]!r} counts as 1, {levels[0]!r} as 0",)
    assert design.notes == notes


def test_what_is_known_of_each_row():
    data = as_table(
        {"s": [1, 0, 3], "f": [2, 4, 1], "n": [3, 5, 9], "w": [1.0, 0.5, 0], "x": [1, 2, 4]}
    )
    both = encode(parse("cbind(s, f) | weights(w) ~ x"), data).response
    np.testing.assert_array_equal(both.trials, [3, 4, 4])
    np.testing.assert_array_equal(both.weights, [1, 0.5, 0])
    np.testing.assert_array_equal(
        encode(parse("cbind(s, n - s) ~ x"), data).response.trials, [3, 5, 9]
    )
    np.testing.assert_array_equal(
        encode(parse("s | trials(n) ~ x"), data).response.trials, [3, 5, 9]
    )
    np.testing.assert_array_equal(
        encode(parse("s | trials(9) ~ x"), data).response.trials, [9, 9, 9]
    )
    known = encode(parse("x | se(n / 2, sigma=TRUE) ~ 1"), data).response
    np.testing.assert_array_equal(known.se, [1.5, 2.5, 4.5])
    assert known.se_and_sigma


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ("y | weights(w)", "weights must be >= 0; row 3 has -1"),
        ("y | weights(z)", "every weight is 0"),
        ("y | se(z)", "standard errors must be greater than 0; row 1 has 0"),
        ("cbind(y, w)", "failures must be >= 0; row 3 has -1"),
        ("log(w)", r"log\(w\) is nan in row 3"),
        ("t", "the response 't' holds dates"),
        ("y | weights(f)", "'f' must be a column of numbers"),
    ],
)
def test_responses_that_cannot_be(left, message):
    data = {"y": [1.0, 2, 4], "w": [1.0, 2, -1], "z": [0.0, 0, 0], "x": [1, 2, 4],
            "t": pd.to_datetime(["2020-01-01"] * 3), "f": list("aba")}  # fmt: skip
    with pytest.raises((ResponseError, DataError), match=message):
        encode(parse(f"{left} ~ x"), as_table(data))


def test_rows_in_messages_count_the_rows_dropped_before():
    data = {"y": [1.0, 2, 4, 5], "x": [NAN, 3.0, -1.0, 2.0]}
    with pytest.raises(DataError, match=r"log\(x\) is nan in row 3"):
        encode(parse("y ~ log(x)"), as_table(data))


def test_arrays_and_back():
    data = {
        "i": [1, 2, 2**60 + 1],
        "f": [0.1, NAN, -0.0],
        "b": [True, False, True],
        "s": ["é", None, "a"],
        "c": pd.Categorical([2.5, 0.1, 2.5]),
        "n": pd.Categorical([3, 1, 3], categories=[3, 2, 1]),
        "k": pd.Categorical([True, False, True]),
        "t": np.array(["2020-01-01T00:00:00.000000001", "NaT", "1677-10-01"], "M8[ns]"),
    }
    table = as_table(data)
    description, arrays = table.to_arrays()
    again = Table.from_arrays(description, arrays)
    assert (again.columns, again.rows) == (table.columns, 3)
    for name in data:
        one, two = table.column(name), again.column(name)
        assert (one.kind, one.levels, one.whole) == (two.kind, two.levels, two.whole)
        assert list(map(type, one.levels or ())) == list(map(type, two.levels or ()))
        assert one.values.dtype == two.values.dtype
        np.testing.assert_array_equal(one.values, two.values)
        assert not two.values.flags.writeable
    assert np.signbit(again.column("f").values[2])
