"""New rows of every predictor of a fit: encoded, their levels united, several lots of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.asked import needed
from hierglm.design.design import Design, Grouping, Response
from hierglm.design.encode import encode_new
from hierglm.design.groups import Codes, extended
from hierglm.design.rows import KNOWN, take
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.families.categorical import placed
from hierglm.families.cumulative import known_categories
from hierglm.models import Model

Ints = NDArray[np.int64]
Factor = tuple[tuple[int, str], ...]
"""Predictors and grouping factors, as pairs, that have the same levels."""


def predictors(model: Model) -> tuple[Model, ...]:
    """Return all linear predictors of a model, one or several."""
    return model.parts or (model,)


def with_designs(model: Model, designs: Sequence[Design]) -> Model:
    """Return a model with other rows, one design for each predictor."""
    if not model.parts:
        return replace(model, design=designs[0])
    parts = tuple(replace(m, design=d) for m, d in zip(model.parts, designs, strict=True))
    return replace(model, design=designs[0], parts=parts)


def factors(model: Model) -> list[Factor]:
    """Return the grouping factors: one for each predictor, or for several that share terms."""
    own: dict[tuple[int, str], int] = {}
    for p, m in enumerate(predictors(model)):
        for g in m.design.groups:
            own.setdefault((p, g.group), len(own))
    for joined in model.joined:
        keys = [(member.part, joined.grouping.group) for member in joined.members]
        low = min(own[key] for key in keys)
        merged = {own[key] for key in keys}
        own = {key: low if n in merged else n for key, n in own.items()}
    return [tuple(k for k, n in own.items() if n == one) for one in dict.fromkeys(own.values())]


def encode_rows(model: Model, table: Table, data2: Mapping[str, Any]) -> Model:
    """Return a model with new rows in the place of its own.

    Parameters
    ----------
    model : Model
        Its levels are known; new ones follow them.
    table : Table
        With the response, or some of several: rows in which another one is missing, or all of
        whose column is, have none of it.
    data2 : mapping
        Matrices and graphs with new levels, by name.

    Raises
    ------
    DataError, ResponseError
        Rows that cannot be encoded as the model's own were.
    """
    designs: list[Design] = []
    several = len(model.responses) > 1
    for first in model.responses:
        own = [m.design for m in model.predictors(first)]
        names = tuple(dict.fromkeys(n for d in own for n in needed(d.formula, response=True)))
        if several and _absent(own[0], table, names):
            designs += [_none(d) for d in own]
            continue
        for d in own:
            found = encode_new(
                d, table, response=True, extend=True, data2=data2,
                complete=tuple(n for n in names if n in table.columns),
            )  # fmt: skip
            designs.append(_checked(first, found))
    if not any(d.rows for d in designs):
        labels = ", ".join(repr(m.design.response.label) for m in model.responses)
        raise DataError(f"the new rows have none of the responses {labels}, or none completely")
    return _united(with_designs(model, designs))


def join(one: Model, other: Model) -> Model:
    """Return the rows of two models, one below the other.

    Parameters
    ----------
    one, other : Model
        Encoded alike; the levels of `other` are those of `one` and perhaps more after them.
    """
    pairs = zip(predictors(one), predictors(other), strict=True)
    return with_designs(other, [_joined_designs(a.design, b.design) for a, b in pairs])


def with_levels(model: Model, other: Model) -> Model:
    """Return a model with the levels of another, which are its own and perhaps more."""
    pairs = zip(predictors(model), predictors(other), strict=True)
    return with_designs(model, [_with_levels(a.design, b.design) for a, b in pairs])


@dataclass(frozen=True, slots=True)
class Met:
    """New rows, with the levels that they have and no others.

    Attributes
    ----------
    model : Model
        With the rows; levels of each grouping factor are those that any of its predictors meets.
    levels : mapping of (int, str) to ndarray of int
        By predictor and grouping factor the positions of these levels among all, ascending.
    """

    model: Model
    levels: Mapping[tuple[int, str], Ints]


def met(rows: Model) -> Met:
    """Return rows with their own levels alone: nothing is of the size of all levels."""
    every = predictors(rows)
    groups = [list(m.design.groups) for m in every]
    levels: dict[tuple[int, str], Ints] = {}
    for factor in factors(rows):
        places = [(p, k) for p, k, _ in _terms(every, factor)]
        used = np.unique(np.concatenate([_index(groups[p][k]).ravel() for p, k in places]))
        for p, k in places:
            groups[p][k] = _on(groups[p][k], groups[p][k].levels[used], _place_in(used))
        levels |= dict.fromkeys(factor, used)
    designs = [replace(m.design, groups=tuple(g)) for m, g in zip(every, groups, strict=True)]
    return Met(with_designs(rows, designs), levels)


def take_rows(model: Model, rows: Mapping[str, Any]) -> Model:
    """Return some rows of each response, by its name ("" of the only one)."""
    every = predictors(model)
    return with_designs(model, [take(m.design, rows[m.part.response]) for m in every])


def _absent(design: Design, table: Table, names: Sequence[str]) -> bool:
    """Tell whether a table has no complete row of a response that it need not have."""
    if any(name not in table.columns for name in design.formula.response.names):
        return True
    there = [table.column(name).missing for name in names if name in table.columns]
    return bool(np.logical_or.reduce(there).all()) if there else False


def _none(design: Design) -> Design:
    empty = np.empty(0, dtype=np.int64)
    return replace(take(design, empty), total=0, notes=())


def _checked(first: Model, design: Design) -> Design:
    """Return a design whose response is one that the family of the fit knows."""
    response, levels = design.response, first.design.response.levels or ()
    if first.family.categories:
        response = placed(response, levels)
    first.family.check(response)
    if first.family.thresholds:
        response = known_categories(response, levels)
    return replace(design, response=response)


def _united(model: Model) -> Model:
    """Return a model whose predictors have the same levels where they share a factor."""
    every = predictors(model)
    groups = [list(m.design.groups) for m in every]
    for factor in factors(model):
        if len(factor) == 1:
            continue
        terms = _terms(every, factor)
        levels = terms[0][2].levels
        for _, _, g in terms[1:]:
            levels = extended(levels, Codes(g.levels, g.index))
        levels.flags.writeable = False
        place = {level: i for i, level in enumerate(levels.tolist())}
        for p, k, g in terms:
            moved = np.array([place[x] for x in g.levels.tolist()], dtype=np.int64)
            groups[p][k] = _on(g, levels, moved.__getitem__)
    designs = [replace(m.design, groups=tuple(g)) for m, g in zip(every, groups, strict=True)]
    return with_designs(model, designs)


def _terms(every: Sequence[Model], factor: Factor) -> list[tuple[int, int, Grouping]]:
    """Return the group terms of a factor: predictor, position there, and the term."""
    return [
        (p, k, g)
        for p, group in factor
        for k, g in enumerate(every[p].design.groups)
        if g.group == group
    ]


def _place_in(used: Ints) -> Callable[[Ints], Ints]:
    def place(index: Ints) -> Ints:
        return np.searchsorted(used, index)

    return place


def _on(grouping: Grouping, levels: NDArray[Any], moved: Callable[[Ints], Ints]) -> Grouping:
    """Return a term on other levels."""
    relation = grouping.relation
    if relation.members is not None:
        relation = replace(relation, members=moved(relation.members))
    return replace(grouping, levels=levels, index=moved(grouping.index), relation=relation)


def _index(grouping: Grouping) -> Ints:
    """Return the level of each row, or with a first dimension its several levels."""
    members = grouping.relation.members
    return grouping.index if members is None else members


def _with_levels(design: Design, other: Design) -> Design:
    pairs = zip(design.groups, other.groups, strict=True)
    return replace(design, groups=tuple(_like(g, o) for g, o in pairs), given=other.given)


def _like(grouping: Grouping, other: Grouping) -> Grouping:
    """Return a term with the levels of another, and their relation."""
    # Memberships are those of rows, not of levels.
    own = grouping.relation if other.relation.members is not None else other.relation
    return replace(grouping, levels=other.levels, relation=own)


def _joined_designs(one: Design, other: Design) -> Design:
    return replace(
        other,
        response=_joined(one.response, other.response),
        common=replace(
            other.common, matrix=np.concatenate([one.common.matrix, other.common.matrix])
        ),
        offset=_below(one.offset, other.offset),
        groups=tuple(_joined_terms(a, b) for a, b in zip(one.groups, other.groups, strict=True)),
        kept=np.concatenate([one.kept, one.total + other.kept]),
        total=one.total + other.total,
        notes=(*one.notes, *other.notes),
    )


def _joined_terms(one: Grouping, other: Grouping) -> Grouping:
    relation = other.relation
    if relation.members is not None:
        pairs = [(getattr(one.relation, n), getattr(relation, n)) for n in ("members", "shares")]
        members, shares = (np.concatenate(pair, axis=1) for pair in pairs)
        relation = replace(relation, members=members, shares=shares)
    matrix = np.concatenate([one.effects.matrix, other.effects.matrix])
    return replace(
        other,
        index=np.concatenate([one.index, other.index]),
        effects=replace(other.effects, matrix=matrix),
        relation=relation,
    )


def _joined(one: Response, other: Response) -> Response:
    return replace(
        other,
        values=np.concatenate([one.values, other.values]),
        rows=np.concatenate([one.rows, other.rows]),
        **{name: _below(getattr(one, name), getattr(other, name)) for name in KNOWN},
    )


def _below(one: Any, other: Any) -> Any:
    return None if one is None else np.concatenate([one, other])
