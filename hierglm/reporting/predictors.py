"""The linear predictor of a response or of a parameter, term by term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.formula.terms import GroupTerm
from hierglm.models import Model
from hierglm.reporting.notation import (
    Fenced,
    Fraction,
    Node,
    bold,
    label,
    letter,
    listed,
    number,
    row,
    script,
    sign,
    symbol,
)
from hierglm.reporting.symbols import (
    FEW,
    ROW,
    SPELLED,
    Effects,
    at,
    coefficient,
    column,
    column_of_effect,
    equal_shares,
    tag,
)

K = letter("k")


def predictor(whole: Model, model: Model, effects: Sequence[Effects]) -> tuple[Node, ...]:
    """Return the terms of a linear predictor.

    Parameters
    ----------
    whole : Model
        All that is fitted together.
    model : Model
        Of this predictor; the same where there is one.
    effects : sequence of Effects
        The symbols of the group terms of the whole.
    """
    of, design = tag(model.part, model.family), model.design
    terms: list[Node] = []
    if design.intercept and not model.family.thresholds:
        terms.append(coefficient(0, of))
    labels = design.common.labels
    if len(labels) > SPELLED:
        total = script(sign("sum"), row(K, sign("="), number(1)), number(len(labels)))
        value = script(letter("x"), listed((K, ROW)))
        terms.append(row(total, script(symbol("beta"), K, of), sign("*"), value))
    else:
        terms += [
            row(coefficient(k, of), sign("*"), column(text))
            for k, text in enumerate(labels, start=1)
        ]
    terms += [column(f.label) for f in design.formula.offsets]
    for place, (grouping, term) in enumerate(
        zip(design.groups, design.formula.groups, strict=True)
    ):
        own, first = _joined(whole, model, place, effects)
        terms += _varying(own, grouping, term, first)
    return tuple(terms) or (number(0),)


def _joined(
    whole: Model, model: Model, place: int, effects: Sequence[Effects]
) -> tuple[Effects, int]:
    """Return the symbols of a predictor's group term, and which of them is its first effect."""
    if not whole.parts:
        return effects[place], 0
    part = next(k for k, m in enumerate(whole.parts) if m.part == model.part)
    for own, joined in zip(effects, whole.joined, strict=True):
        for member in joined.members:
            if (member.part, member.number) == (part, place):
                return own, member.first
    raise AssertionError("every group term of a predictor is among those of the model")


def _varying(own: Effects, grouping: Grouping, term: GroupTerm, first: int) -> Iterator[Node]:
    """Yield what one group term adds to the predictor of a row."""
    count = len(grouping.terms)
    if covariance_of(grouping).kind == "ar1":
        time = term.effects[0].label
        yield script(own.letter, listed((row(label(time), _row()), at(grouping.group))))
    elif count > FEW:
        z = script(bold("z"), listed((own.letter, ROW)), sign("T"))
        for share, level in _levels(grouping, term):
            yield row(*share, z, own.vector(level))
    else:
        for k, text in enumerate(grouping.terms):
            value = column_of_effect(text, shared=False)
            shares = list(_levels(grouping, term))
            parts: list[Node] = []
            for share, level in shares:
                parts += [sign("+")] if parts else []
                parts += [*share, own.effect(first + k, level)]
            inside = row(*parts)
            if value is None:
                yield inside
            else:
                yield row(Fenced((inside,)) if len(shares) > 1 else inside, sign("*"), value)


def _levels(grouping: Grouping, term: GroupTerm) -> Iterator[tuple[tuple[Node, ...], Node]]:
    """Yield the levels of a row, each behind how much of its effects the row has."""
    relation = grouping.relation
    if relation.shares is None:
        yield (), at(grouping.group)
        return
    for m, factor in enumerate(term.by, start=1):
        share: Node = Fraction(number(1), number(len(term.by)))
        if not equal_shares(grouping):
            share = script(letter("w"), listed((number(m), ROW)))
        yield (share, sign("*")), at(factor.label)


def _row() -> Node:
    return Fenced((ROW,), ("[", "]"))
