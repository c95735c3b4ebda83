"""Group terms ``(effects | by)``: cut out of the right-hand side as tokens, then read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierglm.errors import FormulaError
from hierglm.formula.pieces import Cut, Product
from hierglm.formula.terms import Factor, GroupTerm, Term
from hierglm.formula.tokens import Token


@dataclass(frozen=True, slots=True)
class Bar:
    """A group term as tokens.

    Attributes
    ----------
    effects, by : tuple of Token
        What is written on the left and on the right of the bar.
    correlated : bool
        False for ``||``.
    start, end : int
        Where the brackets stand in the formula, half open.
    """

    effects: tuple[Token, ...]
    by: tuple[Token, ...]
    correlated: bool
    start: int
    end: int


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
        if at not in bars_in:
            out.append(tokens[at])
            at += 1
            continue
        close = closers[at]
        bar = _bar(tokens[at : close + 1], [i - at for i in bars_in[at]], text)
        inner = next((i for i in bars_in if at < i < close), None)
        if inner is not None:
            raise FormulaError(
                "a group term cannot stand inside another; for nested groups write (1 | a/b)",
                text,
                tokens[inner].start,
                tokens[closers[inner]].end,
            )
        cut = Cut("a group term", bar.start, bar.end)
        bars[cut] = bar
        out.append(cut)
        at = close + 1
    return out, bars


def read_group(
    bar: Bar, effects: Sequence[Product], by: Sequence[Product], text: str
) -> tuple[GroupTerm, ...]:
    """Return the group terms that one bracket stands for; ``(1 | a/b)`` is two.

    Raises
    ------
    FormulaError
        Nothing varies, or there is nothing to group by.
    """
    if not effects:
        raise FormulaError(
            "nothing varies in this group term; write for example (1 | g)", text, bar.start, bar.end
        )
    terms = tuple(Term(tuple(f for f in p if isinstance(f, Factor))) for p in effects)
    groups = []
    for product in by:
        factors = tuple(f for f in product if isinstance(f, Factor))
        groups.append(
            GroupTerm(
                effects=terms,
                by=factors,
                correlated=bar.correlated,
                source=text[bar.start : bar.end],
                start=bar.start,
                end=bar.end,
            )
        )
    if not groups:
        raise FormulaError(
            "there is no grouping factor in this group term", text, bar.start, bar.end
        )
    return tuple(groups)


def check_repeats(groups: Sequence[GroupTerm], text: str) -> None:
    """Refuse an effect that varies over the same group twice: it could not be estimated.

    Raises
    ------
    FormulaError
        With the caret at the second of the two terms.
    """
    seen: dict[tuple[frozenset[str], frozenset[str]], GroupTerm] = {}
    for group in groups:
        for effect in group.effects:
            key = (
                frozenset(f.expr for f in group.by),
                frozenset(f.expr for f in effect.factors if f.kind != "number"),
            )
            if key in seen:
                first = seen[key].source
                raise FormulaError(
                    f"{effect.label!r} varies over {group.group!r} twice: in {first} and here; "
                    "leave it out of one of them, as in (0 + x | g)",
                    text,
                    group.start,
                    group.end,
                )
            seen[key] = group


def group_key(groups: Sequence[GroupTerm]) -> tuple[object, ...]:
    """Return what makes two brackets the same term, wherever they stand."""
    return tuple(
        (
            g.correlated,
            frozenset(f.expr for f in g.by),
            frozenset(frozenset(f.expr for f in t.factors) for t in g.effects),
        )
        for g in groups
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
    if len(places) > 1:
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
    if place == len(tokens) - 2:
        raise FormulaError(
            f"nothing stands on the right of {bar.text!r}: write the grouping factor, "
            "as in (1 | g)",
            text,
            bar.start,
            bar.end,
        )
    return Bar(
        effects=tuple(tokens[1:place]),
        by=tuple(tokens[place + 1 : -1]),
        correlated=bar.text == "|",
        start=tokens[0].start,
        end=tokens[-1].end,
    )
