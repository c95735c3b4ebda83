"""Group terms ``(effects | by)``, cut out of the right-hand side as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hierglm.errors import FormulaError
from hierglm.formula.pieces import Cut
from hierglm.formula.response import arguments, function_name
from hierglm.formula.structures import EFFECTS, of_effects
from hierglm.formula.terms import DIAGONAL, INDEPENDENT, UNSTRUCTURED, Structure
from hierglm.formula.tokens import Token, scan


@dataclass(frozen=True, slots=True)
class Bar:
    """A group term as tokens.

    Attributes
    ----------
    effects, by : tuple of Token
        What is written on the left and on the right of the bar.
    start, end : int
        Where the term stands in the formula, half open.
    structure, levels : Structure
        Covariance of the effects of a level, and of the levels.
    shared : str
        The id of ``(x |id| g)``, or "".
    """

    effects: tuple[Token, ...]
    by: tuple[Token, ...]
    start: int
    end: int
    structure: Structure = UNSTRUCTURED
    levels: Structure = INDEPENDENT
    shared: str = ""


def cut_bars(tokens: Sequence[Token], text: str) -> tuple[list[Token | Cut], dict[Cut, Bar]]:
    """Take each bracket that holds a bar out of the tokens.

    Cutting at token level keeps positions, and leaves it to the algebra to say what
    ``-(1 | g)`` and ``x:(1 | g)`` mean.

    Parameters
    ----------
    tokens : sequence of Token
        The right-hand side.
    text : str
        The formula, for messages.

    Returns
    -------
    tokens : list of Token or Cut
        The same with a `Cut` in the place of each group term.
    bars : dict of Cut to Bar
        In the order written.

    Raises
    ------
    FormulaError
        A bar without brackets, two bars in one bracket, or an empty side.
    """
    closers, bars_in = _brackets(tokens, text)
    out: list[Token | Cut] = []
    bars: dict[Cut, Bar] = {}
    at = 0
    while at < len(tokens):
        around = _structured(tokens[at], text)
        if around is not None:
            cut = Cut("a group term", around.start, around.end)
            bars[cut] = around
            out.append(cut)
            at += 1
            continue
        if at not in bars_in:
            out.append(tokens[at])
            at += 1
            continue
        close = closers[at]
        bar = _bar(tokens[at : close + 1], [i - at for i in bars_in[at]], text)
        inner = next((i for i in bars_in if at < i < close), None)
        if inner is not None:
            raise _inside(tokens[inner], tokens[closers[inner]], text)
        cut = Cut("a group term", bar.start, bar.end)
        bars[cut] = bar
        out.append(cut)
        at = close + 1
    return out, bars


def _inside(first: Token, last: Token, text: str) -> FormulaError:
    return FormulaError(
        "a group term cannot stand inside another; for nested groups write (1 | a/b)",
        text,
        first.start,
        last.end,
    )


def _brackets(tokens: Sequence[Token], text: str) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Return the partner of each opening bracket, and the bars directly inside of it."""
    opened: list[int] = []
    closers: dict[int, int] = {}
    bars_in: dict[int, list[int]] = {}
    for number, token in enumerate(tokens):
        if token.kind == "open":
            opened.append(number)
        elif token.kind == "close":
            closers[opened.pop()] = number
        elif token.kind == "operator" and token.text.startswith("|"):
            if not opened:
                raise FormulaError(
                    "a group term stands in brackets: write '(x | g)'", text, token.start, token.end
                )
            bars_in.setdefault(opened[-1], []).append(number)
    return closers, bars_in


def _bar(tokens: Sequence[Token], places: Sequence[int], text: str) -> Bar:
    """Split one bracket at its bar."""
    place, bar = places[0], tokens[places[0]]
    shared = _shared(tokens, places, text)
    if len(places) > 1 and not shared:
        second = tokens[places[1]]
        raise FormulaError(
            "only one '|' or '||' in a group term; for two groups write (1 | a) + (1 | b)",
            text,
            second.start,
            second.end,
        )
    if len(bar.text) > 2:
        raise FormulaError("write '|' or '||' in a group term", text, bar.start, bar.end)
    if place == 1:
        raise FormulaError(
            f"nothing stands on the left of {bar.text!r}: write what varies, as in (1 | g)",
            text,
            bar.start,
            bar.end,
        )
    if places[-1] == len(tokens) - 2:
        raise FormulaError(
            f"nothing stands on the right of {bar.text!r}: write the grouping factor, "
            "as in (1 | g)",
            text,
            bar.start,
            bar.end,
        )
    return Bar(
        effects=tuple(tokens[1:place]),
        by=tuple(tokens[places[-1] + 1 : -1]),
        start=tokens[0].start,
        end=tokens[-1].end,
        structure=UNSTRUCTURED if bar.text == "|" else DIAGONAL,
        shared=shared,
    )


def _shared(tokens: Sequence[Token], places: Sequence[int], text: str) -> str:
    """Return the id of ``(x |id| g)``, or ""."""
    if len(places) != 2 or places[1] != places[0] + 2:
        return ""
    first, name, second = tokens[places[0] : places[1] + 1]
    if first.text != "|" or second.text != "|" or name.kind != "name":
        return ""
    return name.text


def _structured(token: Token, text: str) -> Bar | None:
    """Return the group term of ``iso(x | g)`` and the like; None for any other token."""
    if token.kind != "call" or function_name(token) not in EFFECTS:
        return None
    name = function_name(token)
    first, *options = arguments(token, text)
    if "|" not in text[slice(*first)]:
        # cs(x, df=4) is a spline.
        return None
    inside = [Token("open", "(", token.start, token.start), *scan(text, *first)]
    inside.append(Token("close", ")", token.end, token.end))
    closers, bars_in = _brackets(inside, text)
    if 0 not in bars_in:
        return None
    inner = next((i for i in bars_in if i), None)
    if inner is not None:
        raise _inside(inside[inner], inside[closers[inner]], text)
    bar = _bar(inside, bars_in[0], text)
    if bar.structure != UNSTRUCTURED or bar.shared:
        second = inside[bars_in[0][0]]
        raise FormulaError(
            f"write {name}(x | g): {name} says how the effects hang together",
            text,
            second.start,
            second.end,
        )
    structure, levels = of_effects(name, options, text)
    return replace(bar, start=token.start, end=token.end, structure=structure, levels=levels)
