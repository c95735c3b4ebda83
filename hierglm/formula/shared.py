"""Group terms with one id: ``(1 |s| g) + (0 + x |s| g)`` is ``(1 + x | g)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hierglm.errors import FormulaError
from hierglm.formula.terms import Factor, Given, GroupTerm, Structure


def join_shared(groups: Sequence[GroupTerm], text: str) -> tuple[GroupTerm, ...]:
    """Return the group terms, those of one id as one term, where the first of them stands.

    Parameters
    ----------
    groups : sequence of GroupTerm
        Of one formula, in which no effect varies over a group twice.
    text : str
        The formula.

    Raises
    ------
    FormulaError
        Terms of one id that have different grouping factors, or say different things of
        their levels.
    """
    found: list[GroupTerm] = []
    for group in groups:
        same = [i for i, g in enumerate(found) if group.shared and g.shared == group.shared]
        # (1 |s| a/b) is two terms by itself, which share nothing.
        others = [i for i in same if found[i].start != group.start]
        if not others:
            found.append(group)
            continue
        at = next((i for i in others if _factors(found[i]) == _factors(group)), None)
        if at is None:
            first = found[others[0]]
            raise FormulaError(
                f"terms with the id {group.shared!r} share one grouping factor, but this one has "
                f"{group.group!r} and {first.source} has {first.group!r}",
                text,
                group.start,
                group.end,
            )
        first = found[at]
        if _plain(first.levels) != _plain(group.levels):
            raise FormulaError(
                f"terms with the id {group.shared!r} share one grouping factor: write it here as "
                f"in {first.source}",
                text,
                group.start,
                group.end,
            )
        source = f"{first.source} + {group.source}"
        found[at] = replace(first, effects=(*first.effects, *group.effects), source=source)
    return tuple(found)


def _factors(group: GroupTerm) -> frozenset[str]:
    return frozenset(f.expr for f in group.by)


def _plain(structure: Structure) -> tuple[object, ...]:
    """Return what a structure says, wherever it stands."""

    def value(option: object) -> object:
        if isinstance(option, Given):
            return option.name
        return (
            [f.expr for f in option if isinstance(f, Factor)]
            if isinstance(option, tuple)
            else option
        )

    return (structure.kind, *((name, value(option)) for name, option in structure.options))
