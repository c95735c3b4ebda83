"""What has been done before, from what, and whether it is still as it was left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hierglm.errors import FileError
from hierglm.writing import write_text

NAME = "run.json"
"""The record's file in the output folder."""

_FORMAT = 1
_WORDS = {
    "data": "its data changed",
    "settings": "its keys changed",
    "versions": "versions changed",
    "needs": "what it needs changed",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of one step.

    Attributes
    ----------
    made_from : mapping of str to str
        Hashes of its data, settings, versions, and of the steps that it needs.
    outputs : mapping of str to str
        Hashes of what it wrote, by path.
    healthy : bool
        Whether a model's diagnostics passed.
    said : tuple of str
        What they found.
    seconds : float
        How long it took.
    """

    made_from: Mapping[str, str]
    outputs: Mapping[str, str]
    healthy: bool = True
    said: tuple[str, ...] = ()
    seconds: float = 0.0


def load_record(folder: Path) -> dict[str, Entry]:
    """Return what is remembered, by step; nothing where there is no record.

    Raises
    ------
    FileError
        A record that cannot be read.
    """
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != _FORMAT:
            return {}
        return {
            name: Entry(**{**held, "said": tuple(held["said"])})
            for name, held in found["steps"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(
            f"{str(path)!r} cannot be read; delete it to have all done anew: {error}"
        ) from error


def save_record(folder: Path, record: Mapping[str, Entry]) -> None:
    """Write what is remembered."""
    steps = {name: asdict(entry) for name, entry in record.items()}
    write_text(folder / NAME, json.dumps({"format": _FORMAT, "steps": steps}, indent=1) + "\n")


def why_anew(entry: Entry | None, made_from: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """Return why a step has to be done again, or "" where it is up to date.

    Parameters
    ----------
    entry : Entry or None
        What is remembered of it.
    made_from : mapping of str to str
        Hashes of what it would be made from now.
    outputs : mapping of str to str
        Hashes of what is there, by path; "" of what is not.

    Examples
    --------
    >>> entry = Entry({"data": "a", "settings": "b"}, {"fit.hglm": "c"})
    >>> why_anew(entry, {"data": "x", "settings": "b"}, {"fit.hglm": "c"})
    'its data changed'
    >>> why_anew(entry, {"data": "a", "settings": "b"}, {"fit.hglm": ""})
    "there is no 'fit.hglm'"
    """
    if entry is None:
        return "new"
    for part, value in made_from.items():
        if entry.made_from.get(part) != value:
            return _WORDS[part]
    for path, value in outputs.items():
        if not value:
            return f"there is no {path!r}"
        if entry.outputs.get(path) != value:
            return f"{path!r} was changed"
    return ""


def hash_file(path: Path) -> str:
    """Return the hash of what a file holds, or "" where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def hash_values(values: Any) -> str:
    """Return the hash of what JSON can say, whatever the order of its keys."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
