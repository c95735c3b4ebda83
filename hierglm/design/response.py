"""The left-hand side to numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.columns import Functions, evaluate
from hierglm.design.design import Response
from hierglm.design.table import Table
from hierglm.errors import DataError, ResponseError
from hierglm.formula.terms import Factor, ResponseTerm

Floats = NDArray[np.float64]


def encode_response(
    term: ResponseTerm,
    table: Table,
    rows: NDArray[Any],
    functions: Functions,
    known: tuple[str, ...] | None = None,
) -> tuple[Response, tuple[str, ...]]:
    """Return the response with what is known of each row, and notes on how it was read.

    Parameters
    ----------
    term : ResponseTerm
        What is written left of the tilde.
    table : Table
        Rows without missing values.
    rows : ndarray of int
        Their places in the caller's table.
    functions : mapping of str to callable
        The caller's own.
    known : tuple of str, optional
        Levels of a response that was categorical before: the new one counts as it did.

    Raises
    ------
    DataError, ResponseError
        What is not a number, or outside its range; names the first row.
    """
    values, levels, notes = _values(term.value, table, rows, functions, known)

    def extra(factor: Factor | None) -> Floats | None:
        return None if factor is None else evaluate(factor, table, rows, functions)

    trials, failures = extra(term.trials), extra(term.failures)
    if failures is not None:
        _refuse(failures < 0, failures, rows, "failures must be >= 0")
        trials = values + failures
    weights, se = extra(term.weights), extra(term.se)
    if weights is not None:
        _refuse(weights < 0, weights, rows, "weights must be >= 0")
        _refuse_none_positive(weights)
    if se is not None:
        _refuse(se <= 0, se, rows, "standard errors must be greater than 0")
    response = Response(
        label=term.value.label,
        values=_read_only(values),
        rows=rows,
        trials=_read_only(trials),
        weights=_read_only(weights),
        se=_read_only(se),
        se_and_sigma=term.se_and_sigma,
        levels=levels,
    )
    return response, notes


def _values(
    factor: Factor,
    table: Table,
    rows: NDArray[Any],
    functions: Functions,
    known: tuple[str, ...] | None,
) -> tuple[Floats, tuple[str, ...] | None, tuple[str, ...]]:
    column = table.column(factor.expr) if factor.kind == "name" else None
    if column is None or column.kind in ("number", "boolean"):
        return evaluate(factor, table, rows, functions), None, ()
    if column.levels is None:
        raise DataError(f"the response {factor.label!r} holds dates; a response is a number")
    levels = tuple(str(level) for level in column.levels)
    if known is not None:
        unseen = [level for level in levels if level not in known]
        if unseen:
            raise DataError(
                f"the response {factor.label!r} has the new level {unseen[0]!r}; the fit knows "
                f"{', '.join(map(repr, known[:8]))}"
            )
        place = np.array([known.index(level) for level in levels], dtype=np.float64)
        return place[column.values], known, ()
    notes: tuple[str, ...] = ()
    if len(levels) == 2:
        notes = (f"response {factor.label!r}: {levels[1]!r} counts as 1, {levels[0]!r} as 0",)
    return column.values.astype(np.float64), levels, notes


def _refuse(bad: NDArray[np.bool_], values: Floats, rows: NDArray[Any], rule: str) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ResponseError(f"{rule}; row {int(rows[first]) + 1} has {values[first]:g}")


def _refuse_none_positive(weights: Floats) -> None:
    if not (weights > 0).any():
        raise ResponseError("every weight is 0: no row would count")


def _read_only(values: Any) -> Any:
    if values is not None:
        values.flags.writeable = False
    return values
