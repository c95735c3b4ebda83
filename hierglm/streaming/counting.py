"""Equal rows counted: all that a Bernoulli, binomial or Poisson likelihood needs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hierglm.design.columns import Functions
from hierglm.design.design import Design
from hierglm.design.encode import encode
from hierglm.design.level_weights import weigh
from hierglm.design.reduced import Counted
from hierglm.design.table import as_table
from hierglm.formula.terms import Formula
from hierglm.streaming.covering import Seen, complete
from hierglm.streaming.feasible import infeasible
from hierglm.streaming.sources import BATCH, Source

MOST = 5_000_000
"""Different rows from which a gradient takes about a second."""
_COUNT = "number of rows"


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
    seen, parts, known = Seen(source.name), [], 0
    # Asked first: a connection may do one thing at a time.
    total = source.count()
    for table in source.read(formula.names, batch):
        whole, missed = complete(table)
        seen = seen.with_batch(table.num_rows, whole.num_rows, missed)
        parts.append(_counts(whole, formula.names))
        if seen.rows == table.num_rows:
            _refuse_continuous(parts[0], whole.num_rows, total, source.name)
        # Put together whenever there are twice as many.
        if sum(t.num_rows for t in parts) > 2 * known + batch:
            parts = [_together(parts, formula.names)]
            known = parts[0].num_rows
            if known > MOST:
                raise infeasible(source.name, total, f"more than {MOST:,} different rows")
    seen.check(missing)
    found = _together(parts, formula.names)
    # Whatever the order of batches, one order of rows.
    codes = as_table(found)
    found = found.take(np.lexsort([codes.column(n).values for n in reversed(formula.names)]))
    frequency = found.column(_COUNT).to_numpy().astype(np.float64)
    design = encode(formula, as_table(found.select(list(formula.names))), functions=functions)
    if weights is not None:
        design = weigh(design, weights)
    X = design.common.matrix
    frequency.flags.writeable = False
    return replace(
        design,
        reduced=Counted(source.name, frequency, np.average(X, axis=0, weights=frequency)),
        total=seen.rows,
        notes=(*seen.notes, *design.notes, f"data: {source.name}, read in batches of {batch:,} "
               "rows; equal ones are counted"),
    )  # fmt: skip


def _counts(table: Any, names: Sequence[str]) -> Any:
    """Return the different rows of a pyarrow table, and how many there are of each."""
    import pyarrow as pa

    ones = pa.array(np.ones(table.num_rows, dtype=np.int64))
    return _grouped(table.append_column(_COUNT, ones), names)


def _together(parts: Sequence[Any], names: Sequence[str]) -> Any:
    import pyarrow as pa

    return _grouped(pa.concat_tables(parts).unify_dictionaries().combine_chunks(), names)


def _grouped(table: Any, names: Sequence[str]) -> Any:
    found = table.group_by(list(names)).aggregate([(_COUNT, "sum")])
    return found.rename_columns([n.replace(f"{_COUNT}_sum", _COUNT) for n in found.column_names])


def _refuse_continuous(first: Any, rows: int, total: int | None, source: str) -> None:
    """Refuse a column of about as many values as rows, where there are too many rows."""
    from pyarrow import compute, types

    if total is None or total <= MOST:
        return
    for name in first.column_names:
        column = first.column(name)
        if name == _COUNT or not types.is_floating(column.type):
            continue
        if compute.count_distinct(column).as_py() > rows / 2:
            raise infeasible(source, total, f"column {name!r}, of about as many values as rows,")
