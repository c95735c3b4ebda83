"""Covariance structures of group terms: ``iso(x | g)``, ``gr(g, cov=A)``, ``mm(a, b)``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hierglm.errors import FormulaError, suggest
from hierglm.formula.calls import read_expression
from hierglm.formula.limits import MAX_MEMBERS
from hierglm.formula.response import arguments, function_name
from hierglm.formula.terms import (
    DIAGONAL,
    INDEPENDENT,
    UNSTRUCTURED,
    Factor,
    Given,
    Option,
    Structure,
)
from hierglm.formula.tokens import Token

EFFECTS: Mapping[str, Mapping[str, str]] = {
    "us": {},
    "diag": {},
    "iso": {},
    "cs": {},
    "ar1": {},
    "rr": {"rank": "number or text", "d": "number"},
    "graph": {"edges": "given", "type": "text", "weights": "given"},
}
"""Functions around a whole group term, with their options and what each of them is."""

LEVELS: Mapping[str, Mapping[str, str]] = {
    "gr": {"cov": "given", "by": "column", "dist": "text"},
    "mm": {"weights": "columns", "scale": "flag"},
}
"""Functions around a grouping factor."""

_SAME = {"us": UNSTRUCTURED, "diag": DIAGONAL}
_FLAGS = {"TRUE": True, "True": True, "FALSE": False, "False": False}

Place = tuple[int, int]


def of_effects(name: str, options: Sequence[Place], text: str) -> tuple[Structure, Structure]:
    """Return the structures of effects and of levels that a function around a term means.

    Parameters
    ----------
    name : str
        A key of `EFFECTS`.
    options : sequence of (int, int)
        Where the arguments behind the bar stand.
    text : str
        The formula.

    Raises
    ------
    FormulaError
        An option that the function does not have, or that is not of its kind.
    """
    found = _options(name, EFFECTS[name], options, text, frozenset())
    if name == "graph":
        return DIAGONAL, Structure("graph", found)
    return _SAME.get(name, Structure(name, found)), INDEPENDENT


def of_levels(
    token: Token, text: str, functions: Collection[str]
) -> tuple[tuple[Place, ...], Structure]:
    """Return where the factors of ``gr(g, cov=A)`` or ``mm(a, b)`` stand, and what it means.

    Parameters
    ----------
    token : Token
        The call.
    text : str
        The formula.
    functions : collection of str
        Names of functions that the caller passed.

    Raises
    ------
    FormulaError
        Too few or too many factors, or an option that there is not.
    """
    name = function_name(token)
    places = arguments(token, text)
    factors = [p for p in places if not _named(text, p)]
    options = [p for p in places if _named(text, p)]
    if name == "gr" and len(factors) != 1:
        wanted, example = "one grouping factor", "gr(g, cov=A)"
    elif name == "mm" and len(factors) < 2:
        wanted, example = "two grouping factors or more", "mm(g1, g2)"
    elif len(factors) > MAX_MEMBERS:
        wanted, example = f"{MAX_MEMBERS} grouping factors at most", "mm(g1, g2)"
    else:
        found = _options(name, LEVELS[name], options, text, frozenset(functions))
        return tuple(factors), Structure(name, found) if found or name == "mm" else INDEPENDENT
    raise FormulaError(
        f"{name}(...) takes {wanted}, as in {example}; found {len(factors)}",
        text,
        token.start,
        token.end,
    )


def _named(text: str, place: Place) -> bool:
    head, equals, rest = text[slice(*place)].partition("=")
    return bool(equals) and head.strip().isidentifier() and not rest.startswith("=")


def _options(
    function: str,
    known: Mapping[str, str],
    places: Sequence[Place],
    text: str,
    functions: frozenset[str],
) -> tuple[tuple[str, Option], ...]:
    found: dict[str, Option] = {}
    for start, end in places:
        if not _named(text, (start, end)):
            raise FormulaError(
                f"the options of {function}(...) have names, such as "
                f"{next(iter(known), 'rank')}=...",
                text,
                start,
                end,
            )
        name = text[start:end].partition("=")[0].strip()
        if name not in known:
            takes = f"; it takes {', '.join(known)}" if known else "; it takes none"
            raise FormulaError(
                f"{function}(...) has no option {name!r}{suggest(name, known) if known else takes}",
                text,
                start,
                end,
            )
        if name in found:
            raise FormulaError(f"{name!r} is given twice", text, start, end)
        at = text.index("=", start) + 1
        at += len(text[at:end]) - len(text[at:end].lstrip())
        found[name] = _value(name, known[name], text, (at, end), functions)
    return tuple(found.items())


def _value(name: str, kind: str, text: str, place: Place, functions: frozenset[str]) -> Option:
    """Read what stands behind the equals sign, as what it must be."""
    written = text[slice(*place)]
    if kind == "given" and (written.isidentifier() or _quoted(written, "`")):
        return Given(written.strip("`"), *place)
    if "text" in kind and (_quoted(written, '"') or _quoted(written, "'")):
        return written[1:-1]
    if "number" in kind and written.isascii() and written.isdigit() and len(written) < 9:
        return float(written)
    if kind == "flag" and written in _FLAGS:
        return _FLAGS[written]
    if kind.startswith("column") and written:
        return _columns(text, place, functions)
    wants = {
        "given": "the name of something given in data2={...}",
        "text": "text in quotes",
        "number": "a whole number",
        "number or text": 'a whole number or "auto"',
        "flag": "TRUE or FALSE",
    }
    raise FormulaError(f"{name} must be {wants.get(kind, 'a column')}", text, *place)


def _columns(text: str, place: Place, functions: frozenset[str]) -> tuple[Factor, ...]:
    """Read a column, or the columns of ``cbind(w1, w2)``."""
    start, end = place
    if text[start:end].startswith("cbind("):
        inner = arguments(Token("call", text[start:end], start, end), text)
        return tuple(read_expression(text, *p, functions) for p in inner)
    return (read_expression(text, start, end, functions),)


def _quoted(written: str, mark: str) -> bool:
    return len(written) > 1 and written[0] == written[-1] == mark and mark not in written[1:-1]
