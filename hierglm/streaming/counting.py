"""Equal rows counted: all that a Bernoulli, binomial or Poisson likelihood needs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from hierglm.design.columns import Functions
from hierglm.design.design import Design
from hierglm.design.encode import encode
from hierglm.design.level_weights import weigh
from hierglm.design.reading import as_table
from hierglm.design.reduced import Counted
from hierglm.formula.terms import Formula
from hierglm.streaming.cells import number
from hierglm.streaming.covering import Seen, complete
from hierglm.streaming.feasible import infeasible
from hierglm.streaming.parallel import in_order, workers
from hierglm.streaming.sources import BATCH, COUNT, Piece, Source

MOST = 5_000_000
"""Different rows from which a gradient takes about a second."""

_FIRST = 20_000
"""Rows that tell whether a column has about as many values as rows."""


def tally(
    formula: Formula,
    source: Source,
    *,
    missing: Literal["drop", "error"] = "drop",
    functions: Functions | None = None,
    weights: Mapping[Any, Any] | None = None,
    batch: int = BATCH,
) -> Design:
    """Return the design of the different rows of a table, with the number of each; one pass.

    Parameters
    ----------
    formula, source, missing, functions, weights, batch
        See `hierglm.streaming.passes.read`.

    Raises
    ------
    SettingsError
        More different rows than can be fitted: told by the first batch, where a column of it has
        about as many values as rows.
    DataError
        What cannot be encoded.
    """
    seen, found = _different(formula.names, source, batch)
    seen.check(missing)
    # Whatever the order of batches, one order of rows.
    codes = as_table(found)
    found = found.take(np.lexsort([codes.column(n).values for n in reversed(formula.names)]))
    frequency = found.column(COUNT).to_numpy().astype(np.float64)
    design = encode(formula, as_table(found.select(list(formula.names))), functions=functions)
    if weights is not None:
        design = weigh(design, weights)
    X = design.common.matrix
    way = source.way(batch) if source.group is None else "which groups its rows"
    frequency.flags.writeable = False
    return replace(
        design,
        reduced=Counted(source.name, frequency, np.average(X, axis=0, weights=frequency)),
        total=seen.rows,
        notes=(*seen.notes, *design.notes, f"data: {source.name}, {way}; equal ones are counted"),
    )  # fmt: skip


def _different(names: Sequence[str], source: Source, batch: int) -> tuple[Seen, Any]:
    """Return the different rows of a table that have nothing missing, with the number of each."""
    # Asked first: a connection may do one thing at a time.
    total = source.count()
    if source.fold is not None:
        apart = source.fold(names, partial(_counts, names=names), partial(_both, names=names))
        seen, found = (Seen(""), None) if apart is None else apart
        return Seen(source.name) + seen, None if found is None else _bounded(found, source, total)
    for table in source.read(names, _FIRST):
        _refuse_continuous(table.slice(0, _FIRST), total, source.name)
        break
    seen, parts, known = Seen(source.name), [], 0
    tasks = (partial(_piece, piece, names) for piece in _pieces(names, source, batch))
    for more, found in in_order(tasks, workers()):
        seen += more
        parts.append(found)
        # Put together whenever there are twice as many.
        if sum(t.num_rows for t in parts) > 2 * known + batch:
            parts = [_bounded(_together(parts, names), source, total)]
            known = parts[0].num_rows
    return seen, _bounded(_together(parts, names), source, total) if parts else None


def _bounded(found: Any, source: Source, total: int | None) -> Any:
    """Return different rows, unless there are too many to be fitted."""
    if found.num_rows > MOST:
        raise infeasible(source.name, total, f"more than {MOST:,} different rows")
    return found


def _pieces(names: Sequence[str], source: Source, batch: int) -> Iterator[Piece]:
    """Yield what returns rows, or different rows with their numbers where the source finds them."""
    if source.group is None:
        yield from source.pieces(names, batch)
        return
    for table in source.group(names):
        yield partial(iter, [table])


def _piece(piece: Piece, names: Sequence[str]) -> tuple[Seen, Any]:
    import pyarrow as pa

    return _counts(pa.concat_tables(list(piece())), names)


def _counts(table: Any, names: Sequence[str]) -> tuple[Seen, Any]:
    """Return the different complete rows of a pyarrow table, and how many there are of each."""
    import pyarrow as pa
    from pyarrow import compute

    if COUNT not in table.column_names:
        whole, missed = complete(table)
        seen = Seen("").with_batch(table.num_rows, whole.num_rows, missed)
        _, first, counts = number(whole, names)
        return seen, whole.take(first).append_column(COUNT, pa.array(counts))
    whole, missed = complete(table)
    rows, left = (int(compute.sum(t.column(COUNT)).as_py() or 0) for t in (table, whole))
    for name in missed:
        without = table.filter(compute.is_null(table.column(name), nan_is_null=True))
        missed[name] = int(compute.sum(without.column(COUNT)).as_py())
    return Seen("").with_batch(rows, left, missed), _grouped(whole, names)


def _both(one: tuple[Seen, Any], other: tuple[Seen, Any], names: Sequence[str]) -> tuple[Seen, Any]:
    return one[0] + other[0], _together([one[1], other[1]], names)


def _together(parts: Sequence[Any], names: Sequence[str]) -> Any:
    import pyarrow as pa

    return _grouped(pa.concat_tables(parts).unify_dictionaries().combine_chunks(), names)


def _grouped(table: Any, names: Sequence[str]) -> Any:
    found = table.group_by(list(names)).aggregate([(COUNT, "sum")])
    return found.rename_columns([n.replace(f"{COUNT}_sum", COUNT) for n in found.column_names])


def _refuse_continuous(first: Any, total: int | None, source: str) -> None:
    """Refuse a column of about as many values as rows, where there are too many rows."""
    from pyarrow import compute, types

    if total is None or total <= MOST:
        return
    for name in first.column_names:
        column = first.column(name)
        if not types.is_floating(column.type):
            continue
        if compute.count_distinct(column).as_py() > first.num_rows / 2:
            raise infeasible(source, total, f"column {name!r}, of about as many values as rows,")
