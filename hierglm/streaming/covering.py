"""The first pass: real rows, few, in which every level and every combination of levels occurs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from hierglm.errors import DataError, FormulaError
from hierglm.formula.functions import ENCODINGS
from hierglm.formula.terms import Factor, Formula
from hierglm.streaming.cells import joined
from hierglm.streaming.naming import is_text
from hierglm.streaming.sources import Source

ROWS = 2000
"""First rows that are kept whatever they hold: they tell types, and about where columns lie."""
_OF_LEVELS = {"C", "hashed"}
_LEARNS = set(ENCODINGS) - _OF_LEVELS - {"I"}


@dataclass(frozen=True, slots=True)
class Seen:
    """How many rows were read.

    Attributes
    ----------
    source : str
        Where they are.
    rows : int
        All.
    incomplete : int
        Those with a missing value.
    missing : mapping of str to int
        Missing values by column.
    """

    source: str
    rows: int = 0
    incomplete: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)

    def with_batch(self, rows: int, whole: int, missing: Mapping[str, int]) -> Seen:
        """Return the same with a batch more: its rows, its complete rows, what is missing."""
        names = (*self.missing, *(n for n in missing if n not in self.missing))
        return Seen(
            self.source,
            self.rows + rows,
            self.incomplete + rows - whole,
            {n: self.missing.get(n, 0) + missing.get(n, 0) for n in names},
        )

    def __add__(self, other: Seen) -> Seen:
        """Return what was seen in two parts of a table."""
        return self.with_batch(other.rows, other.rows - other.incomplete, other.missing)

    def check(self, missing: Literal["drop", "error"]) -> None:
        """Raise `DataError` where nothing is left, or where nothing may be missing."""
        if not self.rows:
            raise DataError(f"{self.source} has no rows")
        if missing == "error" and self.incomplete:
            raise DataError(f"{self._share} have missing values: {self._by_column}")
        if self.incomplete == self.rows:
            raise DataError(
                f"no row of {self.source} is complete; missing values: {self._by_column}"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, in words."""
        if not self.incomplete:
            return ()
        return (f"{self._share} dropped: missing values in {self._by_column}",)

    @property
    def _share(self) -> str:
        return f"{self.incomplete:,} of {self.rows:,} rows"

    @property
    def _by_column(self) -> str:
        return ", ".join(f"{name!r} ({count:,})" for name, count in self.missing.items())


@dataclass(frozen=True, slots=True)
class Covering:
    """What the first pass found.

    Attributes
    ----------
    table : pyarrow.Table
        Complete rows: each combination of the levels of all grouping factors, and each level of
        each other category, is in at least one of them.
    seen : Seen
        How many rows there were.
    """

    table: Any
    seen: Seen


def cover(
    formula: Formula, source: Source, batch: int, missing: Literal["drop", "error"] = "drop"
) -> Covering:
    """Return rows that cover all levels; one pass over the columns that the formula names.

    Parameters
    ----------
    formula : Formula
    source : Source
    batch : int
        Rows of a batch.
    missing : {"drop", "error"}
        What is done with rows that are not complete.

    Raises
    ------
    DataError
        No rows, or no complete ones.
    """
    if source.fold is not None:
        return _cover_apart(formula, source, missing)
    kept: dict[tuple[str, ...], _Firsts] = {}
    seen = Seen(source.name)
    start: list[Any] = []
    for found in source.read(formula.names, batch):
        if not kept:
            kept = {keys: _Firsts(keys) for keys in _discrete(formula, found.schema)}
        whole, counts = complete(found)
        seen = seen.with_batch(found.num_rows, whole.num_rows, counts)
        if sum(t.num_rows for t in start) < ROWS:
            start.append(whole.slice(0, ROWS))
        for firsts in kept.values():
            firsts.add(whole)
    seen.check(missing)
    tables = [*start, *(f.table() for f in kept.values())]
    return Covering(joined(tables), seen)


def _cover_apart(formula: Formula, source: Source, missing: Literal["drop", "error"]) -> Covering:
    """Return the same, each part of the table looked at where it is."""
    assert source.fold is not None
    found: _Part | None = source.fold(formula.names, partial(_part, formula), _both)
    if found is None:
        raise DataError(f"{source.name} has no rows")
    seen = Seen(source.name) + found.seen
    seen.check(missing)
    return Covering(joined([found.start, *found.firsts.values()]), seen)


@dataclass(frozen=True, slots=True)
class _Part:
    """What was found in a part of a table: the first rows, and those with a new level."""

    seen: Seen
    start: Any
    firsts: Mapping[tuple[str, ...], Any]


def _part(formula: Formula, table: Any) -> _Part:
    whole, missed = complete(table)
    return _Part(
        Seen("").with_batch(table.num_rows, whole.num_rows, missed),
        whole.slice(0, ROWS),
        {keys: _first(whole, keys) for keys in _discrete(formula, table.schema)},
    )


def _both(one: _Part, other: _Part) -> _Part:
    return _Part(
        one.seen + other.seen,
        joined([one.start, other.start]).slice(0, ROWS),
        {k: _first(joined([one.firsts[k], other.firsts[k]]), k) for k in one.firsts},
    )


def complete(table: Any) -> tuple[Any, dict[str, int]]:
    """Return the rows of a pyarrow table without missing values, and how many each column has."""
    import pyarrow as pa
    from pyarrow import compute as pc

    counts: dict[str, int] = {}
    keep = None
    for name in table.column_names:
        column = table.column(name)
        floating = pa.types.is_floating(column.type)
        if not (column.null_count or floating):
            continue
        bad = pc.is_null(column, nan_is_null=True)
        if column.null_count or pc.any(bad).as_py():
            counts[name] = pc.sum(bad).as_py()
            good = pc.invert(bad)
            keep = good if keep is None else pc.and_(keep, good)
    return (table if keep is None else table.filter(keep)), counts


class _Firsts:
    """The first rows that have each combination of some columns, batch after batch."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._tables: list[Any] = []
        self._settled = 0

    def add(self, table: Any) -> None:
        """Take in a batch."""
        self._tables.append(_first(table, self._keys))
        # Looked at together whenever there are twice as many: each row a few times in all.
        if sum(t.num_rows for t in self._tables) > 2 * self._settled + 10_000:
            self._settled = self.table().num_rows

    def table(self) -> Any:
        """Return one row for each combination so far."""
        self._tables = [_first(joined(self._tables), self._keys)]
        return self._tables[0]


def _first(table: Any, keys: Sequence[str]) -> Any:
    import numpy as np
    import pyarrow as pa

    numbered = table.select(list(keys)).append_column("", pa.array(np.arange(table.num_rows)))
    found = numbered.group_by(list(keys), use_threads=False).aggregate([("", "min")])
    return table.take(np.sort(found.column("_min").to_numpy()))


def _discrete(formula: Formula, schema: Any) -> Iterator[tuple[str, ...]]:
    """Yield the sets of columns whose combinations make levels."""
    groups = dict.fromkeys(n for g in formula.groups for f in g.by for n in f.names)
    if groups:
        yield tuple(groups)
    for name in formula.names:
        if name not in groups and _is_category(schema.field(name).type):
            yield (name,)
    for factor in _predictors(formula):
        if calls(factor) & _OF_LEVELS:
            yield tuple(factor.names)


def refuse_learning(formula: Formula) -> None:
    """Refuse functions whose values in a row depend on the other rows.

    Raises
    ------
    FormulaError
        Points at the first of them.
    """
    for factor in factors(formula):
        for name in sorted(calls(factor) & _LEARNS):
            raise FormulaError(
                f"{name}(...) is learned from all rows, and these are read in batches: write its "
                "numbers (I((x - 3.2) / 1.5) for scale(x)), or make the column beforehand",
                formula.source,
                factor.start,
                factor.end,
            )


def calls(factor: Factor) -> set[str]:
    """Return the functions that a factor calls."""
    return set(re.findall(r"\b([A-Za-z_]\w*)\(", factor.expr)) if factor.kind == "call" else set()


def factors(formula: Formula) -> Iterator[Factor]:
    """Yield the factors of a formula, but those that rows are grouped by."""
    r = formula.response
    yield from (f for f in (r.value, r.trials, r.failures, r.weights, r.se) if f is not None)
    yield from formula.offsets
    yield from _predictors(formula)


def _predictors(formula: Formula) -> Iterator[Factor]:
    terms = (*formula.common, *(t for g in formula.groups for t in g.effects))
    return (f for term in terms for f in term.factors)


def _is_category(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_dictionary(kind)) or is_text(kind)
