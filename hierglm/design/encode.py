"""A formula meets a table: `Design`, and the same encoding for new rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.align import align
from hierglm.design.asked import needed, refuse_uncallable, refuse_unknown
from hierglm.design.columns import Functions, evaluate, make_columns
from hierglm.design.design import Columns, Design
from hierglm.design.grouping import encode_group, encode_group_again
from hierglm.design.level_weights import weigh_again
from hierglm.design.notes import column_notes
from hierglm.design.ranks import check_ranks
from hierglm.design.relate import check_options, read_given, refuse_different_levels
from hierglm.design.response import encode_known, encode_response
from hierglm.design.table import Table
from hierglm.errors import DataError, SettingsError, suggest
from hierglm.formula.terms import INTERCEPT, Factor, Formula

Floats = NDArray[np.float64]


def encode(
    formula: Formula,
    table: Table,
    *,
    missing: Literal["drop", "error"] = "drop",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    complete: Sequence[str] = (),
    data2: Mapping[str, Any] | None = None,
) -> Design:
    """Return matrices, group indices and the response of a formula on a table.

    Parameters
    ----------
    formula : Formula
        What to encode.
    table : Table
        See `hierglm.design.table.as_table`.
    missing : {"drop", "error"}
        Rows with a missing value in a column that is used are dropped, with a note that
        counts them, or refused.
    functions : mapping of str to callable, optional
        Functions of the caller's that the formula may call.
    complete : sequence of str
        Columns in which nothing may be missing, where they are more than the formula's own.
    data2 : mapping of str to matrix or graph, optional
        What the formula wants beside the table, by name.

    Raises
    ------
    FormulaError
        A column that the table lacks; points into the formula.
    DataError
        What cannot be encoded; names column and row.

    Examples
    --------
    >>> from hierglm.design.reading import as_table
    >>> from hierglm.formula.parse import parse
    >>> data = {"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 2.0], "g": ["b", "a", "b"]}
    >>> encode(parse("y ~ x + (1 | g)"), as_table(data)).groups[0].index.tolist()
    [1, 0, 1]
    """
    if missing not in ("drop", "error"):
        raise SettingsError(f"missing must be 'drop' or 'error', not {missing!r}")
    check_options(formula)
    refuse_unknown(formula, table)
    own = dict(functions or {})
    refuse_uncallable(formula, own)
    given = read_given(formula, data2 or {})
    kept, dropped = _complete(complete or formula.names, table, missing)
    used = table.select(formula.names, kept)
    response, read = encode_response(formula.response, used, kept, own)
    common = _common(formula, used, kept, own)
    groups = tuple(encode_group(g, used, kept, own, given) for g in formula.groups)
    check_ranks(formula, groups)
    refuse_different_levels(groups)
    return Design(
        formula=formula,
        response=response,
        intercept=formula.intercept,
        common=common,
        offset=_offset(formula.offsets, used, kept, own),
        groups=groups,
        kept=kept,
        total=table.rows,
        notes=(*dropped, *read, *column_notes(common, formula.intercept)),
        table=used,
        functions=own,
        given=given,
    )


def encode_new(
    design: Design,
    table: Table,
    *,
    response: bool = False,
    extend: bool = False,
    known: Collection[str] = (),
    unplaced: Collection[str] = (),
    complete: Sequence[str] = (),
    data2: Mapping[str, Any] | None = None,
) -> Design:
    """Return new rows, encoded as the design's own were.

    Parameters
    ----------
    design : Design
        Its levels, contrasts, knots and centres are used.
    table : Table
        New rows.
    response : bool
        Whether the response is there and wanted; without it its values are NaN.
    extend : bool
        Whether new levels of grouping factors follow those that there are, in the result.
    known : collection of {"trials", "se"}
        What is wanted of what the formula knows of a row, where the response is not.
    unplaced : collection of str
        Grouping factors whose levels are not wanted: index -1, and no column is needed.
    complete : sequence of str
        Columns in which nothing may be missing, where they are more than the design's own.
    data2 : mapping of str to matrix or graph, optional
        Matrices and graphs with the new levels in them. Where it is given (as ``{}``, perhaps)
        new levels are related to the others; without it those of related levels are refused.

    Raises
    ------
    DataError
        A missing column, a changed type, a level of a predictor that was not there before.
        New levels of grouping factors have index -1, unless they extend the known ones.
    """
    formula, own = design.formula, design.functions
    names = needed(formula, response=response, known=known, unplaced=unplaced)
    for name in names:
        if name not in table.columns:
            raise DataError(f"the new data have no column {name!r}{suggest(name, table.columns)}")
    kept, dropped = _complete(complete or names, table, "drop")
    used = align(names, table, design.table).select(names, kept)
    notes: tuple[str, ...] = ()
    answer = encode_known(formula.response, design.response, used, kept, own, design.table, known)
    if response:
        answer, notes = encode_response(
            formula.response, used, kept, own, (design.table, design.response.levels)
        )
    common = design.common
    matrix = common.encoding.encode(used, kept)
    given = None if data2 is None else read_given(formula, {**design.given, **data2})
    found = replace(
        design,
        response=answer,
        common=replace(common, matrix=_read_only(matrix[:, int(design.intercept) :])),
        offset=_offset(formula.offsets, used, kept, own, design.table),
        groups=tuple(
            encode_group_again(
                g,
                term,
                used,
                kept,
                design.table,
                extend,
                placed=g.group not in unplaced,
                before=design.given,
                given=given,
            )
            for g, term in zip(design.groups, formula.groups, strict=True)
        ),
        given=design.given if given is None else given,
        kept=kept,
        total=table.rows,
        notes=(*dropped, *notes),
        table=used,
        reduced=None,
    )
    weights = design.level_weights
    return weigh_again(found, weights) if response and weights else found


def _complete(
    names: Sequence[str], table: Table, missing: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the rows in which no column is missing, and a note on the others."""
    bad = np.zeros(table.rows, dtype=bool)
    counts: dict[str, int] = {}
    for name in names:
        found = table.column(name).missing
        if found.any():
            counts[name] = int(found.sum())
            bad |= found
    kept = np.flatnonzero(~bad).astype(np.int64)
    kept.flags.writeable = False
    if not counts and len(kept):
        return kept, ()
    if table.rows == 0:
        raise DataError("the table has no rows")
    what = ", ".join(f"{name!r} ({count:,})" for name, count in counts.items())
    said = f"{int(bad.sum()):,} of {table.rows:,} rows"
    if missing == "error":
        first = int(np.flatnonzero(bad)[0]) + 1
        raise DataError(f"{said} have missing values: {what}; the first is row {first}")
    if not len(kept):
        raise DataError(f"no row is complete; missing values: {what}")
    return kept, (f"{said} dropped: missing values in {what}",)


def _common(formula: Formula, table: Table, rows: NDArray[Any], own: Functions) -> Columns:
    """Return the common columns; the intercept is encoded with them, then taken out."""
    made = make_columns(formula.common, table, rows, own)
    if not formula.intercept:
        return made
    at = made.labels.index(INTERCEPT.label)
    matrix = _read_only(np.ascontiguousarray(np.delete(made.matrix, at, axis=1)))
    return replace(made, matrix=matrix, labels=made.labels[:at] + made.labels[at + 1 :])


def _offset(
    offsets: Sequence[Factor],
    table: Table,
    rows: NDArray[Any],
    own: Functions,
    fitted: Table | None = None,
) -> Floats | None:
    if not offsets:
        return None
    total = np.zeros(table.rows)
    for factor in offsets:
        total += evaluate(factor, table, rows, own, fitted)
    total.flags.writeable = False
    return total


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array
