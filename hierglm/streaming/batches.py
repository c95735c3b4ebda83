"""A batch of rows to columns of numbers: as they are where that is all, or encoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.encode import encode_new
from hierglm.design.magnitudes import LARGEST
from hierglm.design.reading import as_table
from hierglm.formula.terms import Formula, Term
from hierglm.plan.crossproducts import row_weights
from hierglm.streaming.accumulate import Numbers, Partial, adder_of, reduce
from hierglm.streaming.adder import Adder
from hierglm.streaming.covering import Seen, complete, factors
from hierglm.streaming.layout import Layout
from hierglm.streaming.middle import Counts, nothing, roughly
from hierglm.streaming.naming import named, placed, with_text

Floats = NDArray[np.float64]

_EXACT = 2.0**53
"""From here on not every whole number is a float."""
PART = 2**16
"""Rows that are added up at a time: what is made of them stays in a processor's own cache."""
_CODES = re.compile(r"\b(C|hashed)\(|[<>=!&|]")
"""Calls that make categories of numbers."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What is kept of some rows.

    Attributes
    ----------
    seen : Seen
        How many there were, and what was missing.
    partial : Partial or None
        Sums over those without missing values; None where there are none.
    counts : Counts
        Of the response, between edges.
    """

    seen: Seen
    partial: Partial | None
    counts: Counts

    def __add__(self, other: Sums) -> Sums:
        """Return what is kept of the rows of both."""
        return self.taking(other, own=False)

    def taking(self, other: Sums, own: bool = True) -> Sums:
        """Return the same; the memory of this one is used again, if `own`."""
        partial = added(self.partial, other.partial, own)
        return Sums(self.seen + other.seen, partial, self.counts + other.counts)


def added(one: Partial | None, other: Partial | None, own: bool = False) -> Partial | None:
    """Return the sums over the rows of both, of which either may have none."""
    return one.taking(other, own) if one is not None and other is not None else one or other


def _joined(tables: Iterable[Any]) -> list[Any]:
    """Return tables as one."""
    import pyarrow as pa

    found = list(tables)
    return [pa.concat_tables(found)] if len(found) > 1 else found


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: everything that a batch needs to become sums.

    Attributes
    ----------
    design : Design
        Its contrasts, and where they matter its levels, are those of all rows.
    layout : Layout
        Which sums.
    edges : ndarray
        Of the bins in which the response is counted.
    plain : tuple of Term, or None
        The terms of the layout's labels, where all are products of columns of numbers, which
        are then taken as they are.
    size : int
        Rows that are read at a time.
    block : int
        Rows of these whose sums within cells are made at a time.
    coded : tuple of str
        Columns of text that may come as dictionaries.
    """

    design: Design
    layout: Layout
    edges: Floats
    plain: tuple[Term, ...] | None
    size: int
    block: int
    coded: tuple[str, ...] = ()

    def __call__(self, tables: Iterable[Any]) -> Sums | None:
        """Return the sums over the rows of some pyarrow tables, or None where there are none."""
        adder, names, step = None, None, self.block
        r = self.design.response
        weighted = r.weights is not None or r.se is not None
        if self.layout.level is None:
            tables = _joined(tables)
        else:
            if self.layout.named:
                tables, names = placed(list(tables), self.layout.level)
            adder, step = adder_of(self.layout, weighted, self.block), min(self.block, PART)
        seen, sums, counts = Seen(""), None, nothing(self.edges)
        for table in tables:
            responses = []
            for start in range(0, table.num_rows, step):
                more, further, y = self._reduce(table.slice(start, step), adder)
                seen, sums = seen + more, added(sums, further)
                if y is not None:
                    responses.append(y)
            counts += roughly(self.edges, responses)
        if not seen.rows:
            return None
        if adder is not None and sums is not None:
            cells = adder.result()
            sums = replace(sums, cells=cells if names is None else named(cells, names, weighted))
        return Sums(seen, sums, counts)

    def _reduce(
        self, table: Any, adder: Adder | None
    ) -> tuple[Seen, Partial | None, Floats | None]:
        """Return what is kept of a block of rows, and its response."""
        numbers, whole = self._plain(table), table
        sums = None if numbers is None else reduce(numbers, self.layout, adder)
        missed: dict[str, int] = {}
        if sums is None:
            whole, missed = complete(table)
            if whole.num_rows:
                numbers = self._plain(whole) if missed else None
                sums = None if numbers is None else reduce(numbers, self.layout, adder)
                if sums is None:
                    numbers = _encoded(self.design, whole, self.layout)
                    sums = reduce(numbers, self.layout, adder)
        seen = Seen("").with_batch(table.num_rows, whole.num_rows, missed)
        return seen, sums, None if numbers is None or sums is None else numbers.y

    def _plain(self, table: Any) -> Numbers | None:
        if self.plain is None:
            return None
        return _plain(self.design.formula, self.plain, table, self.layout)


def plain_terms(formula: Formula, layout: Layout, schema: Any) -> tuple[Term, ...] | None:
    """Return the terms of a layout's labels, or None where some are not products of columns."""
    terms = [*formula.common, *(t for g in formula.groups for t in g.effects)]
    by_label = {t.label: t for t in terms if t.factors}
    r = formula.response
    others = (r.value, *(f for f in (r.weights, r.se) if f is not None), *formula.offsets)
    named = [*others, *(f for t in by_label.values() for f in t.factors)]
    if any(f.kind != "name" or not _is_number(schema.field(f.expr).type) for f in named):
        return None
    if r.trials is not None or r.failures is not None or set(by_label) != set(layout.labels):
        return None
    return tuple(by_label[label] for label in layout.labels)


def needs_levels(formula: Formula, schema: Any) -> bool:
    """Tell whether columns of a model depend on levels, which all rows must be asked for."""
    return any(
        (f.kind == "call" and _CODES.search(f.expr) is not None)
        or any(not _is_number(schema.field(name).type) for name in f.names)
        for f in factors(formula)
    )


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind))


def _plain(formula: Formula, terms: Sequence[Term], table: Any, layout: Layout) -> Numbers | None:
    """Return columns as they are; None where a value is missing or is not to be squared."""
    if any(table.column(name).null_count for name in table.column_names):
        return None
    columns: dict[str, Floats] = {}
    r = formula.response
    # Sums of squares tell later, but of weighted rows, or where much is taken from them.
    near = max(float(np.abs(layout.centre).max(initial=0.0)), abs(layout.centre_y)) < LARGEST / 4
    sound = not near or r.weights is not None or r.se is not None or bool(formula.offsets)
    names = {n for t in terms for n in t.names} | set(r.names)
    for name in names | {n for f in formula.offsets for n in f.names}:
        found = table.column(name).to_numpy()
        values = columns[name] = found.astype(np.float64, copy=False)
        if found.dtype.kind == "f" and not sound:
            continue
        bound = LARGEST if found.dtype.kind == "f" else _EXACT
        # Neither is true where one is missing.
        if not (values.min() > -bound and values.max() < bound):
            return None
    if any(_has_nan(table.column(key)) for key in layout.keys if key not in columns):
        return None
    weights = None if r.weights is None else columns[r.weights.expr]
    se = None if r.se is None else columns[r.se.expr]
    if weights is not None and not (weights.min() >= 0 and weights.max() > 0):
        return None
    if se is not None and not se.min() > 1 / LARGEST:
        return None
    own = weights
    if se is not None:
        weights = 1 / se**2 if weights is None else weights / se**2
    offsets = [columns[f.expr] for f in formula.offsets]
    return Numbers(
        x=[_product(t, columns) for t in terms],
        y=columns[r.value.expr],
        offset=np.sum(offsets, axis=0) if offsets else None,
        weights=weights,
        own=own,
        table=table,
        sound=sound,
    )


def _product(term: Term, columns: Mapping[str, Floats]) -> Floats:
    out = columns[term.factors[0].expr]
    for factor in term.factors[1:]:
        out = out * columns[factor.expr]
    return out


def _has_nan(column: Any) -> bool:
    from pyarrow import compute, types

    nan = types.is_floating(column.type) and compute.any(compute.is_nan(column)).as_py()
    return bool(nan)


def _encoded(design: Design, table: Any, layout: Layout) -> Numbers:
    if layout.named:
        table = with_text(table, layout.level)
    found = encode_new(design, as_table(table), response=True)
    if len(found.kept) < table.num_rows:
        table = table.take(found.kept)
    columns = dict(zip(found.common.labels, found.common.matrix.T, strict=True))
    for g in found.groups:
        columns |= dict(zip(g.effects.labels, g.effects.matrix.T, strict=True))
    weighted = found.response.weights is not None or found.response.se is not None
    return Numbers(
        x=[columns[label] for label in layout.labels],
        y=found.response.values,
        offset=found.offset,
        weights=row_weights(found) if weighted else None,
        own=found.response.weights,
        table=table,
    )
