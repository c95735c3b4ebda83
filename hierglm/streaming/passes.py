"""A formula meets a table that is read in batches: a pass or two, and a design without its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from operator import add
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.asked import refuse_unknown
from hierglm.design.columns import evaluate
from hierglm.design.design import Columns, Design
from hierglm.design.encode import encode
from hierglm.design.notes import column_notes
from hierglm.design.reading import as_table
from hierglm.design.reduced import GroupReduced, Reduced, with_levels
from hierglm.errors import DataError, HierglmError, SettingsError
from hierglm.formula.terms import Formula
from hierglm.streaming.accumulate import Partial, factor_of, forget
from hierglm.streaming.batches import Reading, Sums, needs_levels
from hierglm.streaming.cells import joined
from hierglm.streaming.covering import Seen, complete, refuse_learning
from hierglm.streaming.layout import Layout
from hierglm.streaming.levels import places, rounded
from hierglm.streaming.middle import middle
from hierglm.streaming.parallel import in_order, workers
from hierglm.streaming.sources import BATCH, Begun, Piece, Source
from hierglm.streaming.starting import covered, even, head_of, started
from hierglm.streaming.within import within_levels

Floats = NDArray[np.float64]


def read(
    formula: Formula,
    source: Source,
    *,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    weights: Mapping[Any, Any] | None = None,
    batch: int = BATCH,
) -> Design:
    """Return the design of a table that is read in batches, with sums in place of its rows.

    One pass where predictors are numbers: levels of grouping factors are found, and sums within
    them made, at once. Two where columns depend on levels, which the first finds. One more where
    columns nearly are combinations of others, and where the median is not told to a decimal.

    Parameters
    ----------
    formula : Formula
    source : Source
    missing, functions
        As in `hierglm.design.encode.encode`; functions are called batch by batch.
    weights : mapping, optional
        Of levels, as in `hierglm.fit`.
    batch : int
        Rows of a batch.

    Raises
    ------
    DataError
        What cannot be encoded; says in which batch.
    """
    known = bool(functions) or weights is not None
    begun = None if known or source.begin is None else source.begin(formula.names)
    head = None if known else head_of(formula, source, batch, begun)
    if head is None or needs_levels(formula, head.schema):
        start = covered(formula, source, missing, functions, weights, batch)
    else:
        start = started(formula, head, batch)
    sums = _accumulate(start.reading, formula, source, begun)
    seen = Seen(source.name) + sums.seen
    seen.check(missing)
    total, layout = sums.partial, start.reading.layout
    assert total is not None
    R = factor_of(total)
    if R is None:
        again = _accumulate(
            replace(start.reading, layout=replace(layout, careful=True)), formula, source
        )
        assert again.partial is not None
        R = again.partial.R
        assert R is not None
    design = start.reading.design
    assert total.cells is not None
    cells = rounded(total.cells, layout.level)
    if start.rows is not None:
        if cells.levels is None:
            design = encode(formula, as_table(joined([start.rows, cells.rows])))
        else:
            design = with_levels(encode(formula, as_table(start.rows)), cells.levels)
    edges = start.reading.edges
    median, mad = middle(sums.counts, edges, lambda: _responses(design, formula, source, batch))
    groups, cross = within_levels(cells, layout, places(design, cells))
    reduced = _finish(total, R, layout, source.name, median, mad, groups, cross)
    return replace(
        design,
        reduced=reduced,
        total=seen.rows,
        notes=(*seen.notes, *_column_notes(design, reduced), f"data: {source.name}, "
               f"{source.way(batch)}; sums over them are kept, the rows not"),
    )  # fmt: skip


def _accumulate(
    reading: Reading, formula: Formula, source: Source, begun: Begun | None = None
) -> Sums:
    """Return what is kept of all rows, whatever the number of threads."""
    if source.fold is not None:
        fold = partial(source.fold, formula.names) if begun is None else begun.fold
        folded: Sums | None = fold(partial(_alone, reading), add)
        return _found(folded, source)
    pieces = source.pieces(formula.names, even(source, reading.size), reading.coded)
    total: Sums | None = None
    start = 0
    for rows, found in in_order((_task(reading, piece) for piece in pieces), workers()):
        if isinstance(found, HierglmError):
            where = f"rows {start + 1:,} to {start + rows:,} of {source.name}"
            raise DataError(f"{where}: {found}") from found
        start += rows
        if found is not None:
            total = found if total is None else total.taking(found)
    forget()
    return _found(total, source)


def _alone(reading: Reading, table: Any) -> Sums | None:
    return reading([table])


def _task(reading: Reading, piece: Piece) -> Callable[[], tuple[int, Sums | HierglmError | None]]:
    def work() -> tuple[int, Sums | HierglmError | None]:
        rows = 0

        def tables() -> Iterator[Any]:
            nonlocal rows
            for table in piece():
                rows += table.num_rows
                yield table

        try:
            found: Sums | HierglmError | None = reading(tables())
        except HierglmError as error:
            found = error
        return rows, found

    return work


def _found(sums: Sums | None, source: Source) -> Sums:
    if sums is None:
        raise DataError(f"{source.name} gave no rows when it was read again")
    return sums


def _responses(design: Design, formula: Formula, source: Source, batch: int) -> Iterator[Floats]:
    """Yield the response of complete rows, batch by batch."""
    for table in source.read(formula.names, batch):
        whole, _ = complete(table)
        if whole.num_rows:
            yield evaluate(
                formula.response.value, as_table(whole), np.arange(whole.num_rows),
                design.functions, design.table,
            )  # fmt: skip


def _finish(
    total: Partial, R: Floats, layout: Layout, source: str, median: float, mad: float,
    groups: tuple[GroupReduced, ...], cross: Mapping[tuple[int, int], Any],
) -> Reduced:  # fmt: skip
    """Return what the sums say of the rows."""
    n, (first, squares) = total.rows, total.moments.sum
    p = layout.common
    centre = layout.centre[:p]
    means = first / n
    left = np.maximum(squares - first * means, 0.0)
    sds = np.sqrt(left / (n - 1)) if n > 1 else np.ones(len(means))
    around = np.append(centre, [layout.centre_y, 0.0])
    # As `hierglm.priors.scales` has it: no sd of rounding errors.
    flat = sds <= 1e-12 * np.maximum(np.abs(means + around), np.sqrt(squares / n))
    sds = np.where(flat | (sds == 0), 1.0, sds)
    return Reduced(
        source=source,
        rows=n,
        weights=float(total.weights.sum),
        R=R,
        centre=centre,
        centre_y=layout.centre_y,
        means=(means + around)[:-2],
        sds=sds[:-2],
        mean_y=float(means[-2] + layout.centre_y),
        sd_y=float(sds[-2]),
        mean_offset=float(means[-1]),
        median_y=median,
        mad_y=mad,
        groups=groups,
        cross=cross,
    )


def check(formula: Formula, source: Source) -> None:
    """Refuse what cannot be read in batches, before anything is read.

    Raises
    ------
    FormulaError, SettingsError
        See `read`; a term whose levels depend on each other.
    """
    refuse_learning(formula)
    refuse_unknown(formula, as_table({name: np.zeros(0) for name in source.columns}))
    for group in formula.groups:
        if group.levels.kind != "independent" or group.structure.kind == "ar1":
            raise SettingsError(
                f"{group.source} needs its rows at once, and these are read in batches: write a "
                "term of independent levels, or fit a sample in memory"
            )


def _column_notes(design: Design, reduced: Reduced) -> tuple[str, ...]:
    """Return the notes on columns that add nothing, from the factor of all rows."""
    if not design.common.labels:
        return ()
    X = reduced.R[1 if design.intercept else 0 :, 1:-1]
    # Once more with the other sign: the mean is 0, the crossproducts are twice as large.
    return column_notes(
        Columns(np.vstack([X, -X]), design.common.labels, design.common.encoding),
        design.intercept,
    )
