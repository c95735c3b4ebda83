"""A report as PDF: its page printed on A4 by a browser that is there.

Browsers of the Chromium family print without a window, set MathML, and are on most machines;
libraries that make PDF of HTML do not know MathML.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hierglm.errors import FileError

BROWSER = "HIERGLM_BROWSER"
"""The environment variable that names a browser."""
NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser"),
)
"""What browsers are called on the path."""
SECONDS = 180.0
"""After which a browser is given up."""

_MAC = ("Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser")
_WINDOWS = (("Google", "Chrome", "chrome.exe"), ("Microsoft", "Edge", "msedge.exe"))
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    # The page fetches nothing; nor is the browser to look for news of itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def find_browser() -> str:
    """Return the path of a browser that prints: HIERGLM_BROWSER, else one of `NAMES`.

    Raises
    ------
    FileError
        Where there is none; says what would do.
    """
    asked = os.environ.get(BROWSER)
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise FileError(f"there is no browser {asked!r}, which {BROWSER} names")
        return found
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    for path in _installed():
        if path.is_file():
            return str(path)
    raise FileError(
        "a report as PDF is printed by a browser, and there is none: install Chromium, Chrome or "
        f"Edge (or say where it is by the variable {BROWSER}); or write .html and print that by "
        "the browser you have"
    )


def print_page(page: str, path: Path, browser: str, seconds: float = SECONDS) -> None:
    """Print an HTML page to a PDF file.

    Parameters
    ----------
    page : str
        As `hierglm.reporting.page.set_page` returns it.
    path : Path
    browser : str
        See `find_browser`.
    seconds : float
        After which it is given up.

    Raises
    ------
    FileError
        What the browser said, where it made no PDF.
    """
    with tempfile.TemporaryDirectory(prefix="hierglm-", ignore_cleanup_errors=True) as folder:
        source, made = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        profile = f"--user-data-dir={Path(folder) / 'profile'}"
        # Chromium refuses to have a sandbox where it is run by root, as in containers.
        root = ("--no-sandbox",) if getattr(os, "geteuid", lambda: 1)() == 0 else ()
        command = [browser, *_OPTIONS, *root, profile, f"--print-to-pdf={made}", source.as_uri()]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise FileError(f"{browser} has printed no PDF in {seconds:g} s") from None
        except OSError as error:
            raise FileError(f"cannot run {browser}: {error.strerror or error}") from error
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF-"):
            said = " ".join(done.stderr.decode(errors="replace").split())[-300:]
            raise FileError(f"{browser} printed no PDF (exit code {done.returncode}): {said}")
        shutil.copyfile(made, path)


def _installed() -> Iterator[Path]:
    """Yield where browsers are that are not on the path."""
    if sys.platform == "darwin":
        for name in _MAC:
            yield Path("/Applications", f"{name}.app", "Contents", "MacOS", name)
    if os.name == "nt":
        for variable in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData"):
            for maker, name, file in _WINDOWS:
                yield Path(os.environ.get(variable, ""), maker, name, "Application", file)
