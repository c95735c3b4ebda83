"""Markdown as it stands in vignettes/ read as a notebook, so that building the site runs it.

Blocks marked ``python`` are cells; the files stay plain Markdown for everything else.
"""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

_CELL = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)


def read_page(text: str) -> NotebookNode:
    r"""Return a page as a notebook: its Python blocks are cells, what lies between is text.

    Parameters
    ----------
    text : str
        Markdown.

    Examples
    --------
    >>> page = read_page("# One\n\n```python\n1 + 1\n```\n\nTwo.\n")
    >>> [(cell.cell_type, cell.source) for cell in page.cells]
    [('markdown', '# One'), ('code', '1 + 1'), ('markdown', 'Two.')]
    """
    cells = []
    # Split at a pattern with a group: text and code in turn, text first.
    for k, piece in enumerate(_CELL.split(text)):
        source = piece.strip("\n")
        if k % 2:
            cells.append(new_code_cell(source))
        elif source:
            cells.append(new_markdown_cell(source))
    for k, cell in enumerate(cells):
        # Ids are random otherwise, and the site would be another with every build.
        cell["id"] = f"cell-{k}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})
