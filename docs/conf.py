"""Sphinx's settings for the site.

Sphinx with MyST-NB, since it alone of the well-kept tools does all that the site needs with
nothing of ours beside it but `docs/read.py`: it runs plain Markdown at build time and stops at
the first error, reads NumPy docstrings, checks every internal link (``-W`` stops the build at one
that leads nowhere), and makes pages and a search that need no network.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
# Pictures are part of the pages, whatever is set where they are built.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

from docs.records import write_records  # noqa: E402
from hierglm.engines.installed import find_stan  # noqa: E402
from hierglm.errors import EngineMissing  # noqa: E402
from hierglm.reporting.stylesheet import FORMULAS  # noqa: E402
from hierglm.version import __version__  # noqa: E402

project = "hierglm"
author = "The hierglm founders"
copyright = f"2026, {author}. BSD-3-Clause"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["README.md"]
default_role = "py:obj"
autodoc_typehints = "none"
"""Types stand in the docstrings, in words."""
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
suppress_warnings = ["mystnb.unknown_mime_type"]

nb_custom_formats = {".md": "docs.read.read_page"}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 1800
nb_execution_in_temp = True
# These have nothing to run.
nb_execution_excludepatterns = [
    "index.md", "glossary.md",
    "families/*", "structures/*", "shell/*", "changes.md",
]  # fmt: skip
COMPILED = "marginalisation"
"""The page with programs that a C++ compiler builds."""
NOT_RUN = """```{note}
There was no compiled Stan where these pages were built, so that the code on this page was not run,
and nothing stands under it. `hierglm toolchain install` gets what it needs.
```

"""
try:
    find_stan()
    compiles = True
except EngineMissing:
    compiles = False
    nb_execution_excludepatterns.append(f"{COMPILED}.md")
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"hierglm {__version__}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["formulas.css", "page.css"]


def say_what_was_not_run(_: object, name: str, text: list[str]) -> None:
    """Put a note on top of the page that could not be run."""
    if name == COMPILED and not compiles:
        text[0] = NOT_RUN + text[0]


def setup(app: Any) -> None:
    """Write what is made from the package before anything is read."""
    app.connect("source-read", say_what_was_not_run)
    style = FORMULAS.replace("var(--quiet)", "var(--color-foreground-secondary)")
    (ROOT / "docs" / "static" / "formulas.css").write_text(style, encoding="utf-8")
    write_records(ROOT / "vignettes")
