"""The text of an expression to plain Python: R's spellings read, columns named safely."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from hierglm.errors import FormulaError, suggest
from hierglm.formula.functions import (
    ALIASES,
    CALLABLE,
    CONTR,
    LEFT_ONLY,
    NUMPY,
    NUMPY_CONSTANTS,
    OPERATORS,
    WORDS,
)

_COLUMN, _FUNCTION, _LEVELS, _TEXT = "_col_", "_fn_", "_levels_", "_text_"
_OURS = (_COLUMN, _FUNCTION, _LEVELS, _TEXT, "__")
_SOFT = frozenset({"lambda", "for", "if", "else", "in", "is", "await", "yield", "async"})
_KEPT = frozenset({"True", "False", "None", "and", "or", "not"}) | _SOFT
_TAKEN = CALLABLE | frozenset({"np", "contr", "Q", "c", "offset"})

_PIECE = re.compile(
    r"""
      (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    | (?P<quoted>`[^`]+`)
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)L?
    | (?P<name>(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*)
    | (?P<operator>%%|%/%|\^)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def column_identifier(name: str) -> str:
    """Return the Python name that stands for a column in an expression.

    Plain names stay; names with other characters, and names that a function has, are
    escaped, so that a column ``log`` never hides the function, and ``class`` can be read.

    Examples
    --------
    >>> column_identifier("x"), column_identifier("log.radon"), column_identifier("log")
    ('x', '_col_log_2e_radon', '_col_log')
    """
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    if plain and name not in _TAKEN and not name.startswith(_OURS):
        return name
    return _COLUMN + _escaped(name)


def levels_identifier(name: str) -> str:
    """Return what stands for a column whose values are levels, as in ``factor(x)``.

    Arithmetic is done in floats, but the levels of integers are 1 and 2, not 1.0 and 2.0.
    """
    return _LEVELS + column_identifier(name)


def function_identifier(name: str) -> str:
    """Return the Python name that stands for a function that the caller passed."""
    return _FUNCTION + name


def text_identifier(text: str) -> str:
    """Return the Python name that stands for text in quotes: no quotes go into expressions.

    formulaic pastes what it evaluates into further expressions, between quotes of its own.

    Examples
    --------
    >>> text_identifier("it's")
    '_text_it_27_s'
    """
    return _TEXT + _escaped(text)


def texts_in(expression: str) -> dict[str, str]:
    """Return the texts that an expression holds, by the names that stand for them.

    Examples
    --------
    >>> texts_in("C(f, levels=[_text_it_27_s, _text_b])")
    {'_text_it_27_s': "it's", '_text_b': 'b'}
    """
    found = re.findall(rf"\b{_TEXT}\w*", expression)
    return {
        name: re.sub("_([0-9a-f]+)_", lambda m: chr(int(m[1], 16)), name.removeprefix(_TEXT))
        for name in found
    }


def functions_called(expression: str) -> list[str]:
    """Return the functions of the caller's that an expression calls.

    Examples
    --------
    >>> functions_called("log(_fn_half(x))")
    ['half']
    """
    return re.findall(rf"\b{_FUNCTION}(\w+)\(", expression)


def _escaped(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in text)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An expression as plain Python, and the way back to what was written.

    Attributes
    ----------
    code : str
        One line of Python.
    places : tuple of int
        Place in the formula of each character of `code`, and of its end.
    columns : dict
        Column read, by the identifier that stands for it.
    """

    code: str
    places: tuple[int, ...]
    columns: dict[str, str]


def rewrite(text: str, start: int, end: int, functions: frozenset[str]) -> Rewritten:
    """Translate the expression between `start` and `end` of a formula.

    Parameters
    ----------
    text : str
        The whole formula.
    start, end : int
        The part to read, half open.
    functions : frozenset of str
        Names of functions that the caller passed.

    Raises
    ------
    FormulaError
        A name with two underscores in front, or a dotted name called as a function.

    Examples
    --------
    >>> rewrite("I(log.x^2)", 0, 10, frozenset()).code
    'I(_col_log_2e_x**2)'
    """
    parts: list[str] = []
    places: list[int] = []
    columns: dict[str, str] = {}
    at = start
    while at < end:
        found = _PIECE.match(text, at, end)
        assert found is not None  # the last alternative takes any character
        piece = _translate(found, text, functions, columns)
        parts.append(piece)
        width = found.end() - at
        # A piece that grew or shrank maps onto the piece it came from.
        places.extend(at + min(i, width - 1) for i in range(len(piece)))
        at = found.end()
    return Rewritten("".join(parts), (*places, end), columns)


def unknown_function(
    name: str, functions: frozenset[str], text: str, start: int, end: int
) -> FormulaError:
    """Return the error for a function that a formula may not call."""
    if name in LEFT_ONLY:
        message = f"{name}(...) belongs on the left of '~', as in 'y | {name}(n) ~ x'"
        if name == "cbind":
            message = "cbind(...) belongs on the left of '~', as 'cbind(successes, failures) ~ x'"
    elif name == "offset":
        message = "offset(...) must stand as a term of its own, as in 'y ~ x + offset(t)'"
    elif name == "lag":
        message = "lag(...) is not available; make the lagged column in the table"
    else:
        hint = suggest(name, sorted({*CALLABLE, *functions}))
        message = f"{name!r} is not a function that a formula may call"
        message += (
            hint
            if "did you mean" in hint
            else ("; pass your own with functions={...}, or make the column in the table")
        )
    return FormulaError(message, text, start, end)


def _translate(
    found: re.Match[str], text: str, functions: frozenset[str], columns: dict[str, str]
) -> str:
    kind, written = found.lastgroup, found.group(found.lastgroup or 0)
    if kind == "operator":
        return OPERATORS[written]
    if kind == "string" and ("\n" in written or "\r" in written):
        raise FormulaError(
            "text in quotes ends on the line where it begins", text, found.start(), found.end()
        )
    if kind == "space":
        return " "
    if kind == "quoted":
        return _column(written[1:-1], columns)
    if kind != "name":
        return written
    after = text[found.end() :].lstrip()
    called = after.startswith("(")
    keyword_argument = after.startswith("=") and not after.startswith("==")
    if text[found.end() : found.end() + 1] in ("'", '"') and not called:
        return written  # the prefix of a string; Python reads it, the check judges it
    if called and written in functions:
        return function_identifier(written)
    if called:
        if "." in written and not _is_known(written) and written not in ALIASES:
            raise unknown_function(written, functions, text, found.start(), found.end())
        return ALIASES.get(written, written)
    if written.startswith("__") or ".__" in written:
        raise FormulaError(
            f"{written!r}: names with two underscores in front are not allowed",
            text,
            found.start(),
            found.end(),
        )
    if keyword_argument or written in _KEPT or _is_known(written):
        return written
    return WORDS.get(written) or _column(written, columns)


def _is_known(name: str) -> bool:
    """Tell whether a name without a bracket stands for something other than a column."""
    head, _, tail = name.partition(".")
    if head == "np":
        return tail in NUMPY or tail in NUMPY_CONSTANTS
    if head == "contr":
        return tail in CONTR
    return name in ("Treatment", "Sum", "Helmert", "Poly", "Diff")


def _column(name: str, columns: dict[str, str]) -> str:
    identifier = column_identifier(name)
    columns[identifier] = name
    return identifier
