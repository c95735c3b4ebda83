"""Results as HTML: hostile labels change nothing but the words."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from hierglm.results.fitted import Fitted
from hierglm.results.sections import folds, summarise
from hierglm.results.text import text
from hierglm.showing.html import html_grids, set_html
from hierglm.showing.said import grid
from hierglm.showing.width import printable
from tests.results.made import made
from tests.showing.hostile import LABELS, Page


def page(fit: Fitted) -> str:
    return set_html(summarise(fit).said(folds(fit.plan, fit.program.code)))


@pytest.mark.parametrize("label", LABELS.values(), ids=list(LABELS))
def test_a_hostile_label_changes_nothing_but_the_words(label: str) -> None:
    def with_label(name: str) -> Page:
        return Page(page(made(terms=("Intercept", name), group=f"g{name}", levels=[name, "B"])))

    tame, found = with_label("TAME"), with_label(label)
    assert found.structure == tame.structure
    # In the parts to unfold names are quoted where they could be misread.
    shown = tame.words.index("Priors")
    words = [w.replace("TAME", printable(label)) for w in tame.words[1:shown]]
    assert found.words[1:shown] == words
    # A formula may run over several lines, and is shown in one.
    assert found.words[0] == printable(" ".join(tame.words[0].replace("TAME", label).split()))


def test_the_page_says_what_the_text_says() -> None:
    fit = made(second=("a", "b"))
    said = " ".join(Page(page(fit)).words)
    for line in text(fit).splitlines():
        for word in line.replace(",", " ").split():
            assert word.strip("()") in said, line


def test_nothing_runs_nothing_is_fetched_nothing_leaks() -> None:
    found = Page(page(made()))
    tags = [entry for entry in found.structure if isinstance(entry, tuple)]
    assert {tag for tag, _ in tags} == {
        "div", "code", "table", "tbody", "tr", "th", "td", "small", "details", "summary", "pre",
    }  # fmt: skip
    attributes = {name for _, some in tags for name, _ in some}
    assert attributes == {"class", "style", "scope", "colspan", "dir"}
    styles = {value or "" for _, some in tags for name, value in some if name == "style"}
    # Text has the colour of the page: no colour of text, and no background, is set.
    assert not re.search(r"(^|;)(color|background)|url|@", ";".join(styles))


def test_numbers_have_the_digits_that_they_are_worth() -> None:
    frame = pd.DataFrame(
        {
            "term": ["x", "<z>"], "level": ["", ""], "estimate": [1.23456, -70.0],
            "std_error": [0.0234, 12.0], "rhat": [1.0001, np.nan], "ess_bulk": [399.9, 1e4],
            "n": [3, 1234567890], "k": [0.012345, 123.4], "ok": [True, False],
        }
    )  # fmt: skip
    found = Page(html_grids([grid(frame)], styled=False))
    assert [w.replace("\u2007", "_") for w in found.words] == [
        "term", "estimate", "std_error", "rhat", "ess_bulk", "n", "k", "ok",
        "x", "1.235", "0.023", "1.001", "399", "3", "0.0123", "True",
        "<z>", "-70____", "12____", "-", "10000", "1234567890", "123_____", "False",
    ]  # fmt: skip
    attributes = {name for e in found.structure if isinstance(e, tuple) for name, _ in e[1]}
    assert attributes == {"class", "scope", "dir"}


def test_long_tables_say_what_is_left_out() -> None:
    frame = pd.DataFrame({"level": range(20)})
    words = Page(html_grids([grid(frame, rows=5, more="fit.ranef()")])).words
    assert words == ["level", *"01234", "(15 more: fit.ranef())"]
    assert Page(html_grids([grid(frame)])).words == ["level", *map(str, range(20))]
