"""Reports in a real browser: as wide as the screen, nothing fetched, no complaints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from hierglm.reporting.document import Document
from hierglm.reporting.page import set_page
from hierglm.reporting.report import document
from tests.reporting.conftest import Labelled
from tests.showing.hostile import LABELS

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
WIDTHS = (360, 1280)

# A page that shows each report in frames of each width, and writes down what it finds in them.
MEASURED = """<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>{frames}
<script>
addEventListener("load", () => {{
  const found = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    return {{
      name: frame.title, asked: frame.clientWidth, wide: root.scrollWidth,
      fetched: frame.contentWindow.performance.getEntriesByType("resource")
        .map(entry => entry.name).filter(name => !name.startsWith("data:")),
      broken: [...page.images].filter(image => !image.naturalWidth).length,
      formulas: [...page.querySelectorAll('math[display="block"]')]
        .map(m => m.getBoundingClientRect()).map(box => [box.width, box.height]),
      headings: page.querySelectorAll("h2").length,
    }};
  }});
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
def test_reports_fit_every_screen(report: Document, labelled: Labelled, tmp_path: Path) -> None:
    label = f"{''.join(LABELS.values())}{'x' * 10_000}"
    pages = {"schools": set_page(report), "hostile": set_page(document(labelled(label), label))}
    frames = "".join(
        f'<iframe title="{name}" style="border:0;width:{width}px;height:900px" '
        f'srcdoc="{escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in WIDTHS
    )
    whole = tmp_path / "measured.html"
    whole.write_text(MEASURED.format(frames=frames), encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--enable-logging=stderr", "--window-size=1400,1000", "--virtual-time-budget=20000",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", whole.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    shown = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert shown, done.stderr[-2000:]
    found = json.loads(shown[1])
    assert [(f["name"], f["asked"]) for f in found] == [(n, w) for n in pages for w in WIDTHS]
    for frame in found:
        assert frame["wide"] <= frame["asked"], frame
        assert frame["fetched"] == []
        assert frame["broken"] == 0
        assert all(height > 5 for _, height in frame["formulas"])
        assert frame["headings"] == len(report.sections)
    # Formulas are as wide on a narrow screen as on any, and scroll there.
    for narrow, wide in zip(found[::2], found[1::2], strict=True):
        assert narrow["formulas"] == wide["formulas"]
        assert len(narrow["formulas"]) == 3
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
