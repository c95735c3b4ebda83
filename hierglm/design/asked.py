"""The columns and the functions that a formula asks for."""

from __future__ import annotations

from collections.abc import Collection

from hierglm.design.columns import Functions
from hierglm.design.table import Table
from hierglm.errors import FormulaError, clipped, suggest
from hierglm.formula.rewrite import functions_called
from hierglm.formula.terms import Factor, Formula


def needed(
    formula: Formula,
    *,
    response: bool = False,
    known: Collection[str] = (),
    unplaced: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the columns that new rows must have; the arguments are those of `encode_new`."""
    r = formula.response
    found = set(r.names) if response else set()
    if "trials" in known:
        beside = (r.value, r.failures) if r.failures is not None else (r.trials,)
        found.update(n for f in beside if f is not None for n in f.names)
    if "se" in known and r.se is not None:
        found.update(r.se.names)
    found.update(n for term in formula.common for n in term.names)
    found.update(n for factor in formula.offsets for n in factor.names)
    for group in formula.groups:
        placed = group.group not in unplaced
        found.update(group.names if placed else group.unplaced_names)
    return tuple(n for n in formula.names if n in found)


def refuse_unknown(formula: Formula, table: Table) -> None:
    """Raise `FormulaError` for the first column that the table lacks."""
    known = set(table.columns)
    for factor in _factors(formula):
        for name in factor.names:
            if name not in known:
                beside = "; it is in the index: data.reset_index() makes it a column"
                near = beside if name in table.index else suggest(name, table.columns)
                raise FormulaError(
                    f"no column {clipped(repr(name))}{near}",
                    formula.source,
                    *_place(formula.source, name, factor),
                )


def refuse_uncallable(formula: Formula, own: Functions) -> None:
    """Raise `FormulaError` for the first function that the caller has not given."""
    for factor in _factors(formula):
        for name in functions_called(factor.expr) if factor.kind == "call" else ():
            if name not in own:
                raise FormulaError(
                    f"the formula calls a function of yours: functions={{{name!r}: ...}}",
                    formula.source,
                    factor.start,
                    factor.end,
                )


def _place(source: str, name: str, factor: Factor) -> tuple[int, int]:
    at = source.find(name, factor.start, factor.end)
    return (at, at + len(name)) if at >= 0 else (factor.start, factor.end)


def _factors(formula: Formula) -> list[Factor]:
    r = formula.response
    found = [f for f in (r.value, r.trials, r.failures, r.weights, r.se) if f is not None]
    found += [f for term in formula.common for f in term.factors]
    found += formula.offsets
    for group in formula.groups:
        found += [f for term in group.effects for f in term.factors]
        found += group.by
        for _, option in (*group.structure.options, *group.levels.options):
            found += option if isinstance(option, tuple) else ()
    return found
