"""Text to tokens that know their place; brackets and quotes are balanced afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hierglm.errors import FormulaError
from hierglm.formula.limits import MAX_DEPTH, MAX_LENGTH

TokenKind = Literal["name", "call", "block", "number", "dot", "operator", "open", "close"]

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>(?:[^\W\d]|\.(?=[^\W\d]|\.))[\w.]*)
    | (?P<quoted>`[^`]+`)
    | (?P<dot>\.)
    | (?P<operator>%in%|\*\*|\|+|[-+*/:^~])
    | (?P<equals><-|=~|~=|==?)
    """,
    re.VERBOSE,
)
_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_CLOSER = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula.

    Attributes
    ----------
    kind : str
        ``"call"`` runs from the function's name to its closing bracket, ``"block"``
        from ``{`` to ``}``; what is inside is not tokenised here.
    text : str
        As written, but a name without its backticks.
    start, end : int
        Where it stands in the formula, half open.
    """

    kind: TokenKind
    text: str
    start: int
    end: int


def scan(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """Split a formula, or a part of it, into tokens.

    Parameters
    ----------
    text : str
        The formula.
    start, end : int
        The part, half open; all by default.

    Returns
    -------
    list of Token
        Without blanks; every bracket has its partner.

    Raises
    ------
    FormulaError
        An unbalanced bracket or quote, a character that means nothing in a formula, or a
        formula that is longer or deeper than the limits.

    Examples
    --------
    >>> [token.text for token in scan("y ~ log(x) + (1 | g)")]
    ['y', '~', 'log(x)', '+', '(', '1', '|', 'g', ')']
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text):,} characters; the limit is {MAX_LENGTH:,}",
            text[:60] + "...",
        )
    text = text[:end]
    tokens: list[Token] = []
    opened: list[int] = []
    at = start
    while at < len(text):
        if text[at] == "(":
            opened.append(at)
            _check_depth(text, opened)
            tokens.append(Token("open", "(", at, at + 1))
            at += 1
        elif text[at] == ")":
            if not opened:
                raise FormulaError("this ')' closes nothing", text, at, at + 1)
            opened.pop()
            tokens.append(Token("close", ")", at, at + 1))
            at += 1
        elif text[at] == "{":
            end = closing(text, at)
            tokens.append(Token("block", text[at:end], at, end))
            at = end
        else:
            token, at = _next(text, at)
            if token is not None:
                tokens.append(token)
    if opened:
        raise FormulaError("this '(' is never closed", text, opened[-1], opened[-1] + 1)
    return tokens


def closing(text: str, start: int) -> int:
    """Return the place just after the bracket that closes the one at `start`.

    Raises
    ------
    FormulaError
        A bracket or quote that is never closed, or brackets that cross.
    """
    opened = [start]
    at = start + 1
    while opened:
        if at >= len(text):
            last = opened[-1]
            raise FormulaError(f"this {text[last]!r} is never closed", text, last, last + 1)
        char = text[at]
        if char in "\"'`":
            at = _quote_end(text, at)
            continue
        if char in _CLOSER:
            opened.append(at)
            _check_depth(text, opened)
        elif char in ")]}":
            last = opened.pop()
            if char != _CLOSER[text[last]]:
                raise FormulaError(
                    f"{char!r} where {_CLOSER[text[last]]!r} should close the bracket opened "
                    f"at character {last + 1}",
                    text,
                    at,
                    at + 1,
                )
        at += 1
    return at


def split_arguments(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where each comma-separated argument between `start` and `end` stands.

    Examples
    --------
    >>> text = "cbind(s, n - s)"
    >>> [text[a:b] for a, b in split_arguments(text, 6, 14)]
    ['s', 'n - s']
    """
    pieces: list[tuple[int, int]] = []
    at = first = start
    while at < end:
        char = text[at]
        if char in "\"'`":
            at = _quote_end(text, at)
        elif char in _CLOSER:
            at = closing(text, at)
        else:
            if char == ",":
                pieces.append(_trim(text, first, at))
                first = at + 1
            at += 1
    pieces.append(_trim(text, first, end))
    return pieces


def _next(text: str, at: int) -> tuple[Token | None, int]:
    found = _TOKEN.match(text, at)
    if found is None:
        raise _unknown(text, at)
    kind, end = found.lastgroup, found.end()
    if kind == "space":
        return None, end
    if kind == "equals":
        raise FormulaError("write '~' between the response and the terms", text, at, end)
    if kind == "quoted":
        return Token("name", text[at + 1 : end - 1], at, end), end
    if kind == "name":
        if text[end : end + 1] == "(":
            end = closing(text, end)
            return Token("call", text[at:end], at, end), end
        return Token("name", text[at:end], at, end), end
    if kind == "number":
        return Token("number", text[at:end], at, end), end
    if kind == "dot":
        return Token("dot", ".", at, end), end
    return Token("operator", text[at:end], at, end), end


def _quote_end(text: str, at: int) -> int:
    if text[at] == "`":
        end = text.find("`", at + 1)
    else:
        found = _STRING.match(text, at)
        end = -1 if found is None else found.end() - 1
    if end < 0:
        raise FormulaError(f"this {text[at]} is never closed", text, at, at + 1)
    return end + 1


def _unknown(text: str, at: int) -> FormulaError:
    char = text[at]
    if char in "\"'":
        message = "text in quotes is not a term; a column name with blanks goes in `backticks`"
    elif char == "`":
        message = "this ` is never closed" if "`" not in text[at + 1 :] else "an empty name"
    elif char in "[]":
        message = f"{char!r} is not part of the formula language; group with round brackets"
    elif char == "}":
        message = "this '}' closes nothing"
    elif char in "<>!&%@":
        message = f"{char!r} is not an operator of formulas; arithmetic goes inside I(...)"
    else:
        message = f"the character {char!r} means nothing in a formula"
    return FormulaError(message, text, at, at + 1)


def _check_depth(text: str, opened: list[int]) -> None:
    if len(opened) > MAX_DEPTH:
        last = opened[-1]
        raise FormulaError(f"brackets nest deeper than {MAX_DEPTH}", text, last, last + 1)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
