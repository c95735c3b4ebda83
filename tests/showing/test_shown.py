"""A notebook gets every format of what an object says, from one look at it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

import hierglm as hg
from hierglm.results import sections
from hierglm.results.findings import Check, Finding
from hierglm.showing.html import set_html
from hierglm.showing.markdown import set_markdown
from tests.results.made import made


def test_a_fit_is_summarised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made()
    fit = hg.Fit(**{f.name: getattr(found, f.name) for f in fields(found)})
    formats = {
        "text/plain": str(fit), "text/html": fit._repr_html_(),
        "text/markdown": fit._repr_markdown_(),
    }  # fmt: skip
    assert (formats["text/html"], formats["text/markdown"]) == (
        set_html(fit.said()), set_markdown(fit.said()),
    )  # fmt: skip
    calls: list[Any] = []
    check = sections.check
    monkeypatch.setattr(sections, "check", lambda f: calls.append(f) or check(f))
    assert fit._repr_mimebundle_() == formats
    assert calls == [fit]


def test_other_objects_say_what_their_text_says() -> None:
    finding = Finding("rhat", "problem", "R-hat is <2>", "Run longer")
    found = Check((finding,), 2.0, 10.0, 1, 1)
    assert str(found) == repr(found) == "R-hat is <2>. Run longer"
    page = found._repr_mimebundle_()["text/html"]
    assert page == set_html(found.said())
    assert "R-hat is &lt;2&gt;. Run longer" in page
