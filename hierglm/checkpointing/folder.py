"""Checkpoints of many fits: a folder with a file for each, and which fits these are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from hierglm.errors import CheckpointError, FileError, clipped
from hierglm.results.archive import MAX_JSON, read_json
from hierglm.writing import make_folder, write_text

_FITS = "fits.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the checkpoints of many fits are.

    Attributes
    ----------
    path : Path
        Absolute: fits may run in processes that work elsewhere.
    seed : int
        Of all fits.
    """

    path: Path
    seed: int

    def file(self, number: int) -> Path:
        """Return the checkpoint of a fit, counted from 1: names may be no names of files."""
        return self.path / f"{number}.hglm"


def open_folder(
    path: str | PathLike[str], names: Sequence[str], given: int | None, seed: int
) -> Folder:
    """Return the folder of some fits, made where there is none.

    Parameters
    ----------
    path : path
    names : sequence of str
        What the fits are called.
    given : int or None
        The seed, if the caller gave one.
    seed : int
        That of a new folder.

    Raises
    ------
    CheckpointError
        If the folder is of other fits, or of another seed; says what differs.
    FileError
        If there is something else, or it cannot be read or written.
    """
    folder = Path(path).absolute()
    file, shown = folder / _FITS, repr(str(path))
    if folder.exists() and not folder.is_dir():
        raise FileError(f"checkpoint={shown} is a file, and of several fits it is a folder")
    if not file.exists():
        make_folder(folder)
        write_text(file, json.dumps({"seed": seed, "fits": list(names)}, indent=1) + "\n")
        return Folder(folder, seed)
    kept, before = _read(file)
    other = "" if given in (None, kept) else f"\n  seed: {kept} there, {given} here"
    if before != list(names):
        other += f"\n  fits: {clipped(str(before))} there, {clipped(str(list(names)))} here"
    if other:
        raise CheckpointError(
            f"{shown} has the checkpoints of another run:{other}\n  Take another folder, or remove "
            "it if its fits are not wanted."
        )
    return Folder(folder, kept)


def _read(file: Path) -> tuple[int, list[str]]:
    """Return seed and names that a file tells."""
    try:
        if file.stat().st_size > MAX_JSON:
            raise ValueError("it is too long")
        said: Any = read_json(file.read_bytes(), _FITS)
        seed, names = said["seed"], said["fits"]
        if type(seed) is not int or not all(isinstance(name, str) for name in names):
            raise TypeError("it does not have a seed and names")
    except OSError as error:
        raise FileError(f"cannot read {str(file)!r}: {error.strerror}") from error
    except (FileError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{str(file)!r} is damaged: {error}") from error
    return seed, list(names)
