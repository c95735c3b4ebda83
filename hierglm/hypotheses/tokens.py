"""The text of a hypothesis as tokens: numbers, names of parameters, operators, brackets.

A name is a flat name of `hierglm.names`, ``sd[school:x]`` or ``b[x]@score.sigma``, or the bare
label of a common coefficient, ``x``, ``x:z``, ``period[T.2]``, ``scale(x)`` or `` `a b` ``.
Whatever stands inside its brackets belongs to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hierglm.errors import HypothesisError

FUNCTIONS = ("abs", "exp", "log", "sqrt")
MAX_LENGTH = 2_000

Kind = Literal["number", "name", "function", "operator", "relation", "open", "close"]

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*")
_PREDICTOR = re.compile(r"@(?:[^\W\d]\w*|`(?:[^`]|``)+`)?(?:\.(?:[^\W\d]\w*|`(?:[^`]|``)+`))?")
_CLOSER = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a hypothesis, and where it stands in its text, half open."""

    kind: Kind
    text: str
    start: int
    end: int


def scan(text: str) -> list[Token]:
    """Return the tokens of a hypothesis, without blanks.

    Raises
    ------
    HypothesisError
        A character that means nothing here, a name that never ends, a text that is too long.

    Examples
    --------
    >>> [token.text for token in scan("x - 2*sd[school:x] > .5")]
    ['x', '-', '2', '*', 'sd[school:x]', '>', '.5']
    """
    if len(text) > MAX_LENGTH:
        raise HypothesisError(
            f"the hypothesis has {len(text):,} characters; the limit is {MAX_LENGTH:,}",
            text[:60] + "...",
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _next(text, at)
        tokens.append(token)
        at = token.end
    return tokens


def _next(text: str, at: int) -> Token:
    number = _NUMBER.match(text, at)
    if number:
        if float(number.group()) == float("inf"):
            raise HypothesisError("this number is too large", text, at, number.end())
        return Token("number", number.group(), at, number.end())
    if text.startswith(("<=", ">=", "=="), at):
        return Token("relation", text[at : at + 2], at, at + 2)
    if text[at] in "<>=":
        return Token("relation", text[at], at, at + 1)
    if text.startswith("**", at):
        return Token("operator", "^", at, at + 2)
    if text[at] in "+-*/^":
        return Token("operator", text[at], at, at + 1)
    if text[at] in "()":
        return Token("open" if text[at] == "(" else "close", text[at], at, at + 1)
    word = _WORD.match(text, at)
    if word and word.group() in FUNCTIONS and text.startswith("(", word.end()):
        return Token("function", word.group(), at, word.end())
    if word or text[at] == "`":
        end = _name_end(text, at)
        return Token("name", text[at:end], at, end)
    if text.startswith("!=", at):
        raise HypothesisError(
            "write the point hypothesis with '='; an evidence ratio below 1 speaks against it",
            text, at, at + 2,
        )  # fmt: skip
    raise HypothesisError(
        f"the character {text[at]!r} means nothing in a hypothesis; it is made of names such as "
        f"b[x], numbers, + - * / ^, {', '.join(FUNCTIONS)}, brackets, and one of > < =",
        text, at, at + 1,
    )  # fmt: skip


def _name_end(text: str, at: int) -> int:
    """Return where the name that starts here ends."""
    while True:
        word = _WORD.match(text, at)
        if text.startswith("`", at):
            at = _quote_end(text, at)
        elif word:
            at = word.end()
        else:
            raise HypothesisError("a label must stand behind ':'", text, at - 1, at)
        while text.startswith(("[", "("), at):
            at = _bracket_end(text, at)
        if not text.startswith(":", at):
            break
        # The label of an interaction goes on.
        at += 1
    predictor = _PREDICTOR.match(text, at)
    return predictor.end() if predictor else at


def _bracket_end(text: str, start: int) -> int:
    opened = [start]
    at = start + 1
    while opened:
        if at >= len(text):
            last = opened[-1]
            raise HypothesisError(f"this {text[last]!r} is never closed", text, last, last + 1)
        char = text[at]
        if char == "`":
            at = _quote_end(text, at)
            continue
        if char in _CLOSER:
            opened.append(at)
        elif char in ")]}":
            last = opened.pop()
            if char != _CLOSER[text[last]]:
                raise HypothesisError(
                    f"{char!r} where {_CLOSER[text[last]]!r} should close the bracket opened at "
                    f"character {last + 1}",
                    text, at, at + 1,
                )  # fmt: skip
        at += 1
    return at


def _quote_end(text: str, start: int) -> int:
    at = start + 1
    while True:
        stop = text.find("`", at)
        if stop < 0:
            raise HypothesisError("this ` is never closed", text, start, start + 1)
        if not text.startswith("``", stop):
            return stop + 1
        at = stop + 2
