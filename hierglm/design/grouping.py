"""Group terms encoded: levels, their relation, the level of each row, the columns that vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.columns import Functions, evaluate, make_columns
from hierglm.design.design import Grouping
from hierglm.design.enlarge import enlarge
from hierglm.design.given import Given
from hierglm.design.groups import Codes, code, cross, extended, find, uncoded
from hierglm.design.memberships import several_memberships, shares_of
from hierglm.design.relate import relate
from hierglm.design.relation import Relation
from hierglm.design.table import Column, Table
from hierglm.design.times import by_time
from hierglm.errors import DataError
from hierglm.formula.terms import Factor, GroupTerm

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def encode_group(
    term: GroupTerm,
    table: Table,
    rows: Ints,
    own: Functions,
    given: Mapping[str, Given],
) -> Grouping:
    """Return a group term on a table.

    Parameters
    ----------
    term : GroupTerm
    table : Table
        Rows without missing values.
    rows : ndarray of int
        Their places in the caller's table, for messages.
    own : mapping of str to callable
        The caller's functions.
    given : mapping of str to Given
        Matrices and graphs, by name.

    Raises
    ------
    DataError
        Names the level or the row at fault.
    """
    if term.levels.kind == "mm":
        members = _members(term, table, rows, own)
        codes = several_memberships(term, members)
        levels, relation = codes.levels, _on(term, members, codes.levels, table, rows, own)
        index = relation.members[0] if relation.members is not None else codes.index
    else:
        codes = _codes(term, table, rows, own)
        levels, relation = relate(term, codes, given, _stratum(term, table, rows, own))
        index = codes.index
    timed, times = by_time(term, table)
    return Grouping(
        group=term.group,
        levels=_read_only(levels),
        index=_read_only(index),
        effects=make_columns(timed.effects, table, rows, own),
        source=_written(term),
        structure=term.structure,
        shared=term.shared,
        times=times,
        relation=relation,
    )


def encode_group_again(
    grouping: Grouping,
    term: GroupTerm,
    table: Table,
    rows: Ints,
    fitted: Table,
    extend: bool,
    placed: bool = True,
    before: Mapping[str, Given] = MappingProxyType({}),
    given: Mapping[str, Given] | None = None,
) -> Grouping:
    """Return a group term on new rows.

    Parameters
    ----------
    grouping : Grouping
        As it was fitted.
    term : GroupTerm
    table : Table
        New rows, without missing values.
    rows : ndarray of int
        Their places in the caller's table.
    fitted : Table
        The rows that it was fitted to.
    extend : bool
        Whether new levels follow those that there are.
    placed : bool
        Whether the levels of the rows are wanted; else all have index -1.
    before : mapping of str to Given
        Matrices and graphs of the fit, by name.
    given : mapping of str to Given, optional
        The same with new levels. Without it new levels cannot be related to others.

    Raises
    ------
    DataError
        New levels whose relation to the others is not known.
    """
    encoding, relation = grouping.effects.encoding, grouping.relation
    own = encoding.functions
    matrix = _read_only(encoding.encode(table, rows))
    levels = grouping.levels
    if not placed:
        index = np.full(len(rows), -1, dtype=np.int64)
        if term.levels.kind == "mm":
            relation = Relation(shares=_shares(term, table, rows, own, fitted))
    elif term.levels.kind == "mm":
        members = _members(term, table, rows, own, fitted)
        for codes in members if extend else ():
            levels = extended(levels, codes)
        relation = _on(term, members, levels, table, rows, own, fitted)
        index = relation.members[0] if relation.members is not None else grouping.index
    else:
        codes = _codes(term, table, rows, own, fitted)
        levels = extended(levels, codes) if extend else levels
        index = find(codes, levels)
        if given is not None:
            stratum = _stratum(term, table, rows, own)
            found = enlarge(term, grouping, Codes(levels, index), before, given, stratum)
            return _on_rows(grouping, matrix, index, *found)
    if len(levels) > len(grouping.levels) and (relation.dependent or relation.strata):
        raise DataError(
            f"{term.group} has the new level {levels[len(grouping.levels)]!r}, and "
            f"{grouping.source} does not say how it is related to the others"
        )
    return _on_rows(grouping, matrix, index, levels, relation)


def _on_rows(
    grouping: Grouping, matrix: Floats, index: Ints, levels: NDArray[Any], relation: Relation
) -> Grouping:
    return replace(
        grouping,
        levels=_read_only(levels),
        index=_read_only(index),
        effects=replace(grouping.effects, matrix=matrix),
        relation=relation,
    )


def _written(term: GroupTerm) -> str:
    """Return the term as written, but the parts of ``(1 | a/b)`` each with its own factor."""
    effects, _, by = term.source.rpartition("|")
    return f"{effects}| {term.group})" if "/" in by else term.source


def _codes(
    term: GroupTerm,
    table: Table,
    rows: Ints,
    own: Functions,
    fitted: Table | None = None,
) -> Codes:
    return cross([_code(factor, table, rows, own, fitted) for factor in term.by])


def _code(
    factor: Factor, table: Table, rows: Ints, own: Functions, fitted: Table | None = None
) -> Codes:
    plain = uncoded(factor)
    if plain.kind == "name":
        return code(plain.label, table.column(plain.expr))
    values = evaluate(plain, table, rows, own, fitted)
    whole = bool((values == np.floor(values)).all())
    return code(plain.label, Column("number", values, whole=whole))


def _stratum(term: GroupTerm, table: Table, rows: Ints, own: Functions) -> Codes | None:
    by = term.levels.option("by")
    return _code(by[0], table, rows, own) if isinstance(by, tuple) else None


def _members(
    term: GroupTerm, table: Table, rows: Ints, own: Functions, fitted: Table | None = None
) -> list[Codes]:
    return [_code(factor, table, rows, own, fitted) for factor in term.by]


def _on(
    term: GroupTerm,
    members: Sequence[Codes],
    levels: NDArray[Any],
    table: Table,
    rows: Ints,
    own: Functions,
    fitted: Table | None = None,
) -> Relation:
    """Return the memberships of each row."""
    found = np.array([find(codes, levels) for codes in members])
    return Relation(members=_read_only(found), shares=_shares(term, table, rows, own, fitted))


def _shares(
    term: GroupTerm, table: Table, rows: Ints, own: Functions, fitted: Table | None
) -> Floats:
    """Return how much of the effects of each of its levels a row has."""
    weights = term.levels.option("weights")
    columns = weights if isinstance(weights, tuple) else ()
    found = [evaluate(f, table, rows, own, fitted) for f in columns]
    shares: Floats = _read_only(shares_of(term, found, rows))
    return shares


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array
