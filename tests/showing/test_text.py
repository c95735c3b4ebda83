"""What objects say of themselves, as text and as Markdown."""

from __future__ import annotations

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from hierglm.showing.html import set_html
from hierglm.showing.markdown import set_markdown
from hierglm.showing.said import Fold, Grid, Said, grid
from hierglm.showing.text import grid_lines, set_text
from hierglm.showing.width import printable, width
from tests.showing.hostile import LABELS, Page

SAID = Said(
    "two models", ("of 8 rows", "seed 1"),
    (grid(pd.DataFrame({"model": ["a", "b|c"], "elpd": [-10.25, 3.0]}), formats={"elpd": ".1f"}),),
    "elpd: more is better", ("Take a.",), False, ("one row dropped",), (Fold("Code", "x < 1"),),
)  # fmt: skip


def test_as_text() -> None:
    assert set_text(SAID).splitlines() == [
        "two models",
        "  of 8 rows",
        "  seed 1",
        "",
        "model   elpd",
        "a      -10.2",
        "b|c      3.0",
        "elpd: more is better",
        "",
        "Take a.",
        "Note: one row dropped",
    ]


def test_as_markdown() -> None:
    assert set_markdown(SAID).splitlines() == [
        "**two models**",
        "",
        r"- of 8 rows",
        r"- seed 1",
        "",
        "| model | elpd |",
        "|:---|---:|",
        "| a | -10.2 |",
        r"| b\|c | 3.0 |",
        "",
        "elpd: more is better",
        "",
        "Take a.",
        "",
        "Note: one row dropped",
    ]


def test_as_a_page() -> None:
    words = Page(set_html(SAID)).words
    assert words == [
        "two models", "of 8 rows", "seed 1", "model", "elpd", "a", "-10.2", "b|c", "3.0",
        "elpd: more is better", "Take a.", "Note: one row dropped", "Code", "x < 1",
    ]  # fmt: skip


@pytest.mark.parametrize("label", [*LABELS.values(), "- a", "# b", "1. c", "=", "---", "`x`"])
def test_markdown_shows_labels_as_they_are(label: str) -> None:
    """Read back by another program: the words, and nothing but words."""
    shown = printable(label)
    table = Grid(("a", label), (("x",), (label,)), (False, False), title=label)
    said = Said(label, (label,), (table,), words=(label,), formula=True)
    read = MarkdownIt("commonmark").enable("table").render(set_markdown(said))
    found = Page(read)
    assert [w for w in found.words if w.strip()] == [
        shown, shown, shown, "a", shown, "x", shown, shown
    ]  # fmt: skip
    assert [entry[0] for entry in found.structure if isinstance(entry, tuple)] == [
        "p", "code", "ul", "li", "p", "strong", "table", "thead", "tr", "th", "th",
        "tbody", "tr", "td", "td", "p",
    ]  # fmt: skip


@pytest.mark.parametrize("label", LABELS.values(), ids=list(LABELS))
def test_tables_of_text_keep_their_columns(label: str) -> None:
    lines = list(grid_lines(Grid(("a", "n"), ((label, "x" * 90), ("1", "22")), (False, True))))
    assert {width(line) for line in lines} == {80}
    assert len(lines) == 3
