"""Columns are called what the user wrote, whatever formulaic calls them."""

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.errors import DataError, FormulaError
from hierglm.formula.parse import parse
from tests.designs import design_of

ROWS = 24
TABLE = pd.DataFrame(
    {
        "y": np.arange(ROWS) % 7 + 0.5,
        "x": np.linspace(-1, 2, ROWS),
        "k": np.arange(ROWS) % 3 + 1,
        "f": np.array(list("abc"))[np.arange(ROWS) % 3],
        "h": np.array(["u:v", "w"])[np.arange(ROWS) // 3 % 2],
        "b": np.arange(ROWS) % 2 == 0,
        "class": np.array(["lo", "hi"])[np.arange(ROWS) // 4 % 2],
        "log": np.linspace(1, 2, ROWS),
        "t.1": np.linspace(3, 2, ROWS),
        "1": np.linspace(0, 1, ROWS) ** 2,
    }
)


@pytest.mark.parametrize(
    ("right", "labels"),
    [
        ("x + I(x^2)", ["x", "I(x^2)"]),
        ("factor(k)", ["factor(k)[T.2]", "factor(k)[T.3]"]),
        ("C(k > 1)", ["C(k > 1)[T.1]"]),
        ("factor(round(k / 2))", ["factor(round(k / 2))[T.1]", "factor(round(k / 2))[T.2]"]),
        ("C( k )", ["C( k )[T.2]", "C( k )[T.3]"]),
        ("factor(b)", ["factor(b)[T.True]"]),
        ("0 + f", ["f[a]", "f[b]", "f[c]"]),
        ("C(f, contr.sum)", ["C(f, contr.sum)[S.a]", "C(f, contr.sum)[S.b]"]),
        ("class*x", ["class[T.lo]", "x", "class[T.lo]:x"]),
        ("factor(class):x", ["factor(class)[hi]:x", "factor(class)[lo]:x"]),
        # Without its main effects an interaction takes over columns of one factor.
        (
            "factor(class):factor(h)",
            [
                "factor(h)[T.w]",
                "factor(class)[T.lo]:factor(h)[u:v]",
                "factor(class)[T.lo]:factor(h)[w]",
            ],
        ),
        ("poly(x,2)", ["poly(x,2)[1]", "poly(x,2)[2]"]),
        ("poly(x, 2, raw=TRUE)", ["poly(x, 2, raw=TRUE)[1]", "poly(x, 2, raw=TRUE)[2]"]),
        ("bs(x, df=3)", ["bs(x, df=3)[1]", "bs(x, df=3)[2]", "bs(x, df=3)[3]"]),
        ("2:x + log", ["log", "2:x"]),
        ("log + log(log)", ["log", "log(log)"]),
        ("t.1 + I(t.1 / 2)", ["t.1", "I(t.1 / 2)"]),
        ("`1` + {x + k}", ["1", "{x + k}"]),
    ],
)
def test_labels_are_the_users_words(right, labels):
    made = design_of(f"y ~ {right}", TABLE).common
    assert sorted(made.labels) == sorted(labels)
    assert made.matrix.shape == (ROWS, len(labels))
    assert np.linalg.matrix_rank(np.column_stack([np.ones(ROWS), made.matrix])) in (
        len(labels),
        len(labels) + 1,
    )


def test_a_scaled_term_is_scaled():
    design = design_of("y ~ 2:x", TABLE)
    np.testing.assert_array_equal(design.common.matrix[:, 0], 2 * TABLE["x"])


def test_arithmetic_of_integers_neither_overflows_nor_truncates():
    years = TABLE.assign(year=2000 + TABLE["k"])
    year = years["year"].to_numpy(float)
    for right, expected in {
        "I(year^6)": year**6,
        "I(year^-1)": 1 / year,
        "I(10^k)": 10.0 ** TABLE["k"],
        "I(b + (k > 2))": TABLE["b"] * 1.0 + (TABLE["k"] > 2),
    }.items():
        made = design_of(f"y ~ {right}", years).common.matrix[:, 0]
        np.testing.assert_allclose(made, expected, rtol=1e-14)
    raw = design_of("y ~ poly(year, 6, raw=TRUE)", years).common.matrix
    np.testing.assert_allclose(raw[:, 5], year**6, rtol=1e-14)


def test_a_function_that_is_not_passed_is_named_as_the_caller_knows_it():
    table = as_table(TABLE)
    formula = parse("y ~ half(x)", table.columns, ("half",))
    with pytest.raises(FormulaError, match=r"functions=\{'half': \.\.\.\}") as caught:
        encode(formula, table)
    assert (caught.value.start, caught.value.end) == (4, 11)


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("log(f)", r"cannot evaluate log\(f\): .* \('f' holds categories, not numbers\)"),
        ("x + C(f, Treatment('z'))", r"cannot evaluate .*'z' is not in list"),
        ("one(x)", r"cannot evaluate one\(x\): it gives an array of shape \(\), not one value"),
        ("short(x)", r"cannot evaluate short\(x\): it gives an array of shape \(2,\)"),
        ("broken(x)", r"cannot evaluate broken\(x\): no such thing"),
    ],
)
def test_what_cannot_be_evaluated_is_named(right, message):
    def broken(x):
        raise RuntimeError("no such thing")

    own = {"one": lambda x: 1.0, "short": lambda x: np.ones(2), "broken": broken}
    table = as_table(TABLE)
    with pytest.raises(DataError, match=message):
        encode(parse(f"y ~ {right}", (), tuple(own)), table, functions=own)
