"""Group terms ``(effects | by)``, read from the bars that were cut out of the right-hand side."""

from __future__ import annotations

from collections.abc import Sequence

from hierglm.errors import FormulaError
from hierglm.formula.bars import Bar
from hierglm.formula.pieces import Product
from hierglm.formula.terms import Factor, GroupTerm, Term


def read_group(
    bar: Bar,
    effects: Sequence[Product],
    by: Sequence[Product],
    text: str,
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
    if bar.structure.kind == "ar1":
        terms = _times(bar, terms, text)
    factors = [tuple(f for f in product if isinstance(f, Factor)) for product in by]
    if bar.levels.kind == "mm":
        if any(len(f) != 1 for f in factors):
            raise FormulaError(
                "the members of mm(...) are single factors", text, bar.start, bar.end
            )
        factors = [tuple(f[0] for f in factors)]
    groups = [
        GroupTerm(
            effects=terms,
            by=f,
            source=text[bar.start : bar.end],
            start=bar.start,
            end=bar.end,
            structure=bar.structure,
            levels=bar.levels,
            shared=bar.shared,
        )
        for f in factors
    ]
    if not groups:
        raise FormulaError(
            "there is no grouping factor in this group term", text, bar.start, bar.end
        )
    return tuple(groups)


def _times(bar: Bar, terms: Sequence[Term], text: str) -> tuple[Term, ...]:
    """Return the one term of ``ar1(t | g)``: its levels are the effects, without an intercept."""
    found = tuple(t for t in terms if t.factors)
    if len(found) != 1 or len(found[0].factors) != 1:
        raise FormulaError(
            "ar1(...) takes one column of times, as in ar1(0 + t | g)", text, bar.start, bar.end
        )
    return found


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
            g.structure.kind,
            g.levels.kind,
            frozenset(f.expr for f in g.by),
            frozenset(frozenset(f.expr for f in t.factors) for t in g.effects),
        )
        for g in groups
    )
