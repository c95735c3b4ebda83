"""Matrices against ones made by hand, by NumPy and by SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import BSpline

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.errors import DataError
from hierglm.formula.parse import parse

N = 12
X = np.arange(1.0, N + 1) ** 1.5
F = np.array(list("abc") * 4)
H = np.array(["u", "v"] * 6)
DATA = {
    "y": np.arange(N) * 1.0,
    "x": X,
    "f": F,
    "h": H,
    "k": np.tile([10, 2, 1], 4),
    "won": np.tile([True, False, False], 4),
    "big": np.arange(N) * 400_000_000,
    "my col": F,
    "t.1": X,
}


def common(formula, data=DATA, **options):
    made = encode(
        parse(formula, tuple(data), options.get("functions", ())), as_table(data), **options
    )
    return made.common


def dummy(column, *levels):
    return np.column_stack([(np.asarray(column) == level) * 1.0 for level in levels])


def expect(formula, labels, matrix):
    made = common(formula)
    assert made.labels == tuple(labels)
    np.testing.assert_allclose(made.matrix, matrix, rtol=1e-12, atol=1e-14)
    assert made.matrix.dtype == np.float64
    assert made.matrix.flags.c_contiguous
    assert not made.matrix.flags.writeable


def test_treatment_contrasts_leave_the_first_level_out():
    expect("y ~ f", ["f[T.b]", "f[T.c]"], dummy(F, "b", "c"))


def test_without_an_intercept_the_first_factor_has_all_its_levels():
    expect("y ~ 0 + f", ["f[a]", "f[b]", "f[c]"], dummy(F, "a", "b", "c"))
    expect(
        "y ~ f + h - 1",
        ["f[a]", "f[b]", "f[c]", "h[T.v]"],
        np.hstack([dummy(F, "a", "b", "c"), dummy(H, "v")]),
    )


def test_sum_contrasts():
    last = dummy(F, "c")
    expect(
        "y ~ C(f, contr.sum)",
        ["C(f, contr.sum)[S.a]", "C(f, contr.sum)[S.b]"],
        dummy(F, "a", "b") - last,
    )


def test_treatment_with_another_baseline():
    label = 'C(f, contr.treatment("b"))'
    expect(f"y ~ {label}", [f"{label}[T.a]", f"{label}[T.c]"], dummy(F, "a", "c"))


def test_numbers_as_levels_keep_their_type_and_sort_as_numbers():
    expect("y ~ factor(k)", ["factor(k)[T.2]", "factor(k)[T.10]"], dummy(DATA["k"], 2, 10))
    expect("y ~ factor(won)", ["factor(won)[T.True]"], dummy(DATA["won"], True))
    expect("y ~ won", ["won"], dummy(DATA["won"], True))


def test_interactions():
    b, c = dummy(F, "b").T[0], dummy(F, "c").T[0]
    expect(
        "y ~ x*f",
        ["x", "f[T.b]", "f[T.c]", "x:f[T.b]", "x:f[T.c]"],
        np.column_stack([X, b, c, X * b, X * c]),
    )
    v = dummy(H, "v").T[0]
    expect(
        "y ~ h*f",
        ["h[T.v]", "f[T.b]", "f[T.c]", "h[T.v]:f[T.b]", "h[T.v]:f[T.c]"],
        np.column_stack([v, b, c, v * b, v * c]),
    )
    expect("y ~ 0 + f:x", ["f[a]:x", "f[b]:x", "f[c]:x"], dummy(F, "a", "b", "c") * X[:, None])
    expect("y ~ x:t.1 + 2:x", ["2:x", "x:t.1"], np.column_stack([2 * X, X**2]))


def test_names_with_blanks_and_dots():
    expect("y ~ `my col`", ["my col[T.b]", "my col[T.c]"], dummy(F, "b", "c"))
    expect(
        "y ~ `my col`:t.1 + t.1 - 1",
        ["t.1", "my col[T.b]:t.1", "my col[T.c]:t.1"],
        np.column_stack([X, *(dummy(F, "b", "c") * X[:, None]).T]),
    )


def test_transforms_keep_their_words():
    expect("y ~ I(x^2)", ["I(x^2)"], X[:, None] ** 2)
    expect("y ~ log(x, 2)", ["log(x, 2)"], np.log2(X)[:, None])
    expect("y ~ {x / t.1}", ["{x / t.1}"], np.ones((N, 1)))
    expect("y ~ I(x %% 2)", ["I(x %% 2)"], (X % 2)[:, None])
    expect("y ~ I((x > 8) & (k == 2))", ["I((x > 8) & (k == 2))"],
           ((X > 8) & (DATA["k"] == 2))[:, None] * 1.0)  # fmt: skip
    expect('y ~ I(f == "a")', ['I(f == "a")'], dummy(F, "a"))
    expect("y ~ scale(x)", ["scale(x)"], ((X - X.mean()) / X.std(ddof=1))[:, None])
    expect("y ~ center(x)", ["center(x)"], (X - X.mean())[:, None])


def test_whole_numbers_do_not_overflow_in_arithmetic():
    big = DATA["big"].astype(float)
    expect("y ~ I(big^3)", ["I(big^3)"], big[:, None] ** 3)
    expect("y ~ I(k^-1)", ["I(k^-1)"], 1 / DATA["k"][:, None].astype(float))


def test_poly_is_orthonormal_as_from_a_qr_decomposition():
    q, _ = np.linalg.qr(np.vander(X - X.mean(), 4, increasing=True))
    made = common("y ~ poly(x, 3)")
    assert made.labels == ("poly(x, 3)[1]", "poly(x, 3)[2]", "poly(x, 3)[3]")
    np.testing.assert_allclose(made.matrix.T @ made.matrix, np.eye(3), atol=1e-12)
    # The sign of a column of Q is arbitrary; ours rises with x.
    sign = np.sign((q[:, 1:] * made.matrix).sum(axis=0))
    np.testing.assert_allclose(made.matrix, q[:, 1:] * sign, atol=1e-10)
    assert (made.matrix[-1] > 0).all()


def test_bs_is_scipy_s_basis_without_its_first_column():
    made = common("y ~ bs(x, df=5)")
    inner = np.quantile(X, [1 / 3, 2 / 3])
    knots = np.r_[[X.min()] * 4, inner, [X.max()] * 4]
    basis = BSpline.design_matrix(X, knots, 3).toarray()
    assert made.labels == tuple(f"bs(x, df=5)[{i}]" for i in range(1, 6))
    np.testing.assert_allclose(made.matrix, basis[:, 1:], atol=1e-10)


def test_a_factor_s_levels_stand_in_their_order():
    text = {"y": np.arange(4.0), "f": ["é", "b", "Z", "a"]}
    assert common("y ~ 0 + f", text).labels == ("f[Z]", "f[a]", "f[b]", "f[é]")
    declared = pd.DataFrame({"y": np.arange(4.0)})
    declared["f"] = pd.Categorical(list("baba"), categories=["b", "never", "a"])
    assert common("y ~ 0 + f", declared).labels == ("f[b]", "f[a]")
    np.testing.assert_array_equal(common("y ~ f", declared).matrix[:, 0], [0, 1, 0, 1])


def test_functions_of_one_s_own():
    made = common("y ~ double(x) + f", functions={"double": lambda x: 2 * x})
    assert made.labels == ("double(x)", "f[T.b]", "f[T.c]")
    np.testing.assert_array_equal(made.matrix[:, 0], 2 * X)

    def fails(x):
        raise KeyError("what now")

    with pytest.raises(DataError, match="cannot evaluate fails"):
        common("y ~ x + fails(x)", functions={"fails": fails})


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ log(x - 3)", r"log\(x - 3\) is nan in row 1"),
        ("y ~ I(1 / (k - 2))", r"I\(1 / \(k - 2\)\) is inf in row 2"),
        ("y ~ log(f)", r"cannot evaluate log\(f\)"),
        ('y ~ C(f, levels=c("a", "b"))', r"has no level 'c'; its levels are 'a', 'b'"),
        ("y ~ I(0 * k) + factor(I(0 * k))", r"'factor\(I\(0 \* k\)\)' has one level"),
        ("y ~ bs(x, df=2)", r"cannot evaluate bs\(x, df=2\)"),
        ("y ~ offset(f)", "'f' must be a column of numbers"),
        ("y ~ offset(poly(x, 2))", "must be one column of numbers"),
    ],
)
def test_what_cannot_be_evaluated(formula, message):
    with pytest.raises(DataError, match=message):
        common(formula)


def test_columns_that_add_nothing_are_named():
    data = {"y": np.arange(N) * 1.0, "x": X, "one": np.ones(N)}
    notes = encode(parse("y ~ x + one + I(2 * x)"), as_table(data)).notes
    assert notes == (
        "column 'one' is constant, like the intercept: only its prior informs its coefficient",
        "column 'I(2 * x)' is a combination of the columns before it: only the priors tell "
        "their coefficients apart",
    )
    assert encode(parse("y ~ 0 + one"), as_table(data)).notes == ()


def test_offsets_add_up():
    made = encode(parse("y ~ x + offset(log(x)) + offset(k)"), as_table(DATA))
    np.testing.assert_allclose(made.offset, np.log(X) + DATA["k"], rtol=1e-14)
    assert not made.offset.flags.writeable
    assert encode(parse("y ~ x"), as_table(DATA)).offset is None
