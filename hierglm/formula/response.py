"""The left-hand side: the response, and what is known about each row."""

from __future__ import annotations

from collections.abc import Sequence

from hierglm.errors import FormulaError, suggest
from hierglm.formula.calls import read_expression
from hierglm.formula.terms import Factor, ResponseTerm
from hierglm.formula.tokens import Token, split_arguments

ADDITIONS = ("trials", "weights", "se")


def read_response(tokens: Sequence[Token], text: str, functions: frozenset[str]) -> ResponseTerm:
    """Read ``y``, ``log(y)``, ``cbind(s, f)``, ``s | trials(n) + weights(w)`` and the like.

    Parameters
    ----------
    tokens : sequence of Token
        Everything on the left of ``~``; at least one.
    text : str
        The formula.
    functions : frozenset of str
        Names of functions that the caller passed.

    Returns
    -------
    ResponseTerm
        The left-hand side.

    Raises
    ------
    FormulaError
        More than one response, or an addition that is unknown, repeated or misspelt.
    """
    bars = [i for i, t in enumerate(tokens) if t.kind == "operator" and t.text.startswith("|")]
    if any(tokens[i].text != "|" for i in bars) or len(bars) > 1:
        extra = tokens[bars[-1]]
        raise FormulaError(
            "one '|' on the left, then additions joined by '+': 'y | trials(n) + weights(w) ~ x'",
            text,
            extra.start,
            extra.end,
        )
    at = bars[0] if bars else len(tokens)
    if bars and at in (0, len(tokens) - 1):
        side = "left" if at == 0 else "right"
        raise FormulaError(
            f"nothing stands on the {side} of this '|'", text, tokens[at].start, tokens[at].end
        )
    value, failures = _value(_without_brackets(tokens[:at]), text, functions)
    parts = _additions(tokens[at + 1 :], text, functions)
    known, both = _known_error(parts.pop("se", None), text, functions)
    trials = parts.get("trials")
    if failures is not None and trials is not None:
        raise FormulaError(
            "cbind(successes, failures) already says the number of trials",
            text,
            trials.start,
            trials.end,
        )
    return ResponseTerm(
        value=value,
        trials=None if trials is None else only_argument(trials, text, functions),
        failures=failures,
        weights=only_argument(parts["weights"], text, functions) if "weights" in parts else None,
        se=known,
        se_and_sigma=both,
        source=text[tokens[0].start : tokens[-1].end],
    )


def function_name(token: Token) -> str:
    """Return the name in front of a call's bracket."""
    return token.text.partition("(")[0]


def arguments(token: Token, text: str) -> list[tuple[int, int]]:
    """Return where each argument of a call stands.

    Raises
    ------
    FormulaError
        An empty argument.
    """
    first = token.start + len(function_name(token)) + 1
    pieces = split_arguments(text, first, token.end - 1)
    for start, end in pieces:
        if start == end:
            raise FormulaError(
                f"an argument of {function_name(token)}(...) is missing",
                text,
                token.start,
                token.end,
            )
    return pieces


def read_atom(token: Token, text: str, functions: frozenset[str]) -> Factor:
    """Return the factor that one token stands for."""
    if token.kind == "name":
        return Factor(token.text, token.text, "name", (token.text,), token.start, token.end)
    return read_expression(text, token.start, token.end, functions)


def only_argument(token: Token, text: str, functions: frozenset[str]) -> Factor:
    """Read the one argument of ``offset(t)`` and the like.

    Raises
    ------
    FormulaError
        Any other number of arguments.
    """
    pieces = arguments(token, text)
    if len(pieces) != 1:
        name = function_name(token)
        raise FormulaError(
            f"{name}(...) takes one argument, not {len(pieces)}", text, token.start, token.end
        )
    return read_expression(text, *pieces[0], functions)


def _value(
    tokens: Sequence[Token], text: str, functions: frozenset[str]
) -> tuple[Factor, Factor | None]:
    """Read the response itself, and the failures of ``cbind(successes, failures)``."""
    first, last = tokens[0], tokens[-1]
    if len(tokens) > 1 or first.kind not in ("name", "call", "block"):
        written = text[first.start : last.end]
        joined = any(t.kind == "operator" for t in tokens)
        hint = f"write I({written}) ~ ... for what they add up to" if joined else "write 'y ~ x'"
        raise FormulaError(
            f"one response stands on the left of '~'; {hint}", text, first.start, last.end
        )
    if first.kind == "call" and function_name(first) == "cbind":
        pieces = arguments(first, text)
        if len(pieces) != 2:
            raise FormulaError(
                f"cbind(...) takes successes and failures, not {len(pieces)} arguments",
                text,
                first.start,
                first.end,
            )
        one, two = (read_expression(text, *piece, functions) for piece in pieces)
        return one, two
    if first.kind == "call" and function_name(first) in ADDITIONS:
        raise FormulaError(
            f"the response stands in front: write 'y | {first.text} ~ ...'",
            text,
            first.start,
            first.end,
        )
    return read_atom(first, text, functions), None


def _additions(tokens: Sequence[Token], text: str, functions: frozenset[str]) -> dict[str, Token]:
    """Return each addition by its name; they alternate with ``+``."""
    found: dict[str, Token] = {}
    for number, token in enumerate(tokens):
        if number % 2 == 1:
            if token.kind != "operator" or token.text != "+":
                raise FormulaError("join additions with '+'", text, token.start, token.end)
            if number == len(tokens) - 1:
                raise FormulaError("nothing follows this '+'", text, token.start, token.end)
            continue
        name = function_name(token)
        if token.kind != "call" or name not in ADDITIONS:
            raise FormulaError(
                f"{name!r} is not known on the left of '~'{suggest(name, ADDITIONS)}; after '|' "
                "come trials(n), weights(w) and se(s)",
                text,
                token.start,
                token.end,
            )
        if name in found:
            raise FormulaError(f"{name}(...) stands here twice", text, token.start, token.end)
        found[name] = token
    return found


def _known_error(
    token: Token | None, text: str, functions: frozenset[str]
) -> tuple[Factor | None, bool]:
    """Read ``se(s)`` and ``se(s, sigma=TRUE)``."""
    if token is None:
        return None, False
    pieces = arguments(token, text)
    factor = read_expression(text, *pieces[0], functions)
    if len(pieces) == 1:
        return factor, False
    written = ["".join(text[a:b].split()) for a, b in pieces[1:]]
    if len(written) == 1 and written[0] in ("sigma=TRUE", "sigma=True"):
        return factor, True
    if len(written) == 1 and written[0] in ("sigma=FALSE", "sigma=False"):
        return factor, False
    raise FormulaError(
        "se(...) takes the standard errors, and sigma=TRUE or sigma=FALSE",
        text,
        pieces[1][0],
        pieces[-1][1],
    )


def _without_brackets(tokens: Sequence[Token]) -> Sequence[Token]:
    """Take off brackets that hold the whole response, as in ``(y) ~ x``."""
    while len(tokens) == 3 and tokens[0].kind == "open" and tokens[2].kind == "close":
        tokens = tokens[1:2]
    return tokens
