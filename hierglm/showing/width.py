"""How wide text is in a terminal, and how to make it fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

ELLIPSIS = "…"
_JOINERS = "\u200c\u200d"
"""Without these, words of several scripts and many emoji are not what they were."""


def printable(text: object) -> str:
    r"""Return a label with control characters written out.

    A label comes from someone's data: a newline would break the table, an escape sequence
    could do worse to a terminal.

    Examples
    --------
    >>> printable("a\nb")
    'a\\nb'
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _JOINERS else repr(c)[1:-1] for c in text)


def width(text: str) -> int:
    """Return how many columns a text takes: 2 for wide characters, 0 for combining ones.

    Examples
    --------
    >>> width("学校"), width("e\u0301"), width("abc")
    (4, 1, 3)
    """
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def shorten(text: str, room: int) -> str:
    """Return a text that takes at most `room` columns, cut in the middle.

    Examples
    --------
    >>> shorten("log_uppm:floor_measure", 15)
    'log_upp…measure'
    """
    if width(text) <= room:
        return text
    tail = max(0, (room - 1) // 2)
    head = max(0, room - 1 - tail)
    return _take(text, head) + ELLIPSIS + _take(text[::-1], tail)[::-1]


def left(text: str, room: int) -> str:
    """Return a text shortened and padded on its right to `room` columns."""
    short = shorten(text, room)
    return short + " " * (room - width(short))


def wrap(text: str, room: int, indent: str = "") -> Iterable[str]:
    """Yield the lines of a text; all but the first are indented."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and width(longer) > room:
            yield line
            line = indent + word
        else:
            line = longer
    yield line


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _take(text: str, room: int) -> str:
    taken, used = "", 0
    for char in text:
        used += _columns(char)
        if used > room:
            break
        taken += char
    return taken
