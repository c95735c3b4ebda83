"""Long formulas are read in the time that their length asks for; explosive ones are refused."""

import time

import numpy as np
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.design.size import check_size
from hierglm.errors import DataError, FormulaError, HierglmError
from hierglm.formula.parse import parse
from hierglm.formula.update import update_formula


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


LEVELS = {f"f{i}": np.array(["u", "v"])[(np.arange(512) >> i) & 1] for i in range(9)}
ROWS = as_table({"y": np.arange(512.0), "id": np.arange(512), "k": np.arange(512) % 50, **LEVELS})


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("C(id):C(k)", "there are 25,599 columns; a formula may make 20,000 at most"),
        ("C(id, contr.poly)", "has 512 levels; polynomial contrasts are exact for 95 at most"),
        ("f0:f1:f2:f3:f4:f5", "an interaction of 6 categories, and not all interactions below"),
        (" + ".join(f"bs(id, df={i}, degree=2)" for i in range(900, 1000)), "20,000 at most"),
        ("(C(id):C(k) | k)", "there are 25,599 columns"),
    ],
)
def test_matrices_are_counted_before_they_are_made(right, message):
    with pytest.raises(HierglmError, match=message):
        encode(parse(f"y ~ {right}"), ROWS)


def test_what_is_within_the_limits_is_made():
    made = encode(parse("y ~ " + "*".join(f"f{i}" for i in range(7))), ROWS).common
    assert made.matrix.shape == (512, 127)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(512), made.matrix])) == 128


def test_numbers_of_a_matrix_are_limited_by_its_rows():
    check_size("x", 1_000, 1_000_000)
    with pytest.raises(DataError, match="1,001 columns of 1,000,000 rows; a matrix may hold"):
        check_size("x", 1_001, 1_000_000)


def test_updates_do_not_grow_without_bounds():
    with pytest.raises(FormulaError, match="its 2,000 dots written out"):
        update_formula(". ~ ." + " + ." * 1_998, "y ~ " + " + ".join(f"x{i}" for i in range(500)))
