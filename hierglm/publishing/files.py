"""Publication tables in files: the ending names the format."""

from __future__ import annotations

from pathlib import Path

from hierglm.errors import FileError
from hierglm.publishing.model_table import ModelTable
from hierglm.writing import replacing, write_text

_FORMATS = {".txt": "text", ".md": "markdown", ".html": "html", ".tex": "latex"}
ENDINGS = (*_FORMATS, ".docx")


def save(table: ModelTable, path: Path) -> Path:
    """Write a table to a file, and return its path.

    Parameters
    ----------
    table : ModelTable
    path : Path
        Ending in one of `ENDINGS`.

    Raises
    ------
    FileError
        For another ending, without python-docx for .docx, or where it cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise FileError(f"cannot write {str(path)!r}: a table ends in {', '.join(ENDINGS)}")
    if ending == ".docx":
        from hierglm.publishing.docx import write_docx

        with replacing(path) as beside:
            write_docx(table, beside)
        return path
    text = table.to(_FORMATS[ending])
    if ending == ".html":
        text = f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n{text}\n</html>'
    write_text(path, text + "\n")
    return path
