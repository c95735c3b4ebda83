"""The summary as people read it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierglm.results.html import html
from hierglm.results.numbers import ess, fixed, places, rhat
from hierglm.results.text import text
from hierglm.results.width import left, printable, shorten, width
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


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style", "class", "scope", "colspan"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_html_escapes_every_label_and_says_what_the_text_says() -> None:
    fit = made(terms=("Intercept", HOSTILE), group="<b>g</b>", levels=[HOSTILE, "B"])
    page = html(fit)
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.tags == {"div", "code", "table", "tbody", "tr", "th", "td", "small"}
    assert "<script" not in page
    assert "<b>" not in page
    assert printable(HOSTILE) in reader.text
    assert "Effects of <b>g</b>, 2 levels" in reader.text
    for word in ("No divergences", "Note: 2 rows with missing values", "seed 7", "rhat"):
        assert word in reader.text


@pytest.mark.parametrize(
    ("std_error", "ess_bulk", "decimals"),
    [(0.0234, 1000, 3), (0.0234, 99, 2), (23.4, 1000, 0), (234.0, 1000, 0), (0.999, 500, 2),
     (float("nan"), 100, 3), (0.0, 100, 3), (1e-9, 1000, 10)],
)  # fmt: skip
def test_digits_follow_the_posterior_sd(std_error: float, ess_bulk: float, decimals: int) -> None:
    assert places(std_error, ess_bulk) == decimals


def test_numbers_align_at_their_points() -> None:
    assert fixed([1.5, -12.25, 300.0], [1, 2, 0]) == ["  1.5 ", "-12.25", "300   "]
    assert fixed([float("nan"), float("inf")], [2, 2]) == ["  -", "inf"]
    assert fixed([1.23e9, 3e-8], [0, 9]) == ["1.23e+09", "3.00e-08"]
    assert fixed([-0.0001], [2]) == ["0.00"]
    assert (rhat(1.0101), rhat(1.0), rhat(float("nan")), rhat(float("inf"))) == (
        "1.011", "1.000", "-", "inf",
    )  # fmt: skip
    assert (ess(399.9), ess(float("nan"))) == ("399", "-")


@given(st.text(), st.integers(1, 30))
def test_shortened_text_fits(label: str, room: int) -> None:
    shown = printable(label)
    assert shown.isprintable()
    assert width(shorten(shown, room)) <= room
    assert width(left(shown, room)) == room
    if width(shown) <= room:
        assert shorten(shown, room) == shown
