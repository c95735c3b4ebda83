"""Several fits side by side, as a value that can be set in any format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hierglm.errors import SettingsError, suggest
from hierglm.paths import path_of

if TYPE_CHECKING:
    import pandas as pd

Line = tuple[str, tuple[str, ...]]
"""A label, and a text for each model; the second line of an estimate has the label ""."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under one heading.

    Attributes
    ----------
    title : str
        What they are of; "" for what stands at the foot.
    lines : tuple of Line
    """

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ModelTable:
    """Several fits side by side, for a paper; print it, show it in a notebook, or save it.

    Made by `hierglm.table` and `Fit.table`.

    Attributes
    ----------
    models : tuple of str
        Heads of the columns.
    blocks : tuple of Block
        Estimates, by kind.
    foot : Block
        What is said of whole models: rows, levels, and statistics that were asked for.
    notes : tuple of str
        What the numbers are, and what a reader should know of them.
    title : str
        The caption, or "".

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> fit.table().frame()["row"].tolist()
    ['Intercept', '', 'sd(Intercept)', '', 'Distribution', 'Rows', 'Levels of school']
    """

    models: tuple[str, ...]
    blocks: tuple[Block, ...]
    foot: Block
    notes: tuple[str, ...]
    title: str = ""

    @property
    def lines(self) -> Iterator[tuple[str, Line]]:
        """Every line with the heading of its block, from top to bottom."""
        for block in (*self.blocks, self.foot):
            for line in block.lines:
                yield block.title, line

    def to(self, format: str) -> str:
        r"""Return the table as text of some format.

        Parameters
        ----------
        format : {"text", "markdown", "html", "latex"}
            LaTeX needs ``\usepackage{booktabs}``.

        Raises
        ------
        SettingsError
            For a format that there is not.
        """
        from hierglm.publishing.formats import FORMATS

        if format not in FORMATS:
            if format == "docx":
                raise SettingsError("a docx is no text: write it by .save('table.docx')")
            raise SettingsError(f"no format {format!r}{suggest(str(format), FORMATS)}")
        return FORMATS[format](self)

    def save(self, path: str | Path) -> Path:
        """Write the table to a file, in the format that its ending names, and return its path.

        Parameters
        ----------
        path : str or Path
            Ending in .txt, .md, .html, .tex or .docx (``pip install hierglm[docx]``).

        Raises
        ------
        FileError
            For another ending, or where it cannot be written; what was there is untouched.
        """
        from hierglm.publishing.files import save

        return save(self, path_of(path, "path"))

    def frame(self) -> pd.DataFrame:
        """Return the texts as a data frame: columns block, row, and one for each model."""
        import pandas as pd

        rows = [(title, label, *cells) for title, (label, cells) in self.lines]
        return pd.DataFrame(rows, columns=["block", "row", *self.models])

    def __repr__(self) -> str:
        return self.to("text")

    def __str__(self) -> str:
        return self.to("text")

    def _repr_html_(self) -> str:
        return self.to("html")

    def _repr_markdown_(self) -> str:
        return self.to("markdown")

    def _repr_latex_(self) -> str:
        return self.to("latex")
