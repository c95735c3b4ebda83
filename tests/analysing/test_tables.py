"""Tables of an analysis file: what expressions give, by hand; what they cannot do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.analysing.tables import evaluate, read_data
from hierglm.errors import AnalysisError, DataError, FormulaError

NAN = float("nan")
TABLE = {
    "x": [1.0, 4.0, NAN, 16.0],
    "g": ["a", "b", "b", "a"],
    "my col": [1, 2, 3, 4],
    "y": [0] * 4,
}

EXPRESSIONS = {
    "x + 1": [2, 5, NAN, 17],
    "log2(x) / 2": [0, 1, NAN, 2],
    "x^2": [1, 16, NAN, 256],
    'g == "a"': [1, 0, 0, 1],
    'g == "="': [0, 0, 0, 0],
    '(x > 1) & (g == "b")': [0, 1, NAN, 0],
    "`my col` >= 3": [0, 0, 1, 1],
    "not x > 4": [1, 1, NAN, 0],
    "center(x)": [-6, -3, NAN, 9],
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_what_expressions_give(text):
    np.testing.assert_allclose(evaluate(text, TABLE), EXPRESSIONS[text], rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "said", "start"),
    [
        ("lg(x)", "'lg' is not a function", 0),
        ("xx + 1", "no column 'xx'; did you mean 'x'?", 0),
        ('x + __import__("os")', "'__import__' is not a function", 4),
        ("x.real", "no column 'x.real'", 0),
        ("x = 1", "write '=='", 2),
        ("x) + I(x", "not one number a row", 0),
        ("x ~ y", "cannot be read", None),
        ("factor(g)", "", None),
        ("g", "", None),
        ("poly(x, 2)", "", None),
        ("", "", None),
    ],
)
def test_what_cannot_be_read_points_into_the_text(text, said, start):
    with pytest.raises(FormulaError) as found:
        evaluate(text, TABLE)
    assert found.value.source == text
    assert said in found.value.message
    if start is not None:
        assert found.value.start == start


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame(TABLE).assign(dose=["mid", "low", "high", "low"]).to_csv(path, index=False)
    return path


def test_columns_are_made_before_rows_are_left_out(csv):
    keys = {"columns": {"half": "x / 2", "big": "half > 1"}, "where": ["big", 'g == "b"']}
    found = read_data("data.d", keys, csv)
    assert found[["x", "half", "big"]].values.tolist() == [[4.0, 2.0, 1.0]]


def test_factors_and_levels(csv):
    keys = {"factors": ["my col"], "levels": {"dose": ["low", "mid", "high"]}}
    found = read_data("data.d", keys, csv)
    assert found["my col"].cat.categories.tolist() == [1, 2, 3, 4]
    assert found["dose"].cat.codes.tolist() == [1, 0, 2, 0]


MISTAKES = [
    ({"factors": ["gg"]}, "data.d.factors", "no such column"),
    ({"levels": {"dos": ["low"]}}, "data.d.levels", "did you mean 'dose'?"),
    ({"levels": {"dose": ["low", "mid"]}}, "data.d.levels.dose", "the column has 'high' too"),
    ({"columns": {"z": "lgo(x)"}}, "data.d.columns.z", "'lgo' is not a function"),
    ({"where": "x > 100"}, "data.d.where", "no row has x > 100"),
]


@pytest.mark.parametrize(("keys", "key", "said"), MISTAKES)
def test_mistakes_name_the_key(keys, key, said, csv):
    with pytest.raises(AnalysisError) as found:
        read_data("data.d", keys, csv)
    assert found.value.key == key
    assert said in found.value.message


def test_the_same_table_in_python(tmp_path):
    path = tmp_path / "table.csv"
    pd.DataFrame(TABLE).assign(y=[3, 1, 2, 1]).to_csv(path, index=False)
    more = {
        "factors": ["y"],
        "levels": {"g": ["b", "a"]},
        "columns": {"z": "log2(x)", "w": "z + 1"},
        "where": ["w > 0", 'g == "a"'],
    }
    found = hg.read_table(path, **more)
    pd.testing.assert_frame_equal(found, read_data("data.one", more, path))
    assert found["w"].tolist() == [1, 5]
    assert found["g"].cat.categories.tolist() == ["b", "a"]
    assert found["y"].cat.categories.tolist() == [1, 2, 3]
    for key, value, said in [
        ("where", "xx > 0", "^where: no column 'xx'"),
        ("columns", {"z": "lg(x)"}, "^columns.z: 'lg' is not a function"),
        ("levels", {"g": ["a"]}, "^levels.g: the column has 'b' too"),
        ("factors", ["gg"], "^factors: factor 'gg': no such column"),
    ]:
        with pytest.raises(DataError, match=said):
            hg.read_table(path, **{key: value})
    with pytest.raises(DataError, match=r"^file: no file"):
        hg.read_table(tmp_path / "none.csv")
