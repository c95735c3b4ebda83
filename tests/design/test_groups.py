"""Grouping factors: levels in order and in their own type, and each row's place among them."""

import datetime

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode, encode_new
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse

A = ["B", "A", "B", "A", "C", "B"]
ONE = [2, 10, 2, 1, 1, 10]


def groups(term, **columns):
    size = len(next(iter(columns.values())))
    data = {"y": np.arange(size) * 1.0, **columns}
    return encode(parse(f"y ~ {term}"), as_table(data)).groups


def check(group, levels, index, dtype=None):
    assert group.levels.tolist() == levels
    assert [type(x) for x in group.levels.tolist()] == [type(x) for x in levels]
    np.testing.assert_array_equal(group.index, index)
    assert group.index.dtype == np.int64
    assert dtype is None or group.levels.dtype == dtype
    assert not group.index.flags.writeable
    assert not group.levels.flags.writeable


def test_text_sorts_by_code_point():
    check(groups("(1 | a)", a=["é", "b", "Z", "b"])[0], ["Z", "b", "é"], [2, 1, 0, 1], object)


def test_numbers_sort_as_numbers_and_keep_their_type():
    check(groups("(1 | a)", a=ONE)[0], [1, 2, 10], [1, 2, 1, 0, 0, 2], np.int64)
    check(groups("(1 | a)", a=[2.5, -1.0, 2.5])[0], [-1.0, 2.5], [1, 0, 1], np.float64)
    check(groups("(1 | a)", a=[True, False, True])[0], [False, True], [1, 0, 1], np.bool_)


def test_identifiers_of_64_bits_stay_apart():
    big = 2**53
    check(groups("(1 | a)", a=[big + 1, big, big + 2])[0], [big, big + 1, big + 2], [1, 0, 2])
    frame = pd.DataFrame({"y": [1.0, 2], "a": pd.array([big + 1, None], dtype="Int64")})
    with pytest.raises(Exception, match="make it text"):
        encode(parse("y ~ (1 | a)"), as_table(frame))


def test_dates():
    days = pd.to_datetime(["2021-03-02", "2020-01-01", "2021-03-02"])
    for column in (days, [d.date() for d in days]):
        group = groups("(1 | a)", a=column)[0]
        expected = np.array(["2020-01-01", "2021-03-02"], dtype="datetime64[ns]")
        np.testing.assert_array_equal(group.levels, expected)
        np.testing.assert_array_equal(group.index, [1, 0, 1])
    crossed = groups("(1 | a:b)", a=days, b=list("xyz"))[0]
    check(crossed, ["2020-01-01:y", "2021-03-02:x", "2021-03-02:z"], [1, 0, 2])
    assert isinstance(days[0].date(), datetime.date)


def test_a_categorical_s_levels_stand_as_declared_without_those_unused():
    column = pd.Categorical(["low", "high", "low"], categories=["never", "low", "mid", "high"])
    check(groups("(1 | a)", a=column)[0], ["low", "high"], [0, 1, 0])
    integers = pd.Categorical([3, 1, 3], categories=[3, 2, 1])
    check(groups("(1 | a)", a=integers)[0], [3, 1], [0, 1, 0])


def test_crossed_and_nested():
    first, second = groups("(1 | a) + (1 | b)", a=A, b=ONE)
    check(first, ["A", "B", "C"], [1, 0, 1, 0, 2, 1])
    check(second, [1, 2, 10], [1, 2, 1, 0, 0, 2])
    outer, inner = groups("(1 | a/b)", a=A, b=ONE)
    check(outer, ["A", "B", "C"], [1, 0, 1, 0, 2, 1])
    # A:2 and C:10 do not occur, and are no levels.
    check(inner, ["A:1", "A:10", "B:2", "B:10", "C:1"], [2, 1, 2, 0, 4, 3])
    assert (outer.group, inner.group) == ("a", "a:b")
    assert (outer.source, inner.source) == ("(1 | a)", "(1 | a:b)")
    check(groups("(1 | a:b)", a=A, b=ONE)[0], inner.levels.tolist(), inner.index)


def test_three_factors_crossed():
    group = groups("(1 | a:b:c)", a=list("xxyy"), b=[2, 1, 2, 2], c=[True, False, True, True])[0]
    check(group, ["x:1:False", "x:2:True", "y:2:True"], [1, 0, 2, 2])


def test_colons_in_levels_cannot_be_confused():
    group = groups("(1 | a:b)", a=["p:q", "p", "p:q"], b=["r", "q:r", "r"])[0]
    check(group, ["p:q\\:r", "p\\:q:r"], [1, 0, 1])


@pytest.mark.parametrize("by", ["factor(b)", "as.factor(b)", "C(b)", "C(b, contr.sum)"])
def test_factor_of_a_column_groups_as_the_column_does(by):
    group = groups(f"(1 | {by})", b=ONE)[0]
    check(group, [1, 2, 10], [1, 2, 1, 0, 0, 2])
    assert group.group == by


def test_expressions_group_by_their_values():
    check(groups("(1 | I(b > 1))", b=ONE)[0], [0, 1], [1, 1, 1, 0, 0, 1])
    check(groups("(1 | factor(b > 1))", b=ONE)[0], [0, 1], [1, 1, 1, 0, 0, 1])
    check(groups("(1 | factor(b %/% 2))", b=ONE)[0], [0, 1, 5], [1, 2, 1, 0, 0, 2])
    check(groups("(1 | factor(round(b / 4)))", b=ONE)[0], [0, 2], [0, 1, 0, 0, 0, 1])


def test_effects_that_vary():
    x = np.arange(6.0)
    f = list("pqrpqr")
    plain, slopes, full = groups("(1 | a) + (0 + x || b) + (f | c)", a=A, b=ONE, c=A, x=x, f=f)
    assert (plain.terms, slopes.terms) == (("Intercept",), ("x",))
    assert (plain.correlated, slopes.correlated) == (True, False)
    assert full.terms == ("Intercept", "f[T.q]", "f[T.r]")
    q, r = np.array(f) == "q", np.array(f) == "r"
    np.testing.assert_array_equal(full.effects.matrix, np.column_stack([np.ones(6), q, r]))
    np.testing.assert_array_equal(slopes.effects.matrix, x[:, None])
    coded = groups("(0 + f | a)", a=A, f=f)[0]
    assert coded.terms == ("f[p]", "f[q]", "f[r]")
    np.testing.assert_array_equal(coded.effects.matrix.sum(axis=1), 1.0)


def test_new_rows_find_their_levels_and_unseen_ones_are_minus_one():
    data = {"y": np.arange(6.0), "a": A, "b": ONE, "d": pd.Categorical(A)}
    design = encode(parse("y ~ (1 | a) + (1 | b) + (1 | a:b) + (1 | d)"), as_table(data))
    # The integers come back as floats, as from a pandas column that had a missing value.
    new = {"a": ["C", "A", "Q", "C"], "b": [1.0, 10.0, 2.0, 7.0], "d": ["C", "B", "A", "new"]}
    made = encode_new(design, as_table(new))
    indices = [g.index.tolist() for g in made.groups]
    assert indices == [[2, 0, -1, 2], [0, 2, 1, -1], [4, 1, -1, -1], [2, 1, 0, -1]]
    for old, again in zip(design.groups, made.groups, strict=True):
        assert again.levels is old.levels
        assert again.terms == old.terms


def test_new_rows_of_levels_with_colons():
    data = {"y": [1.0, 2, 3], "a": ["p:q", "p", "p:q"], "b": ["r", "q:r", "r"]}
    design = encode(parse("y ~ (1 | a:b)"), as_table(data))
    one = encode_new(design, as_table({"a": ["p:q"], "b": ["r"]}))
    assert one.groups[0].index.tolist() == design.groups[0].index.tolist()[:1]
