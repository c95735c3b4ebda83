"""No network at run time: fits, pictures, reports and files, in this process and its children."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

import hierglm as hg

HOOK = """
import os, sys

def seen(what):
    with open(os.environ["SEEN"], "a") as log:
        log.write(what + "\\n")

def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        seen("network: " + event + repr(arguments[1:]))
        raise OSError("no network in this test")

sys.addaudithook(hook)
seen("child")
"""


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a file in which every child process, and every attempt at a connection, is named."""
    folder, log = tmp_path / "site", tmp_path / "seen"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOK)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [before])]))
    monkeypatch.setenv("SEEN", str(log))

    def refuse(*arguments: Any, **_: Any) -> Any:
        log.write_text(f"network: {arguments!r}")
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return log


def test_fitting_drawing_reporting_and_saving_need_no_network(offline: Path) -> None:
    folder = offline.parent
    radon = hg.datasets.radon().head(120)
    fit = hg.fit(
        "log_radon ~ floor_measure + (1 | county_idx)",
        radon,
        engine="embedded",
        chains=2,
        warmup=100,
        draws=100,
        seed=1,
        progress=False,
    )
    fit.plot.trace()
    fit.report(folder / "report.html")
    again = hg.load(fit.save(folder / "fit.hglm"))
    assert repr(again) == repr(fit)
    fit.tidy(), fit.predict(radon.head(3)), fit.loo()
    said = offline.read_text().split()
    # The engine's own process has been there, and saw no connection.
    assert set(said) == {"child"}
    # Nor does the page fetch anything when it is read.
    page = (folder / "report.html").read_text(encoding="utf-8")
    for fetched in ('src="http', 'src="//', "<link", "url(http", "@import"):
        assert fetched not in page
