"""The left-hand side to numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.columns import Functions, evaluate
from hierglm.design.design import Response
from hierglm.design.groups import Codes, code, uncoded
from hierglm.design.magnitudes import LARGEST
from hierglm.design.table import Table
from hierglm.errors import DataError, ResponseError
from hierglm.formula.terms import Factor, ResponseTerm

Floats = NDArray[np.float64]
Fitted = tuple[Table, tuple[str, ...] | None]


def encode_response(
    term: ResponseTerm,
    table: Table,
    rows: NDArray[Any],
    functions: Functions,
    fitted: Fitted | None = None,
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
    fitted : tuple of Table and levels, optional
        The rows that were fitted, and the response's levels there: new rows are read alike.

    Raises
    ------
    DataError, ResponseError
        What is not a number, or outside its range; names the first row.
    """
    before, known = fitted or (None, None)

    def numbers(factor: Factor) -> Floats:
        return evaluate(factor, table, rows, functions, before)

    def extra(factor: Factor | None) -> Floats | None:
        return None if factor is None else numbers(factor)

    codes = _codes(term.value, table)
    levels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    if codes is None:
        values = numbers(term.value)
    else:
        values, levels, notes = _counted(term.value.label, codes, known)

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
        least = f"standard errors must be at least {1 / LARGEST:g}, as rows weigh by their squares"
        _refuse(se < 1 / LARGEST, se, rows, least)
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


def encode_known(
    term: ResponseTerm,
    before: Response,
    table: Table,
    rows: NDArray[Any],
    functions: Functions,
    fitted: Table,
    wanted: Collection[str],
) -> Response:
    """Return what is known of new rows whose response is not: trials, standard errors.

    Parameters
    ----------
    term, table, rows, functions
        See `encode_response`.
    before : Response
        As it was fitted.
    fitted : Table
        The rows that were fitted.
    wanted : collection of {"trials", "se"}
        What is read, where the formula has it; standard errors are else NaN.

    Raises
    ------
    DataError, ResponseError
        What is not a number, or outside its range; names the first row.
    """

    def read(factor: Factor) -> Floats:
        return evaluate(factor, table, rows, functions, fitted)

    trials = se = None
    if "trials" in wanted and (term.trials is not None or term.failures is not None):
        trials = read(term.trials) if term.trials is not None else read(term.value)
        if term.failures is not None:
            trials = trials + read(term.failures)
        whole = (trials >= 0) & (trials == np.floor(trials))
        _refuse(~whole, trials, rows, "trials must be whole numbers >= 0")
    if term.se is not None:
        # Not known, but there: that no residual sd is estimated does not change.
        se = read(term.se) if "se" in wanted else np.full(len(rows), np.nan)
        _refuse(se <= 0, se, rows, "standard errors must be greater than 0")
    return replace(
        before,
        values=_read_only(np.full(len(rows), np.nan)),
        rows=rows,
        trials=_read_only(trials),
        weights=None,
        se=_read_only(se),
    )


def _codes(factor: Factor, table: Table) -> Codes | None:
    """Return the levels of a response that has some: text, a category, ``factor(y)``."""
    column = uncoded(factor)
    if column.kind != "name":
        return None
    found = table.column(column.expr)
    if factor.kind == "name" and found.kind in ("number", "boolean"):
        return None
    if found.kind == "datetime":
        raise DataError(f"the response {factor.label!r} holds dates; a response is a number")
    return code(factor.label, found)


def _counted(
    label: str, codes: Codes, known: tuple[str, ...] | None
) -> tuple[Floats, tuple[str, ...], tuple[str, ...]]:
    """Return codes as numbers, the levels, and a note on which level counts as 1."""
    levels = tuple(str(level) for level in codes.levels.tolist())
    if known is not None:
        unseen = [level for level in levels if level not in known]
        if unseen:
            raise DataError(
                f"the response {label!r} has the new level {unseen[0]!r}; the fit knows "
                f"{', '.join(map(repr, known[:8]))}"
            )
        place = np.array([known.index(level) for level in levels], dtype=np.float64)
        return place[codes.index], known, ()
    if len(levels) == 1:
        raise DataError(
            f"the response {label!r} has one level, {levels[0]!r}, in the rows used, so it is "
            "not known whether it counts as 0 or as 1; give the response as numbers"
        )
    notes: tuple[str, ...] = ()
    if len(levels) == 2:
        notes = (f"response {label!r}: {levels[1]!r} counts as 1, {levels[0]!r} as 0",)
    return codes.index.astype(np.float64), levels, notes


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
