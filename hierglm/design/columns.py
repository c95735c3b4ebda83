"""Terms to columns of numbers, by formulaic; the only module that touches its materialiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.checks import (
    refuse_empty,
    refuse_extreme,
    refuse_merged,
    refuse_single_levels,
    refuse_twice,
)
from hierglm.design.design import Columns
from hierglm.design.frame import frame_of
from hierglm.design.materialised import model_matrix
from hierglm.design.size import check_terms
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.formula.terms import Factor, Term

Floats = NDArray[np.float64]
Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was learned from the first table, and is applied to every other.

    Attributes
    ----------
    terms : tuple of Term
        What is encoded.
    spec : formulaic.ModelSpec or None
        Remembered contrasts, knots and centres; None where columns are used as they are.
    levels : mapping of str to tuple
        Levels of each category that the terms read.
    functions : mapping of str to callable
        The caller's own functions.
    """

    terms: tuple[Term, ...]
    spec: Any
    levels: Mapping[str, tuple[Any, ...]]
    functions: Functions

    def encode(self, table: Table, rows: NDArray[Any]) -> Floats:
        """Return the matrix, shape (rows, columns), of a table without missing values.

        Parameters
        ----------
        table : Table
            Only rows that are used.
        rows : ndarray of int
            Their places in the caller's table, for messages.

        Raises
        ------
        DataError
            A level that was not there before, or a transform that gives no finite number.
        """
        if self.spec is None:
            matrix = _plain(self.terms, table)
            refuse_extreme(matrix, [t.label for t in self.terms], rows, new=True)
            return matrix
        frame = frame_of(self.terms, table, self.levels)
        return _evaluate(self.spec, frame, self, rows)


def make_columns(
    terms: Sequence[Term], table: Table, rows: NDArray[Any], functions: Functions
) -> Columns:
    """Return the columns of some terms, and their encoding.

    Parameters
    ----------
    terms : sequence of Term
        With the intercept, where there is one.
    table : Table
        Rows without missing values.
    rows : ndarray of int
        Their places in the caller's table, for messages.
    functions : mapping of str to callable
        The caller's own.

    Raises
    ------
    DataError
        See `Encoding.encode`; also a factor with a single level.
    """
    terms = tuple(terms)
    if _is_plain(terms, table):
        matrix = _plain(terms, table)
        labels = tuple(t.label for t in terms)
        refuse_twice(labels)
        refuse_extreme(matrix, labels, rows)
        return Columns(_done(matrix), labels, Encoding(terms, None, {}, functions))
    names = dict.fromkeys(n for t in terms for n in t.names)
    levels = {n: table.column(n).levels for n in names}
    known = {n: found for n, found in levels.items() if found is not None}
    refuse_single_levels(known)
    check_terms(terms, known, table.rows)
    return _formulaic(terms, table, rows, Encoding(terms, None, known, functions))


def evaluate(
    factor: Factor,
    table: Table,
    rows: NDArray[Any],
    functions: Functions,
    fitted: Table | None = None,
) -> Floats:
    """Return the numbers of one factor, shape (rows,).

    Parameters
    ----------
    factor : Factor
        A column, a call or a number.
    table : Table
        Rows without missing values.
    rows : ndarray of int
        Their places in the caller's table, for messages.
    functions : mapping of str to callable
        The caller's own.
    fitted : Table, optional
        The rows that centres and knots are learned from, where these are others.

    Raises
    ------
    DataError
        A factor that is a category, or makes several columns.
    """
    if factor.kind == "number":
        return np.full(table.rows, float(factor.expr))
    if factor.kind == "name" and table.column(factor.expr).kind not in ("number", "boolean"):
        raise DataError(f"{factor.label!r} must be a column of numbers, not of categories")
    if fitted is None:
        made = make_columns((Term((factor,)),), table, rows, functions)
        matrix = made.matrix
    else:
        places = np.arange(fitted.rows)
        made = make_columns((Term((factor,)),), fitted, places, functions)
        matrix = made.encoding.encode(table, rows)
    if matrix.shape[1] != 1:
        raise DataError(f"{factor.label!r} must be one column of numbers")
    return np.array(matrix[:, 0])


def _is_plain(terms: Sequence[Term], table: Table) -> bool:
    return all(
        not t.factors
        or (
            len(t.factors) == 1
            and t.factors[0].kind == "name"
            and table.column(t.factors[0].expr).kind in ("number", "boolean")
        )
        for t in terms
    )


def _plain(terms: Sequence[Term], table: Table) -> Floats:
    matrix = np.empty((table.rows, len(terms)))
    for k, term in enumerate(terms):
        values = table.column(term.factors[0].expr).values if term.factors else 1.0
        matrix[:, k] = values
        refuse_merged(term.label, values, matrix[:, k])
    return matrix


def _formulaic(
    terms: tuple[Term, ...], table: Table, rows: NDArray[Any], encoding: Encoding
) -> Columns:
    frame = frame_of(terms, table, encoding.levels)
    made = model_matrix(terms, frame, encoding.functions, encoding.levels)
    spec = made.model_spec
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(table.rows, -1)
    refuse_empty(spec, terms)
    labels = _labels(spec, terms)
    refuse_twice(labels)
    refuse_extreme(matrix, labels, rows)
    kept = Encoding(terms, spec, encoding.levels, encoding.functions)
    return Columns(_done(matrix), labels, kept)


def _evaluate(spec: Any, frame: Any, encoding: Encoding, rows: NDArray[Any]) -> Floats:
    made = model_matrix(encoding.terms, frame, encoding.functions, encoding.levels, spec)
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(len(frame), -1)
    refuse_extreme(matrix, _labels(spec, encoding.terms), rows, new=True)
    return matrix


def _labels(spec: Any, terms: Sequence[Term]) -> tuple[str, ...]:
    """Return the names of the columns; a number that scales a term stands in front."""
    out: list[str] = []
    for structure, term in zip(spec.structure, terms, strict=True):
        scales = [f.label for f in term.factors if f.kind == "number"]
        out += [":".join([*scales, str(name)]) for name in structure.columns]
    return tuple(out)


def _done(matrix: Floats) -> Floats:
    matrix.flags.writeable = False
    return matrix
