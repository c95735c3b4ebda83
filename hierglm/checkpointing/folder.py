"""Checkpoints of many units: a folder with a file for each, and which run these are of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from hierglm.errors import CheckpointError, FileError, clipped
from hierglm.paths import path_of
from hierglm.results.archive import MAX_JSON, read_json
from hierglm.writing import make_folder, write_text

Facts = Mapping[str, str | Sequence[str]]
"""What a run is known by, as a user would call it."""

_RUN = "run.json"
_TASK = "task"


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the checkpoints of many units are.

    Attributes
    ----------
    path : Path
        Absolute: units may run in processes that work elsewhere.
    seed : int
        Of the run.
    """

    path: Path
    seed: int

    def file(self, number: int, ending: str) -> Path:
        """Return the file of a unit, counted from 1: names may be no names of files."""
        return self.path / f"{number}{ending}"


def open_folder(
    path: str | PathLike[str], task: str, facts: Facts, given: int | None, seed: int
) -> Folder:
    """Return the folder of a run, made where there is none.

    Parameters
    ----------
    path : path
    task : str
        What is done, "fit_many".
    facts : mapping of str to str or sequence of str
        What else it is known by.
    given : int or None
        The seed, if the caller gave one.
    seed : int
        That of a new folder.

    Raises
    ------
    CheckpointError
        If the folder is of another run, or of another seed; says what differs.
    FileError
        If there is something else, or it cannot be read or written.
    """
    folder = path_of(path, "checkpoint").absolute()
    file, shown = folder / _RUN, repr(str(path))
    if folder.exists() and not folder.is_dir():
        raise FileError(f"checkpoint={shown} is a file, and {task} keeps its parts in a folder")
    here = {_TASK: task} | {k: v if isinstance(v, str) else list(v) for k, v in facts.items()}
    kept, there = _read(file) if file.exists() else (seed, {})
    if not there or _has_nothing(folder):
        # A run that has nothing yet, or was refused before it began, is in nobody's way.
        seed = kept if given is None and there == here else seed
        make_folder(folder)
        write_text(file, json.dumps({"seed": seed, "run": here}, indent=1) + "\n")
        return Folder(folder, seed)
    other = [name for name in here if there.get(name) != here[name]]
    if _TASK in other:
        # All else differs too.
        other = [_TASK]
    said = "" if given in (None, kept) else f"\n  seed: {kept} there, {given} here"
    said += "".join(
        f"\n  {name}: {clipped(str(there.get(name, 'none')))} there, "
        f"{clipped(str(here[name]))} here"
        for name in other
    )
    if said:
        raise CheckpointError(
            f"{shown} has the checkpoints of another run:{said}\n  Take another folder, or remove "
            "it if what it has is not wanted."
        )
    return Folder(folder, kept)


def _has_nothing(folder: Path) -> bool:
    try:
        return all(file.name == _RUN for file in folder.iterdir())
    except OSError:
        return False


def _read(file: Path) -> tuple[int, dict[str, Any]]:
    """Return the seed that a file tells, and what the run is known by."""
    try:
        if file.stat().st_size > MAX_JSON:
            raise ValueError("it is too long")
        said: Any = read_json(file.read_bytes(), _RUN)
        seed, there = said["seed"], said["run"]
        if type(seed) is not int or type(there) is not dict:
            raise TypeError("it does not have a seed and a run")
    except OSError as error:
        raise FileError(f"cannot read {str(file)!r}: {error.strerror}") from error
    except (FileError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{str(file)!r} is damaged: {error}") from error
    return seed, there
