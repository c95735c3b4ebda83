"""Reports as pages: what they are made of, whatever the labels are."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import hierglm as hg
from hierglm.reporting import sections, trust
from hierglm.reporting.document import Document, Picture
from hierglm.reporting.markdown import set_document
from hierglm.reporting.page import set_page
from hierglm.reporting.references import REFERENCES
from hierglm.reporting.report import document
from hierglm.showing.width import printable
from tests.reporting.conftest import Labelled
from tests.showing.hostile import LABELS, Page

# HTML's elements without an end.
VOID = {"meta", "img"}
SHOWN = {"alt", "src", "width", "height"}


class Report(Page):
    """A whole page taken apart; of pictures only that they are there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept = [(k, "" if k in SHOWN else v) for k, v in attrs]
        super().handle_starttag(tag, kept)
        if tag in VOID:
            super().handle_endtag(tag)

    @property
    def tags(self) -> list[tuple[str, dict[str, str | None]]]:
        return [(e[0], dict(e[1])) for e in self.structure if isinstance(e, tuple)]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out pictures, and what takes computing: what they show is not what is tested."""
    monkeypatch.setattr(trust, "_chains", lambda fitted: ())
    monkeypatch.setattr(
        sections, "_drawn", lambda draw, alt, caption: (Picture(b"", 1, 1, alt, ""),)
    )
    monkeypatch.setattr(sections, "_explained", lambda fitted: ())
    monkeypatch.setattr(sections, "_leaning", lambda fitted: ())


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", [*LABELS, "long"])
def test_a_hostile_label_changes_nothing_but_the_words(labelled: Labelled, name: str) -> None:
    label = LABELS.get(name, "long " * 2000)

    def parts(label: str) -> tuple[Report, list[str]]:
        made = document(labelled(label), label, label)
        # The script at the end says more of levels that are not in alphabetical order.
        lines = set_document(made).partition("## The exact code")[0].splitlines()
        return Report(set_page(made)), [re.match(r"[#>|\-$`!]*", x)[0] for x in lines]  # type: ignore[index]

    tame, tame_lines = parts("TAME")
    found, lines = parts(label)
    assert found.structure == tame.structure
    assert lines == tame_lines
    assert printable(label).strip() in [word.strip() for word in found.words]


def test_the_page_is_made_for_everyone_and_fetches_nothing(report: Document) -> None:
    text = set_page(report)
    found = Report(text)
    tags = [tag for tag, _ in found.tags]
    assert "script" not in tags
    assert dict(found.tags)["html"] == {"lang": "en"}
    heads = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert heads[0] == 1
    assert heads.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(heads))
    scopes = [a.get("scope") for tag, a in found.tags if tag == "th"]
    assert set(scopes) == {"row", "col", "rowgroup"}
    ids = {a["id"] for _, a in found.tags if "id" in a}
    links = {a["href"] for tag, a in found.tags if tag == "a"}
    assert links == {f"#{name}" for name in ids}
    assert all(alt.strip() for alt in re.findall(r'<img [^>]*alt="([^"]*)"', text))
    sources = re.findall(r'(?:src|href|url|action|data|poster|srcset)="([^"]*)"', text)
    assert all(s.startswith(("#", "data:image/png;base64,")) for s in sources)
    assert "url(" not in text
    assert "@import" not in text
    for formula in re.findall(r"<math.*?</math>", text, re.S):
        ElementTree.fromstring(formula)


def test_the_same_fit_gives_the_same_bytes_from_a_file_too(
    schools: hg.Fit, report: Document, tmp_path: Path
) -> None:
    schools.save(tmp_path / "fit.hglm")
    out = tmp_path / "report.html"
    hg.load(tmp_path / "fit.hglm").report(out, "Schools", "Does coaching help?")
    assert out.read_bytes() == set_page(report).encode()
    assert schools.when
    assert schools.when in out.read_text()


def row(found: Report, label: str) -> list[str]:
    """Return the words of the seven cells that follow a label in a table of estimates."""
    at = next(
        k for k, w in enumerate(found.words)
        if w == label and re.fullmatch(r"-?[\d.\u2007]+", found.words[k + 1])
    )  # fmt: skip
    return [w.strip("\u2007") for w in found.words[at + 1 : at + 8]]


def test_numbers_are_those_of_the_fit(schools: hg.Fit, report: Document) -> None:
    found = Report(set_page(report))
    table = schools.tidy()
    for label, numbers in zip(("Intercept", "sd(Intercept)"), table.itertuples(), strict=True):
        cells = row(found, label)
        for cell, value in zip(cells[:4], numbers[8:12], strict=True):
            decimals = len(cell.partition(".")[2])
            assert float(cell) == pytest.approx(value, abs=0.5 * 10.0**-decimals + 1e-12)
        assert float(cells[4]) == pytest.approx(numbers.rhat, abs=0.001)
        assert [int(c) for c in cells[5:]] == [int(numbers.ess_bulk), int(numbers.ess_tail)]
    words = found.words
    checked = schools.check()
    assert words[words.index("largest R-hat") + 1] == f"{np.ceil(checked.rhat * 1000) / 1000:.3f}"
    assert words[words.index("divergent transitions, of 2,000") + 1] == "0"
    at = words.index("school", words.index("grouping factor"))
    assert words[at + 1 : at + 5] == ["8", "1", "1", "1"]
    assert words[words.index("mean") - 1] == "column"
    # Mean, sd, quantiles of the schools' effects: 28, 8, -3, 7, -1, 1, 18, 12.
    at = words.index("y", words.index("mean"))
    shown = [float(w.strip("\u2007")) for w in words[at + 1 : at + 6]]
    assert shown == [8.75, 10.4, -3.0, 7.5, 28.0]
    for prior in schools.plan.model.prior_table().itertuples(index=False):
        at = words.index(prior.parameter)
        assert words[at : at + 3] == list(prior)


def test_what_is_told_of_tables_is_among_the_methods_with_its_sources(
    schools: hg.Fit, report: Document
) -> None:
    names = [s.name for s in report.sections]
    (paragraph, sources, entries) = report.sections[names.index("methods")].blocks
    for sentence in (sections.LEANING, sections.EXPLAINED):
        assert str(sentence) in paragraph.text
        for key in sentence.cites:
            assert REFERENCES[key].text in sources.items
            assert REFERENCES[key].bibtex(key) in entries.text
    words = Report(set_page(report)).words
    at = words.index(str(sections.LEANING))
    found = schools.sensitivity()
    assert words[at + 1 : at + 4] == ["parameter", "prior", "likelihood"]
    after = words[at:]
    for name, prior in zip(found["parameter"], found["prior"], strict=True):
        shown = after[after.index(name) + 1].strip("\u2007")
        assert float(shown) == pytest.approx(prior, rel=0.005)


@pytest.mark.usefixtures("undrawn")
def test_fits_that_cannot_be_trusted_say_so_first(schools: hg.Fit) -> None:
    stats = dict(schools.draws.stats)
    stats["diverging"] = np.arange(2000).reshape(4, 500) % 100 == 0
    bad = replace(schools, draws=replace(schools.draws, stats=stats))
    found = Report(set_page(document(bad)))
    kinds = [a["class"] for _, a in found.tags if (a.get("class") or "").startswith("callout")]
    assert kinds == ["callout trouble", "callout trouble"]
    said = "A problem was found that makes the numbers unsafe to use; see the diagnostics."
    assert found.words.index(said) < found.words.index("largest R-hat")
    assert found.words[found.words.index("divergent transitions, of 2,000") + 1] == "20"


def test_endings_and_folders_that_cannot_be(schools: hg.Fit, tmp_path: Path) -> None:
    with pytest.raises(hg.errors.SettingsError, match=r"the file types are \.html, \.md and"):
        schools.report(tmp_path / "report.docx")
    with pytest.raises(hg.errors.FileError, match="there is no folder"):
        schools.report(tmp_path / "nowhere" / "report.html")
    assert list(tmp_path.iterdir()) == []
