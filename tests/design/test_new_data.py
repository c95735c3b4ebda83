"""New rows are encoded as the first ones were."""

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode, encode_new
from hierglm.design.reading import as_table
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.formula.parse import parse

N = 30
R = np.random.default_rng(11)
DATA = pd.DataFrame(
    {
        "y": R.normal(size=N),
        "x": R.normal(5, 2, N),
        "z": R.uniform(1, 3, N),
        "f": np.tile(list("abc"), N // 3),
        "c": pd.Categorical(np.tile(["lo", "hi"], N // 2), categories=["lo", "hi"]),
        "k": np.tile([1, 2, 3], N // 3),
        "g": np.repeat(list("pqrst"), N // 5),
        "won": np.tile(["no", "yes"], N // 2),
    }
)
FORMULAS = [
    "y ~ x + f",
    "y ~ scale(x) + center(z)",
    "y ~ standardize(x)*f",
    "y ~ poly(x, 3)",
    "y ~ bs(x, df=5) + cr(z, df=4)",
    "y ~ bs(log(z), knots=c(0.3, 0.6))",
    "y ~ C(f, contr.sum)*x",
    "y ~ factor(k) + c",
    "y ~ 0 + f:x + C(k, contr.helmert)",
    'y ~ I(f == "b") + I(x^2) + I(k %% 2)',
    "y ~ double(x) + offset(log(z))",
    "y ~ x + (scale(x) + factor(k) | g)",
    "log(z) ~ poly(x, 2) + (poly(x, 2) | g/f)",
    "y ~ 1 + (0 + f || g)",
]
OWN = {"double": lambda x: 2 * x}


def design_of(formula, data=DATA):
    return encode(parse(formula, functions=OWN), as_table(data), functions=OWN)


@pytest.mark.parametrize("formula", FORMULAS)
def test_each_row_alone_is_encoded_as_it_was_among_the_others(formula):
    design = design_of(formula)
    for row in (0, 7, N - 1):
        made = encode_new(design, as_table(DATA.iloc[[row]]), response=True)
        assert made.common.labels == design.common.labels
        # The knots, centres and levels are those of all rows, not of this one.
        close = {"rtol": 1e-11, "atol": 1e-12}
        np.testing.assert_allclose(made.common.matrix[0], design.common.matrix[row], **close)
        np.testing.assert_allclose(made.response.values[0], design.response.values[row], **close)
        if design.offset is not None:
            np.testing.assert_allclose(made.offset[0], design.offset[row], **close)
        for new, old in zip(made.groups, design.groups, strict=True):
            assert new.index.tolist() == [old.index[row]]
            np.testing.assert_allclose(new.effects.matrix[0], old.effects.matrix[row], **close)
            assert not new.effects.matrix.flags.writeable
        assert not made.common.matrix.flags.writeable
        assert (made.rows, made.total, made.table.rows) == (1, 1, 1)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_table_that_was_saved_encodes_the_same(formula):
    design = design_of(formula)
    saved = Table.from_arrays(*design.table.to_arrays())
    again = encode(design.formula, saved, functions=OWN)
    np.testing.assert_array_equal(again.common.matrix, design.common.matrix)
    assert again.common.labels == design.common.labels
    for one, two in zip(again.groups, design.groups, strict=True):
        np.testing.assert_array_equal(one.index, two.index)
        assert one.levels.tolist() == two.levels.tolist()


def test_a_scale_by_hand():
    design = design_of("y ~ scale(x)")
    made = encode_new(design, as_table({"x": [0.0, 10.0]}))
    expected = (np.array([0.0, 10.0]) - DATA["x"].mean()) / DATA["x"].std(ddof=1)
    np.testing.assert_allclose(made.common.matrix[:, 0], expected, rtol=1e-12)
    assert np.isnan(made.response.values).all()


def test_levels_by_another_order_or_type_find_their_columns():
    design = design_of("y ~ f + c")
    new = {"f": pd.Categorical(["c", "b"], categories=["c", "b", "a"]), "c": ["hi", "lo"]}
    made = encode_new(design, as_table(new))
    assert made.common.labels == ("f[T.b]", "f[T.c]", "c[T.hi]")
    np.testing.assert_array_equal(made.common.matrix, [[0, 1, 1], [1, 0, 0]])


def test_a_two_level_response_keeps_its_code():
    design = design_of("won ~ x")
    assert design.response.levels == ("no", "yes")
    made = encode_new(design, as_table({"won": ["yes", "yes"], "x": [1.0, 2.0]}), response=True)
    np.testing.assert_array_equal(made.response.values, [1, 1])
    assert made.response.levels == ("no", "yes")
    with pytest.raises(DataError, match="the response 'won' has the new level 'maybe'"):
        encode_new(design, as_table({"won": ["maybe"], "x": [1.0]}), response=True)


def test_missing_values_in_new_rows_are_dropped_and_counted():
    design = design_of("y ~ x + (1 | g)")
    made = encode_new(design, as_table({"x": [1.0, None, 3.0], "g": ["q", "p", None]}))
    np.testing.assert_array_equal(made.kept, [0])
    assert made.notes == ("2 of 3 rows dropped: missing values in 'x' (1), 'g' (1)",)


@pytest.mark.parametrize(
    ("formula", "new", "message"),
    [
        ("y ~ x + z", {"x": [1.0]}, "the new data have no column 'z'"),
        ("y ~ x + (1 | g)", {"x": [1.0], "gg": ["p"]}, r"no column 'g'; did you mean 'gg'\?"),
        ("y ~ f", {"f": ["a", "d"]}, "'f' has the new level 'd'; the fit knows 'a', 'b', 'c'"),
        ("y ~ C(f, contr.sum)", {"f": ["d"]}, "'f' has the new level 'd'"),
        ("y ~ x + (f | g)", {"x": [1.0], "f": ["d"], "g": ["p"]}, "'f' has the new level 'd'"),
        ("y ~ factor(k)", {"k": [1, 4]}, r"factor\(k\) has no level 4; its levels are 1, 2, 3"),
        ("y ~ factor(k > 1) + f", {"k": [1], "f": ["d"]}, "'f' has the new level 'd'"),
        ("y ~ x", {"x": ["a"]}, "'x' held numbers when the model was fitted, and holds text"),
        ("y ~ log(x)", {"x": ["a"]}, "'x' held numbers when the model was fitted, and holds text"),
        ("y ~ f", {"f": [1.0]}, "'f' held text when the model was fitted, and holds numbers"),
        ("y ~ x", {"x": [np.inf]}, "x is inf in row 1"),
        ("y ~ log(x)", {"x": [2.0, -1.0]}, r"log\(x\) is nan in row 2"),
        ("y ~ x", {"x": [np.nan]}, "no row is complete"),
        ("y ~ x", {"x": []}, "the table has no rows"),
        ("y ~ x", {"x": pd.to_datetime(["2020-01-01"])}, "holds dates"),
    ],
)
def test_new_rows_that_do_not_fit(formula, new, message):
    design = design_of(formula)
    with pytest.raises(DataError, match=message):
        encode_new(design, as_table(new))


def test_new_levels_follow_the_known_ones():
    design = design_of("y ~ x + (1 | g/k)")
    new = pd.DataFrame({"x": 1.0, "g": ["z", "q", "z", "a"], "k": [1, 1, 4, 1]})
    made = encode_new(design, as_table(new), extend=True)
    outer, inner = made.groups
    assert outer.levels.tolist() == [*"pqrst", "a", "z"]
    assert outer.index.tolist() == [6, 1, 6, 5]
    assert inner.levels[inner.index].tolist() == ["z:1", "q:1", "z:4", "a:1"]
    assert inner.levels[: len(design.groups[1].levels)].tolist() == design.groups[1].levels.tolist()


def test_new_levels_of_another_type_are_kept_beside_the_known_ones():
    design = design_of("y ~ x + (1 | k)")
    made = encode_new(
        design, as_table(pd.DataFrame({"x": [0.0, 0.0], "k": [1.5, 2.0]})), extend=True
    )
    assert made.groups[0].levels.tolist() == [1, 2, 3, 1.5]
    assert made.groups[0].index.tolist() == [3, 1]
