"""Reports as PDF: what browsers print, and what is said where they do not."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import hierglm as hg
from hierglm.reporting import report as reports
from hierglm.reporting.document import Document, Paragraph, Section
from hierglm.reporting.page import set_page
from hierglm.reporting.printing import BROWSER, NAMES, find_browser, print_page
from tests.results.made import made

THERE = next(filter(None, map(shutil.which, NAMES)), "")
PAGE = set_page(
    Document(
        "<Title>",
        (),
        tuple(Section(f"s{k}", f"S {k}", (Paragraph("word " * 2000),)) for k in range(3)),
    )
)

# A browser that writes what it was asked for, or does what its name says.
FAKE = """#!{python}
import sys, time
from pathlib import Path
target = Path(next(a for a in sys.argv if a.startswith("--print-to-pdf=")).partition("=")[2])
kind = Path(sys.argv[0]).name
if kind == "slow":
    time.sleep(60)
if kind == "broken":
    sys.exit("no\\nscreen")
page = Path(sys.argv[-1].removeprefix("file://")).read_bytes()
target.write_bytes((b"%PDF-" if kind == "good" else b"<html>") + page)
"""


def browser(folder: Path, kind: str) -> str:
    path = folder / kind
    path.write_text(FAKE.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(not THERE, reason="no browser here")
def test_a_page_is_printed_on_a4(tmp_path: Path) -> None:
    print_page(PAGE, tmp_path / "page.pdf", THERE)
    found = (tmp_path / "page.pdf").read_bytes()
    assert found.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", found)
    # 210 x 297 mm in points of 1/72 inch, rounded to pixels of 1/96.
    assert len(boxes) > 1
    for wide, high in boxes:
        assert float(wide) == pytest.approx(210 / 25.4 * 72, abs=0.75)
        assert float(high) == pytest.approx(297 / 25.4 * 72, abs=0.75)
    assert b"/StructTreeRoot" in found


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
def test_what_browsers_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.pdf"
    target.write_text("before")
    monkeypatch.setattr(reports, "document", lambda *_: Document("T", (), ()))
    for kind, said in {
        "broken": r"printed no PDF \(exit code 1\): no screen$",
        "other": "printed no PDF",
    }.items():
        monkeypatch.setenv(BROWSER, browser(tmp_path, kind))
        with pytest.raises(hg.errors.FileError, match=said):
            reports.report(made(), target)
        assert target.read_text() == "before"
    with pytest.raises(hg.errors.FileError, match=r"no PDF in 0.2 s"):
        print_page(PAGE, target, browser(tmp_path, "slow"), seconds=0.2)
    monkeypatch.setenv(BROWSER, browser(tmp_path, "good"))
    assert reports.report(made(), target) == target
    assert target.read_bytes() == b"%PDF-" + set_page(Document("T", (), ()), True).encode()
    assert {p.name for p in tmp_path.iterdir()} == {"report.pdf", "broken", "other", "slow", "good"}


def test_without_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BROWSER, str(tmp_path / "none"))
    with pytest.raises(hg.errors.FileError, match="which HIERGLM_BROWSER names"):
        find_browser()
    monkeypatch.delenv(BROWSER)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hierglm.reporting.printing._installed", lambda: iter(()))
    with pytest.raises(hg.errors.FileError, match="install Chromium, Chrome or Edge"):
        reports.report(made(), tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []
