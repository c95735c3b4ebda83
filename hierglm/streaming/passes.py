"""A formula meets a table that is read in batches: two passes, and a design without its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.columns import evaluate
from hierglm.design.design import Columns, Design
from hierglm.design.encode import encode, encode_new, refuse_unknown
from hierglm.design.level_weights import weigh
from hierglm.design.notes import column_notes
from hierglm.design.reduced import GroupReduced, Reduced
from hierglm.design.table import as_table
from hierglm.errors import DataError, HierglmError, SettingsError
from hierglm.formula.terms import Formula
from hierglm.streaming.accumulate import Centres, Partial, centres_of, merge, reduce
from hierglm.streaming.covering import complete, cover, refuse_learning
from hierglm.streaming.middle import BINS, Counts, count, middle, nothing
from hierglm.streaming.sources import BATCH, Source

Floats = NDArray[np.float64]

_SPREAD = 6.0
"""Bins that find the median lie within so many sds of the mean; others lie beyond the ends."""


@dataclass(frozen=True, slots=True)
class Read:
    """How rows are read again: everything that a batch needs to become sums.

    Attributes
    ----------
    design : Design
        Its levels and contrasts are those of all rows.
    centres : Centres
    edges : ndarray
        Of the bins in which the response is counted.
    """

    design: Design
    centres: Centres
    edges: Floats

    def reduce(self, batch: Any) -> tuple[Partial, Counts] | None:
        """Return the sums over one batch, a pyarrow table, and the counts of its response."""
        whole, _ = complete(batch)
        if not whole.num_rows:
            return None
        found = encode_new(self.design, as_table(whole), response=True)
        return reduce(found, self.centres), count(self.edges, found.response.values)


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
    found = cover(formula, source, batch, missing)
    design = encode(formula, as_table(found.table), functions=functions)
    if weights is not None:
        design = weigh(design, weights)
    # Sums by level are of the size of all levels, whatever the batch.
    batch = max([batch, *(len(g.levels) for g in design.groups)])
    y = design.response.values
    reach = _SPREAD * max(float(y.std()), 1e-300)
    edges = np.linspace(y.mean() - reach, y.mean() + reach, BINS + 1)
    plan = Read(design, centres_of(design), edges)
    total, counts = _accumulate(plan, formula, source, batch)
    median, mad = middle(counts, edges, lambda: _responses(plan, formula, source, batch))
    reduced = _finish(total, plan.centres, source.name, median, mad)
    return replace(
        design,
        reduced=reduced,
        total=found.seen.rows,
        notes=(*found.seen.notes, *_column_notes(design, reduced), f"data: {source.name}, "
               f"{source.way(batch)}; sums over them are kept, the rows not"),
    )  # fmt: skip


def _accumulate(plan: Read, formula: Formula, source: Source, batch: int) -> tuple[Partial, Counts]:
    if source.fold is not None:
        return _found(source.fold(formula.names, plan.reduce, _both), source)
    total: Partial | None = None
    counts, start = nothing(plan.edges), 0
    for table in source.read(formula.names, batch):
        try:
            found = plan.reduce(table)
        except HierglmError as error:
            end = start + table.num_rows
            raise DataError(f"rows {start + 1:,} to {end:,} of {source.name}: {error}") from error
        start += table.num_rows
        if found is not None:
            total = found[0] if total is None else merge(total, found[0])
            counts = counts + found[1]
    return _found(None if total is None else (total, counts), source)


def _both(one: tuple[Partial, Counts], other: tuple[Partial, Counts]) -> tuple[Partial, Counts]:
    return merge(one[0], other[0]), one[1] + other[1]


def _found(sums: tuple[Partial, Counts] | None, source: Source) -> tuple[Partial, Counts]:
    if sums is None:
        raise DataError(f"{source.name} gave no rows when it was read again")
    return sums


def _responses(plan: Read, formula: Formula, source: Source, batch: int) -> Iterator[Floats]:
    """Yield the response of complete rows, batch by batch."""
    design = plan.design
    for table in source.read(formula.names, batch):
        whole, _ = complete(table)
        if whole.num_rows:
            yield evaluate(
                formula.response.value, as_table(whole), np.arange(whole.num_rows),
                design.functions, design.table,
            )  # fmt: skip


def _finish(total: Partial, centres: Centres, source: str, median: float, mad: float) -> Reduced:
    """Return what the sums say of the rows."""
    n, (first, squares) = total.rows, total.moments.sum
    means = first / n
    left = np.maximum(squares - first * means, 0.0)
    sds = np.sqrt(left / (n - 1)) if n > 1 else np.ones(len(means))
    around = np.append(centres.x, [centres.y, 0.0])
    # As `hierglm.priors.scales` has it: no sd of rounding errors.
    flat = sds <= 1e-12 * np.maximum(np.abs(means + around), np.sqrt(squares / n))
    sds = np.where(flat | (sds == 0), 1.0, sds)
    return Reduced(
        source=source,
        rows=n,
        weights=float(total.weights.sum),
        R=total.R,
        centre=centres.x,
        centre_y=centres.y,
        means=(means + around)[:-2],
        sds=sds[:-2],
        mean_y=float(means[-2] + centres.y),
        sd_y=float(sds[-2]),
        mean_offset=float(means[-1]),
        median_y=median,
        mad_y=mad,
        groups=tuple(
            GroupReduced(ZZ.sum, ZA.sum) for ZZ, ZA in zip(total.ZZ, total.ZA, strict=True)
        ),
        cross=total.cross,
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
