"""Designs of several linear predictors: their rows, and the effects that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.asked import refuse_unknown
from hierglm.design.design import Columns, Design, Grouping
from hierglm.design.encode import encode
from hierglm.design.table import Table
from hierglm.errors import DataError, FormulaError
from hierglm.formula.terms import Formula
from hierglm.names import qualified


@dataclass(frozen=True, slots=True)
class Member:
    """The part of a group term that acts on one predictor.

    Attributes
    ----------
    part : int
        Which predictor.
    number : int
        Which of its group terms.
    first : int
        Its first effect, among all effects of a level.
    """

    part: int
    number: int
    first: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """One group term of a model with several predictors.

    Attributes
    ----------
    grouping : Grouping
        Levels and effects. Where the term acts on several predictors its effects are those of
        all its members, labelled ``"Intercept@score"``, and it has no rows: they have them.
    members : tuple of Member
        One for each predictor and term that it consists of.
    """

    grouping: Grouping
    members: tuple[Member, ...]

    @property
    def shared(self) -> bool:
        """Whether it consists of several terms."""
        return len(self.members) > 1


def encode_beside(
    formulas: Sequence[Formula],
    table: Table,
    *,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    data2: Mapping[str, Any] | None = None,
) -> tuple[Design, ...]:
    """Return the designs of formulas that are about the same rows.

    Parameters
    ----------
    formulas : sequence of Formula
        Of the parameters of one response.
    table : Table
        A row counts where all columns are complete that any of the formulas uses.
    missing, functions, data2
        See `hierglm.design.encode.encode`.
    """
    for formula in formulas:
        refuse_unknown(formula, table)
    names = tuple(dict.fromkeys(name for f in formulas for name in f.names))
    return tuple(
        encode(f, table, missing=missing, functions=functions, complete=names, data2=data2)
        for f in formulas
    )


def join(
    designs: Sequence[Design], labels: Sequence[tuple[str, str]]
) -> tuple[tuple[Design, ...], tuple[Joined, ...]]:
    """Return the designs with the levels of shared terms united, and all group terms in order.

    Parameters
    ----------
    designs : sequence of Design
        One for each predictor.
    labels : sequence of (str, str)
        Response and parameter of each, for the labels of shared effects.

    Raises
    ------
    FormulaError
        An effect that stands twice in terms of one id.
    DataError
        Levels that are text in one table and numbers in another.
    """
    members: dict[tuple[str, ...], list[Member]] = {}
    for part, design in enumerate(designs):
        for number, g in enumerate(design.groups):
            own = (g.shared, g.group) if g.shared else ("", str(part), str(number))
            members.setdefault(own, []).append(Member(part, number))
    groups = [list(design.groups) for design in designs]
    joined = []
    for found in members.values():
        if len(found) == 1:
            joined.append(Joined(groups[found[0].part][found[0].number], tuple(found)))
            continue
        levels = _unite([groups[m.part][m.number] for m in found])
        for m in found:
            groups[m.part][m.number] = _on(groups[m.part][m.number], levels)
        joined.append(_share([groups[m.part][m.number] for m in found], found, labels))
    united = [replace(d, groups=tuple(g)) for d, g in zip(designs, groups, strict=True)]
    return _in_order(united, joined)


def _in_order(
    designs: Sequence[Design], joined: Sequence[Joined]
) -> tuple[tuple[Design, ...], tuple[Joined, ...]]:
    """Return designs whose group terms come in the order in which all are numbered."""
    orders = [
        [m.number for term in joined for m in term.members if m.part == part]
        for part in range(len(designs))
    ]
    moved = []
    for design, order in zip(designs, orders, strict=True):
        written = tuple(design.formula.groups[k] for k in order)
        groups = tuple(design.groups[k] for k in order)
        moved.append(
            replace(design, formula=replace(design.formula, groups=written), groups=groups)
        )
    return tuple(moved), tuple(
        replace(
            term,
            members=tuple(replace(m, number=orders[m.part].index(m.number)) for m in term.members),
        )
        for term in joined
    )


def _share(
    groupings: Sequence[Grouping], members: Sequence[Member], labels: Sequence[tuple[str, str]]
) -> Joined:
    sizes = [len(g.terms) for g in groupings]
    first = np.cumsum([0, *sizes[:-1]]).tolist()
    terms = tuple(
        qualified(term, *labels[m.part])
        for g, m in zip(groupings, members, strict=True)
        for term in g.terms
    )
    for term in terms:
        if terms.count(term) > 1:
            raise FormulaError(
                f"{term!r} varies twice over {groupings[0].group} with the id "
                f"{groupings[0].shared!r}; leave it out of one of the terms",
                groupings[1].source,
            )
    nothing = np.empty((0, len(terms)))
    whole = replace(
        groupings[0],
        index=np.empty(0, dtype=np.int64),
        effects=Columns(nothing, terms, groupings[0].effects.encoding),
        source=" + ".join(dict.fromkeys(g.source for g in groupings)),
    )
    return Joined(whole, tuple(replace(m, first=f) for m, f in zip(members, first, strict=True)))


def _unite(groupings: Sequence[Grouping]) -> NDArray[Any]:
    """Return the levels of all, in order: as sorted or declared in the first, then the new."""
    first = groupings[0].levels
    kinds = {_kind(g.levels) for g in groupings}
    if len(kinds) > 1:
        raise DataError(
            f"the levels of {groupings[0].group!r} are {' in one part and '.join(sorted(kinds))} "
            "in another; give them one type"
        )
    every = list(dict.fromkeys(level for g in groupings for level in g.levels.tolist()))
    if all(g.levels.tolist() == sorted(g.levels.tolist()) for g in groupings):
        every = sorted(every)
    levels = np.empty(len(every), dtype=first.dtype)
    levels[:] = every
    levels.flags.writeable = False
    return levels


def _kind(levels: NDArray[Any]) -> str:
    if levels.dtype.kind == "O":
        return "numbers" if isinstance(levels[0], int | float) else "text"
    return "text" if levels.dtype.kind in "UST" else "numbers"


def _on(grouping: Grouping, levels: NDArray[Any]) -> Grouping:
    """Return a term on the levels of all parts."""
    place = {level: i for i, level in enumerate(levels.tolist())}
    moved = np.array([place[level] for level in grouping.levels.tolist()], dtype=np.int64)
    index = moved[grouping.index]
    index.flags.writeable = False
    return replace(grouping, levels=levels, index=index)
