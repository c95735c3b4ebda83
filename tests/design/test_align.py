"""New data are read as the fitted data were, or refused; never as something else."""

import pickle

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode, encode_new
from hierglm.design.reading import as_table
from hierglm.errors import DataError
from hierglm.formula.parse import parse

ROWS = 12
TABLE = pd.DataFrame(
    {
        "y": np.linspace(1, 5, ROWS) ** 2,
        "x": np.linspace(-1, 3, ROWS),
        "f": np.array(list("abc"))[np.arange(ROWS) % 3],
        "k": np.arange(ROWS) % 3 + 1,
        "c": pd.Categorical(np.arange(ROWS) % 3 + 1),
        "g": np.array(["p", "q"])[np.arange(ROWS) % 2],
        "b": np.arange(ROWS) % 2 == 0,
        "day": pd.date_range("2020-01-01", periods=ROWS),
        "won": np.array(["no", "yes"])[np.arange(ROWS) % 2],
    }
)


def design_of(text):
    table = as_table(TABLE)
    return encode(parse(text, table.columns), table)


def again(text, response=False, **columns):
    """Return the first rows of the table, with some columns replaced, encoded as new data."""
    return encode_new(design_of(text), as_table(TABLE.head(6).assign(**columns)), response=response)


def of(column):
    return TABLE[column].head(6)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("y ~ x", {"x": of("x").astype(object)}),
        ("y ~ b", {"b": of("b").astype(int)}),
        ("y ~ b + (b | g)", {"b": of("b").astype(float)}),
        ("y ~ c", {"c": of("c").astype(int)}),
        ("y ~ c", {"c": of("c").astype(float)}),
        ("y ~ k", {"k": of("k").astype("category")}),
        ("y ~ factor(k)", {"k": of("k").astype(float)}),
        ("y ~ f", {"f": of("f").astype("category")}),
        ("y ~ (1 | k)", {"k": of("k").astype(float)}),
        ("y ~ (1 | k)", {"k": of("k").astype("category")}),
        ("y ~ (1 | g/k)", {"k": of("k").astype(float)}),
        ("y ~ (1 | c:g)", {"c": of("c").astype(int)}),
        ("y ~ (1 | day)", {"day": of("day").dt.date}),
    ],
)
def test_the_same_values_in_another_type_are_the_same(text, changed):
    found, expected = again(text, **changed), design_of(text)
    np.testing.assert_array_equal(found.common.matrix, expected.common.matrix[:6])
    for one, other in zip(found.groups, expected.groups, strict=True):
        np.testing.assert_array_equal(one.index, other.index[:6])
        np.testing.assert_array_equal(one.effects.matrix, other.effects.matrix[:6])


@pytest.mark.parametrize(
    ("text", "changed", "message"),
    [
        ("y ~ x", {"x": "1"}, "'x' held numbers .* and holds text in the new data"),
        ("y ~ log(x + 2)", {"x": "1"}, "'x' held numbers .* and holds text"),
        ("y ~ b", {"b": "TRUE"}, "'b' held true and false .* and holds text"),
        ("y ~ f", {"f": 1}, "'f' held text .* and holds numbers"),
        ("y ~ c", {"c": "1"}, "'c' held categories .* and holds text"),
        ("y ~ (1 | k)", {"k": "1"}, "'k' held numbers .* and holds text"),
        ("y ~ (1 | g)", {"g": 1}, "'g' held text .* and holds numbers"),
        ("y ~ (1 | g:k)", {"k": "1"}, "'k' held numbers .* and holds text"),
        ("y ~ (1 | day)", {"day": "2020-01-01"}, "'day' held dates .* and holds text"),
        ("y ~ x", {"x": [np.inf, 1, 2, 3, 4, 5]}, "x is inf in row 1"),
        ("y ~ log(x + 2)", {"x": [1, -3, 2, 3, 4, 5]}, r"log\(x \+ 2\) is nan in row 2"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(text, changed, message):
    with pytest.raises(DataError, match=message):
        again(text, **changed)


def test_centres_are_those_of_the_fitted_rows_everywhere():
    for text in ("y ~ offset(scale(x))", "y ~ offset(poly(x, 1)) + offset(x)"):
        np.testing.assert_array_equal(again(text).offset, design_of(text).offset[:6])
    text = "scale(y) ~ x"
    found = again(text, response=True).response.values
    np.testing.assert_array_equal(found, design_of(text).response.values[:6])
    assert np.isnan(again(text).response.values).all()


def test_a_response_counts_as_it_did():
    assert again("won ~ x", response=True, won="yes").response.values.tolist() == [1.0] * 6
    assert again("won ~ x", response=True, won="yes").response.levels == ("no", "yes")
    with pytest.raises(DataError, match="has the new level 'maybe'"):
        again("won ~ x", response=True, won="maybe")


def test_a_response_with_one_level_is_refused():
    table = as_table(TABLE[TABLE["won"] == "yes"])
    with pytest.raises(DataError, match="has one level, 'yes', in the rows used"):
        encode(parse("won ~ x"), table)


def test_factor_of_a_response():
    for text, levels in {
        "factor(won) ~ x": ("no", "yes"),
        "factor(b) ~ x": ("False", "True"),
        "factor(k) ~ x": ("1", "2", "3"),
    }.items():
        response = design_of(text).response
        assert response.levels == levels
        assert sorted(set(response.values)) == list(range(len(levels)))


@pytest.mark.parametrize("text", ["y ~ x + (1 | g)", "y ~ C(f, contr.sum)*poly(x, 2) + (f | g:k)"])
def test_a_design_that_was_pickled_still_encodes(text):
    design = pickle.loads(pickle.dumps(design_of(text)))
    found = encode_new(design, as_table(TABLE.head(6)))
    np.testing.assert_array_equal(found.common.matrix, design_of(text).common.matrix[:6])
    np.testing.assert_array_equal(found.groups[0].index, design.groups[0].index[:6])


def test_all_missing_is_missing_whatever_the_type():
    with pytest.raises(DataError, match=r"no row is complete; missing values: 'f' \(6\)"):
        again("y ~ f", f=None)
