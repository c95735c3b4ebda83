"""Hypotheses are read as arithmetic is, and nothing else is read."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierglm.errors import FormulaError, HierglmError, HypothesisError
from hierglm.hypotheses.expressions import MAX_DEPTH, Arithmetic, parse, work_off
from hierglm.hypotheses.tokens import MAX_LENGTH, scan

NAMES = {"x": 2.0, "b[z]": 3.0, "sd[g:x]": 0.5, "`a b`": 5.0, "x:z": 7.0}

PLAIN: Arithmetic[float] = Arithmetic(
    number=lambda x: x,
    name=lambda name: NAMES[name],
    function=lambda name, x: {"abs": abs, "exp": math.exp, "log": math.log, "sqrt": math.sqrt}[
        name
    ](x),
    operator=lambda sign, a, b: {
        "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b,
        "^": lambda: a**b,
    }[sign](),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x > 0", 2),
        ("0 < x", -2),
        ("x - b[z] = .5", -1.5),
        ("1 - 2 - 3 > 0", -4),
        ("12 / 3 / 2 > 0", 2),
        ("2 ^ 3 ^ 2 > 0", 512),
        ("-2^2 > 0", -4),
        ("2^-1 > 0", 0.5),
        ("2**3 > 0", 8),
        ("--x > +0", 2),
        ("2 * -x > 1", -5),
        ("x:z > x", 5),
        ("`a b` * sd[g:x] >= 1e1", -7.5),
        ("sqrt(x + 2) * log(exp(3)) == abs(-(1 - x))", 5),
        ("(x + 1) * (x - 1) <= 2*(x)", -1),
    ],
)
def test_values(text: str, value: float) -> None:
    assert work_off(parse(text), PLAIN) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sd[school:I(x > 1)] > 0", "sd[school:I(x > 1)]"),
        ("sd[`a:b`:x]>0", "sd[`a:b`:x]"),
        ("r[g:`a]`` > 1`,x] < 1", "r[g:`a]`` > 1`,x]"),
        ("b[x]@score.sigma > 1", "b[x]@score.sigma"),
        ("x@.sigma > 1", "x@.sigma"),
        ("sigma@`a b` > 1", "sigma@`a b`"),
        ("period[T.2] > 1", "period[T.2]"),
        ("f[T.a]:h[T.b] > 1", "f[T.a]:h[T.b]"),
        ("scale(x) > 1", "scale(x)"),
        ("I(x ** 2):z > 1", "I(x ** 2):z"),
        ("größe.1 > 1", "größe.1"),
        (".a > 1", ".a"),
    ],
)
def test_a_name_holds_what_its_brackets_hold(text: str, name: str) -> None:
    assert list(parse(text).names) == [name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a number, a name or a bracket must stand here"),
        ("x", "one of > < = must stand between"),
        ("x > ", "a number, a name or a bracket must stand here"),
        ("x y > 0", "one of > < = must stand between"),
        ("0 < x < 1", "one comparison makes a hypothesis"),
        ("x > 1 2", "an operator or the end must stand here"),
        ("(x > 1", r"the '\(' at character 1 must be closed here"),
        ("x) > 1", "one of > < = must stand between"),
        ("sd[g:x > 1", r"this '\[' is never closed"),
        ("sd[g:x) > 1", r"'\)' where '\]' should close the bracket opened at character 3"),
        ("`a > 1", "this ` is never closed"),
        ("x: > 1", "a label must stand behind ':'"),
        ("x != 1", "write the point hypothesis with '='"),
        ("x; y > 1", "the character ';' means nothing"),
        ("x > 1e999", "too large"),
        ("x > " + "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1), "nest deeper than 50"),
        ("x > " + "-" * (MAX_DEPTH + 1) + "1", "nest deeper than 50"),
        ("x > " + "2^" * (MAX_DEPTH + 1) + "1", "nest deeper than 50"),
        ("x" * (MAX_LENGTH + 1), "2,001 characters; the limit is 2,000"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, message: str) -> None:
    with pytest.raises(HypothesisError, match=message):
        parse(text)


def test_the_caret_stands_below() -> None:
    with pytest.raises(FormulaError) as found:
        parse("x - z = ) + 1")
    assert str(found.value).splitlines()[1:] == ["  x - z = ) + 1", "          ^"]
    with pytest.raises(HypothesisError, match="a hypothesis is a text"):
        parse(3)  # type: ignore[arg-type]


def test_long_sums_are_worked_off_without_recursion() -> None:
    assert work_off(parse("+".join(["1"] * 900) + " > 0"), PLAIN) == 900


_LEAVES = st.one_of(
    st.sampled_from(sorted(NAMES)).map(lambda n: (n, NAMES[n])),
    st.integers(0, 9).map(lambda i: (str(i), float(i))),
)


def _grown(inner: st.SearchStrategy[tuple[str, float]]) -> st.SearchStrategy[tuple[str, float]]:
    pairs = st.tuples(st.sampled_from("+-*"), inner, inner)
    return st.one_of(
        pairs.map(lambda p: (f"({p[1][0]}){p[0]} ({p[2][0]})", _apply(p[0], p[1][1], p[2][1]))),
        inner.map(lambda v: (f"-({v[0]})", -v[1])),
        inner.map(lambda v: (f"abs({v[0]})", abs(v[1]))),
    )


def _apply(sign: str, a: float, b: float) -> float:
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


@settings(deadline=None, max_examples=200)
@given(st.recursive(_LEAVES, _grown, max_leaves=12), st.sampled_from(["<", ">", "=", ">="]))
def test_trees_are_read_back(tree: tuple[str, float], relation: str) -> None:
    text, value = tree
    found = work_off(parse(f"{text} {relation} 1"), PLAIN)
    assert found == pytest.approx(value - 1, rel=1e-12, abs=1e-9)


@settings(deadline=None, max_examples=500)
@given(st.text(st.sampled_from(list("x:z[]()`@.,+-*/^<>=!1e9 \\'\"_;élogabs\n\t")), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except HierglmError:
        return
    assert scan(text)
    # What was read leaves one value, whatever the names mean.
    counted: Arithmetic[int] = Arithmetic(
        lambda x: 1, lambda n: 1, lambda n, x: x, lambda s, a, b: a + b
    )
    assert work_off(found, counted) >= 2


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_any_unicode_is_read_or_refused(text: str) -> None:
    with suppress(HypothesisError):
        assert parse(text).source == text
