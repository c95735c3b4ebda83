"""A report as values, before it is set as HTML or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hierglm.reporting.notation import Node
from hierglm.reporting.symbols import Block as Lines
from hierglm.showing.said import Grid
from hierglm.showing.width import printable, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 120
"""Columns of a label in a table; longer ones are shortened in their middle."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose."""

    text: str


@dataclass(frozen=True, slots=True)
class Callout:
    """Sentences that stand out: whether the numbers can be trusted."""

    sentences: tuple[str, ...]
    healthy: bool


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences below each other."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """Lines of mathematics, with a title."""

    lines: Lines


@dataclass(frozen=True, slots=True)
class Meanings:
    """Symbols, and what they mean."""

    pairs: tuple[tuple[Node, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Tables of texts below a caption; those with the same columns align."""

    caption: str
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in the file itself.

    Attributes
    ----------
    png : bytes
    width, height : int
        In pixels of a screen with 96 an inch.
    alt : str
        What it shows, for who does not see it.
    caption : str
    """

    png: bytes
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Code, or other text that is shown line by line.

    Attributes
    ----------
    text : str
    language : str
        "python", "stan", "bibtex", "" of a formula.
    title : str
        Of a listing that a page unfolds when asked; "" where it is shown at once.
    """

    text: str
    language: str = ""
    title: str = ""


Block = Paragraph | Callout | Bullets | Formula | Meanings | Table | Picture | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under a heading.

    Attributes
    ----------
    name : str
        For links within the page.
    title : str
    blocks : tuple of Block
    """

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Attributes
    ----------
    title : str
    lead : tuple of Block
        What stands before the first section.
    sections : tuple of Section
    """

    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]


def table(caption: str, *grids: Grid) -> Iterator[Table]:
    """Yield tables with rows below a caption, their labels not too long; nothing if none has."""
    some = tuple(_short(g) for g in grids if g.columns and g.columns[0])
    if some:
        yield Table(caption, some)


def _short(grid: Grid) -> Grid:
    columns = (
        column if numeric else tuple(shorten(printable(text), LONGEST) for text in column)
        for column, numeric in zip(grid.columns, grid.numeric, strict=True)
    )
    return replace(grid, columns=tuple(columns), title=shorten(printable(grid.title), LONGEST))


def picture(figure: Figure, alt: str, caption: str) -> Picture:
    """Return a figure of `hierglm.plots` as an image: the same figure, the same bytes."""
    png, size = figure._repr_png_()  # type: ignore[attr-defined]
    return Picture(png, size["width"], size["height"], alt, caption)
