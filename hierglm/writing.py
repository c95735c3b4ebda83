"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.errors import FileError

if TYPE_CHECKING:
    import pandas as pd

WRITERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".csv": ("to_csv", {"index": False}),
    ".tsv": ("to_csv", {"index": False, "sep": "\t"}),
    ".parquet": ("to_parquet", {"index": False}),
    ".feather": ("to_feather", {}),
}
"""What writes tables to files of each ending: a method of pandas' tables, and its options."""

_DEAD = 3600.0
"""Seconds in which who is still writing would have written something."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield where to write what takes the place of a file once all is written.

    Parameters
    ----------
    path : str or Path
        What is there stays as it is until the ``with`` statement has ended well.

    Yields
    ------
    Path
        Beside it, with its ending; removed whatever happens, by the next who writes there where
        this process is killed (`sweep`).

    Raises
    ------
    FileError
        If it cannot be written; nothing is left behind.
    """
    refuse_unwritable(path)
    target = Path(os.path.realpath(path))
    sweep(target)
    beside = target.with_name(f".{secrets.token_hex(6)}.{target.name}")
    try:
        yield beside
        os.replace(beside, target)  # noqa: PTH105 (one atomic step)
    except OSError as error:
        raise FileError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def sweep(target: Path, seconds: float = _DEAD) -> None:
    """Remove what processes left beside a file that were killed while they wrote it.

    Parameters
    ----------
    target : Path
        The file.
    seconds : float
        What was touched later stays: another process may be writing it.
    """
    left = re.compile(rf"\.[0-9a-f]{{12}}\.{re.escape(target.name)}")
    with suppress(OSError):
        for file in target.parent.iterdir():
            if left.fullmatch(file.name) and time.time() - file.stat().st_mtime >= seconds:
                file.unlink()


def refuse_unwritable(path: str | Path) -> None:
    """Refuse a path at which no file can be, before hours are spent on what it is to hold.

    Raises
    ------
    FileError
        A folder, a path in a folder that is not there, or what can be none.
    """
    try:
        target = Path(os.path.realpath(path))
        folder = target.is_dir()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise FileError(f"cannot write {str(path)[:200]!r}: {why}") from error
    if folder:
        raise FileError(f"cannot write {str(path)!r}: it is a folder")
    if not target.parent.is_dir():
        raise FileError(f"cannot write {str(path)!r}: there is no folder {str(target.parent)!r}")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    FileError
        Where it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {str(path)!r}: {error.strerror}") from error


def write_text(path: str | Path, text: str) -> None:
    """Write text in UTF-8, with the same line ends on every system."""
    with replacing(path) as beside:
        beside.write_bytes(text.encode())


def refuse_ending(path: str | Path) -> None:
    """Refuse a name whose ending says no kind of table.

    Raises
    ------
    FileError
        Names the endings that there are.
    """
    if Path(path).suffix.lower() not in WRITERS:
        raise FileError(f"cannot write {str(path)!r}: the file types are {', '.join(WRITERS)}")


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table in the format that the ending of the path says.

    Raises
    ------
    FileError
        An ending that is not known, or a path that cannot be written.
    """
    refuse_ending(path)
    method, options = WRITERS[Path(path).suffix.lower()]
    with replacing(path) as beside:
        try:
            getattr(table, method)(beside, **options)
        except ImportError as error:
            raise FileError(f"cannot write {str(path)!r}: {error}") from error
