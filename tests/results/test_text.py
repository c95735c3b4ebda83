"""The summary as people read it."""

from __future__ import annotations

from pathlib import Path

from hierglm.results.text import text
from hierglm.showing.width import width
from tests.results.made import made

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "<script>alert('1')</script>\n\x1b[31m&\"`$x$"


def test_golden() -> None:
    """The whole summary, character by character; see the file to judge it."""
    fit = made(second=("a", "b"))
    assert text(fit) + "\n" == (GOLDEN / "summary.txt").read_text(encoding="utf-8")


def test_one_screen() -> None:
    many = tuple(f"predictor_number_{i}:with_another_{i}" for i in range(30))
    fit = made(terms=("Intercept", *many), varying=("Intercept", "x", "z"), levels=range(85))
    lines = text(fit).splitlines()
    assert max(map(width, lines)) <= 80
    assert len(lines) <= 45
    assert "  (16 more: fit.fixef())" in lines


def test_wide_and_hostile_labels_keep_the_columns() -> None:
    fit = made(terms=("Intercept", "学校の番号が長い説明変数です", HOSTILE), group="県")
    lines = text(fit).splitlines()
    assert "\x1b" not in text(fit)
    rows = [line for line in lines if line.startswith("  ") and line.endswith(tuple("0123456789"))]
    assert len({width(line) for line in rows}) == 1
    assert max(map(width, lines)) <= 80


def test_a_few_long_names_stand_whole_above_their_numbers() -> None:
    lines = text(made(terms=("Intercept", "a_rather_long_name"))).splitlines()
    above = lines.index("  cor(Intercept,a_rather_long_name)")
    assert lines[above + 1].startswith(" " * 18)
    assert len(lines[above + 1].split()) == 7
    assert "cor(Intercept,x)" in text(made())


def test_many_correlations_keep_something_of_both_terms() -> None:
    long = tuple(f"a_rather_long_name_{i}" for i in range(7))
    assert "  cor(In…pt,a_…_0) " in text(made(terms=("Intercept", *long)))
