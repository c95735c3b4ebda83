"""Sphinx's settings for the site.

Sphinx with MyST-NB, since it alone of the well-kept tools does all that the site needs with
nothing of ours beside it but `docs/read.py`: it runs plain Markdown at build time and stops at
the first error, reads NumPy docstrings, checks every internal link (``-W`` stops the build at one
that leads nowhere), and makes pages and a search that need no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.records import write_records  # noqa: E402
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
nb_execution_timeout = 600
nb_execution_in_temp = True
# These have nothing to run, or need a C++ compiler (the slow tests run that one).
nb_execution_excludepatterns = [
    "index.md", "glossary.md", "cite.md", "phrase_book.md", "marginalisation.md",
    "families/*", "structures/*", "shell/*", "changes.md",
]  # fmt: skip
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


def setup(app: object) -> None:
    """Write what is made from the package before anything is read."""
    style = FORMULAS.replace("var(--quiet)", "var(--color-foreground-secondary)")
    (ROOT / "docs" / "static" / "formulas.css").write_text(style, encoding="utf-8")
    write_records(ROOT / "vignettes")
