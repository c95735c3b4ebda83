"""Publication tables as Word documents, by python-docx."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.errors import FileError
from hierglm.showing.width import printable, width

if TYPE_CHECKING:
    from hierglm.publishing.model_table import ModelTable


def write_docx(table: ModelTable, path: Path) -> None:
    """Write a table as a Word document: a caption, one table, and the notes below.

    Parameters
    ----------
    table : ModelTable
    path : Path

    Raises
    ------
    FileError
        Without python-docx.
    """
    try:
        from docx import Document
        from docx.shared import Pt
    except ImportError:
        raise FileError("a .docx needs python-docx: pip install 'hierglm[docx]'") from None

    from hierglm.publishing.formats import NEGATIVE, rows

    document = Document()
    if table.title:
        caption = document.add_paragraph(printable(table.title), style="Caption")
        caption.paragraph_format.keep_with_next = True
    every = [("head", "", table.models), *rows(table)]
    every = [row for row in every if row[0] != "rule"]
    grid = document.add_table(len(every), len(table.models) + 1)
    for place, (kind, label, cells) in enumerate(every):
        # All cells of a row at once: one by one they are looked for from the beginning.
        own = grid.rows[place].cells
        _write(own[0], printable(label), kind == "title", inset=kind == "line")
        texts = cells or ("",) * len(table.models)
        for cell, text in zip(own[1:], texts, strict=True):
            _write(cell, NEGATIVE.sub("−", printable(text)), False, centred=True)
    _share(grid, every)
    _rule(grid, 0, "top")
    _rule(grid, 0, "bottom")
    _rule(grid, len(every) - len(table.foot.lines), "top")
    _rule(grid, len(every) - 1, "bottom")
    for note in table.notes:
        paragraph = document.add_paragraph()
        paragraph.add_run(printable(note)).italic = True
        paragraph.paragraph_format.space_before = Pt(4)
        paragraph.paragraph_format.space_after = Pt(0)
    document.save(str(path))


def _write(cell: Any, text: str, italic: bool, centred: bool = False, inset: bool = False) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = cell.paragraphs[0]
    # Cells without text too: the tallest decides the height of a row.
    paragraph.paragraph_format.space_after = Pt(0)
    if inset:
        paragraph.paragraph_format.left_indent = Pt(9)
    run = paragraph.add_run(text)
    run.italic = italic
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _share(grid: Any, every: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    """Give each column of the page's width what its longest text needs, the labels most."""
    texts = [[label, *cells] for _, label, cells in every if cells]
    needed = [min(max(map(width, column)), 40) + 3 for column in zip(*texts, strict=True)]
    whole = sum(column.width for column in grid.columns)
    grid.autofit = False
    for column, share in zip(grid.columns, needed, strict=True):
        column.width = int(whole * share / sum(needed))
        for cell in column.cells:
            cell.width = column.width


def _rule(grid: Any, row: int, edge: str) -> None:
    """Draw a line along an edge of a row: python-docx has no call of its own for it."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for cell in grid.rows[row].cells:
        properties = cell._tc.get_or_add_tcPr()
        borders = properties.find(qn("w:tcBorders"))
        if borders is None:
            borders = OxmlElement("w:tcBorders")
            properties.append(borders)
        line = OxmlElement(f"w:{edge}")
        for name, value in (("val", "single"), ("sz", "6"), ("space", "0"), ("color", "auto")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
