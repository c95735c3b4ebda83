"""An analysis file held against the table of its keys."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hierglm.analysing.keys import KINDS, PART, SECTIONS, SETTINGS, TOP, Key
from hierglm.errors import AnalysisError, suggest

_NAME = re.compile(r"\w[\w .-]{0,79}(?<![ .])")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that no file can have on Windows."""


def check(found: Mapping[str, Any]) -> None:
    """Refuse what is not as the table of keys says.

    Parameters
    ----------
    found : mapping
        What ``tomllib`` returned.

    Raises
    ------
    AnalysisError
        Names the key, what it holds, and what would do.
    """
    _refuse_long_numbers(found)
    sections = ("settings", *SECTIONS)
    check_table("", {k: v for k, v in found.items() if k not in sections}, TOP, sections)
    check_table("settings", _table("settings", found.get("settings", {})), SETTINGS)
    for section, keys in SECTIONS.items():
        for name, held in _table(section, found.get(section, {})).items():
            place = f"{section}.{name}"
            _check_name(place, name)
            check_table(place, _table(place, held), keys)
    for name, held in found.get("models", {}).items():
        for number, part in enumerate(held.get("parts", ())):
            check_table(f"models.{name}.parts[{number}]", part, PART)
        _check_formula(f"models.{name}", held)


def _refuse_long_numbers(found: Mapping[str, Any]) -> None:
    """Refuse whole numbers of more than 64 bits: TOML has none, but Python's reader takes them."""
    todo: list[Any] = [found]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise AnalysisError("", "a whole number in TOML has 64 bits at most")


def check_table(
    place: str, found: Mapping[str, Any], keys: Mapping[str, Key], others: Sequence[str] = ()
) -> None:
    """Refuse keys that a table does not have, and values that they cannot hold.

    Parameters
    ----------
    place : str
        Where the table stands, "" for the top of the file.
    found : mapping
    keys : mapping of str to Key
    others : sequence of str
        What else may stand there, for suggestions.
    """
    for name, value in found.items():
        where = f"{place}.{name}".lstrip(".")
        if name not in keys:
            raise AnalysisError(where, f"no such key{suggest(name, (*keys, *others))}")
        key = keys[name]
        if not holds(value, key.kind):
            raise AnalysisError(where, f"must be {KINDS[key.kind].words}, not {_shown(value)}")
        if key.choices and value not in key.choices:
            raise AnalysisError(where, f"cannot be {value!r}{suggest(str(value), key.choices)}")
    for name, key in keys.items():
        if key.required and name not in found:
            raise AnalysisError(place, f"the key {name!r} is missing: {key.about}")


def holds(value: Any, kind: str) -> bool:
    """Return whether a value is of a kind.

    Examples
    --------
    >>> holds("auto", "whole or auto"), holds(True, "whole")
    (True, False)
    """
    if " or auto" in kind and value == "auto":
        return True
    kind = kind.removesuffix(" or auto")
    texts = isinstance(value, list) and bool(value) and all(isinstance(x, str) for x in value)
    table = isinstance(value, Mapping)
    answers = {
        "text": isinstance(value, str),
        "texts": isinstance(value, str) or texts,
        "list": texts,
        "boolean": isinstance(value, bool),
        "whole": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value),
        "text or table": isinstance(value, str)
        or (table and all(isinstance(x, str) for x in value.values())),
        "table of texts": table and all(isinstance(x, str) for x in value.values()),
        "table of lists": table
        and all(isinstance(x, list) and all(map(_scalar, x)) for x in value.values()),
        "table of tables": table
        and all(
            isinstance(x, Mapping) and all(holds(w, "number") for w in x.values())
            for x in value.values()
        ),
        "table": table,
        "tables": isinstance(value, list)
        and bool(value)
        and all(isinstance(x, Mapping) for x in value),
    }
    return answers[kind]


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _table(place: str, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise AnalysisError(place, f"must be a table, as in [{place}], not {_shown(found)}")
    return found


def _check_name(place: str, name: str) -> None:
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise AnalysisError(
            place,
            f"{name!r} cannot be the name of a file, which it becomes: take letters, digits, "
            "blanks, '.', '-' and '_', at most 80",
        )


def _check_formula(place: str, held: Mapping[str, Any]) -> None:
    given = [name for name in ("formula", "parts") if name in held]
    if len(given) != 1:
        both = "both are there" if given else "neither is there"
        raise AnalysisError(place, f"a model has a formula, or parts of several responses; {both}")
    if "parts" in held and "family" in held:
        raise AnalysisError(f"{place}.family", "each of parts has its own family")


def _shown(value: Any) -> str:
    names = {dict: "a table", list: "a list", bool: str(value).lower()}
    return names.get(
        type(value), f"{value!r}" if len(str(value)) < 60 else f"{str(value)[:60]!r}..."
    )
