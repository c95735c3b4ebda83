"""Long formulas are read in the time that their length asks for; explosive ones are refused."""

import time

import pytest

from hierglm.errors import FormulaError
from hierglm.formula.parse import parse


def test_long_sums_are_not_quadratic():
    names = [f"x{i}" for i in range(10_000)]
    started = time.process_time()
    written = parse("y ~ " + " + ".join(names))
    dotted = parse("y ~ .", ["y", *names])
    assert time.process_time() - started < 20
    assert [t.label for t in written.common] == ["Intercept", *names]
    assert [t.label for t in dotted.common] == ["Intercept", *names]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a + b - a + a + c", ["Intercept", "b", "a", "c"]),
        ("- a + b", ["Intercept", "b"]),
        ("a + b + c - b - c + 0 + d", ["a", "d"]),
        ("(a + b) - (b + c) + c", ["Intercept", "a", "c"]),
        ("a*b - a + c", ["Intercept", "b", "c", "a:b"]),
    ],
)
def test_what_is_taken_away_is_what_stood_before(text, terms):
    assert [t.label for t in parse(f"y ~ {text}").common] == terms


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("(a+b+c+d+e+f+g+h)^9", "multiplies out to more than 100,000 terms"),
        ("*".join(f"x{i}" for i in range(40)), "more than"),
        (":".join(f"x{i}" for i in range(13)), "more than 12 factors"),
        ("(" * 101 + "x" + ")" * 101, "nest deeper than 100"),
        ("log(" * 101 + "x" + ")" * 101, "nest deeper than 100"),
        ("I(" + "-" * 15_000 + "x)", "nests too deeply"),
        ("I(" + "+x" * 15_000 + ")", "one expression may have 20,000 characters"),
        ("I(" + "+x" * 5_000 + ")", "nest"),
        ("x" * 100_001, "the limit is 100,000"),
    ],
)
def test_explosions_are_refused_at_once(right, message):
    started = time.process_time()
    with pytest.raises(FormulaError, match=message):
        parse("y ~ " + right)
    assert time.process_time() - started < 5
