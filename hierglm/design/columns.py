"""Terms to columns of numbers, by formulaic; the only module that touches its materialiser."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.context import context
from hierglm.design.design import Columns
from hierglm.design.frame import frame_of
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.formula.grammar import formulaic_terms
from hierglm.formula.rewrite import column_identifier
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
            _refuse_infinite(matrix, [t.label for t in self.terms], rows)
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
        _refuse_infinite(matrix, labels, rows)
        return Columns(_done(matrix), labels, Encoding(terms, None, {}, functions))
    names = dict.fromkeys(n for t in terms for n in t.names)
    levels = {n: table.column(n).levels for n in names}
    known = {n: found for n, found in levels.items() if found is not None}
    _refuse_single_levels(known)
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
        matrix[:, k] = table.column(term.factors[0].expr).values if term.factors else 1.0
    return matrix


def _formulaic(
    terms: tuple[Term, ...], table: Table, rows: NDArray[Any], encoding: Encoding
) -> Columns:
    from formulaic import Formula

    frame = frame_of(terms, table, encoding.levels)
    made = _model_matrix(Formula(formulaic_terms(terms), _ordering="none"), frame, encoding)
    spec = made.model_spec
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(table.rows, -1)
    _refuse_empty(spec, terms)
    labels = _labels(spec, terms)
    _refuse_infinite(matrix, labels, rows)
    kept = Encoding(terms, spec, encoding.levels, encoding.functions)
    return Columns(_done(matrix), labels, kept)


def _evaluate(spec: Any, frame: Any, encoding: Encoding, rows: NDArray[Any]) -> Floats:
    made = _model_matrix(spec, frame, encoding)
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(len(frame), -1)
    _refuse_infinite(matrix, _labels(spec, encoding.terms), rows)
    return matrix


def _model_matrix(source: Any, frame: Any, encoding: Encoding) -> Any:
    from formulaic.errors import DataMismatchWarning, FormulaicError

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        # formulaic reads a level that it does not know as the baseline, and only warns.
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return source.get_model_matrix(
                frame, context=context(encoding.functions), na_action="ignore", output="numpy"
            )
        except DataMismatchWarning as warning:
            raise _unknown_levels(str(warning), encoding) from None
        except (FormulaicError, ArithmeticError, TypeError, ValueError, IndexError) as error:
            raise _not_evaluated(error, encoding.terms) from error


def _unknown_levels(warning: str, encoding: Encoding) -> DataError:
    found = re.search(r"\{(.*)\}", warning, re.DOTALL)
    which = found.group(1) if found else warning
    if encoding.spec is None:
        return DataError(f"levels that the formula does not list: {which}")
    return DataError(f"the new data have levels that were not there before: {which}")


def _not_evaluated(error: Exception, terms: Sequence[Term]) -> DataError:
    """Say which of the factors went wrong; formulaic names it by our expression."""
    factors = [f for t in terms for f in t.factors]
    guilty = [f.label for f in factors if f.kind == "call" and f"`{f.expr}`" in str(error)]
    written = guilty[0] if guilty else ", ".join(dict.fromkeys(f.label for f in factors))
    return DataError(f"cannot evaluate {written}: {error.__cause__ or error}")


def _labels(spec: Any, terms: Sequence[Term]) -> tuple[str, ...]:
    """Return formulaic's names of the columns with the user's words in the place of ours."""
    out: list[str] = []
    for structure, term in zip(spec.structure, terms, strict=True):
        # A number scales the term: formulaic does not name it, and we do.
        scales = [f.label for f in term.factors if f.kind == "number"]
        named = [f for f in term.factors if f.kind != "number"]
        parts = [
            re.escape(column_identifier(f.expr) if f.kind == "name" else f.expr) + "(.*?)"
            for f in named
        ]
        pattern = re.compile(":".join(parts), re.DOTALL)
        for name in structure.columns:
            found = pattern.fullmatch(str(name)) if named else None
            suffixes = found.groups() if found else ()
            labels = [f.label + s for f, s in zip(named, suffixes, strict=False)]
            out.append(":".join([*scales, *labels]) if found else str(name))
    return tuple(out)


def _refuse_single_levels(levels: Mapping[str, tuple[Any, ...]]) -> None:
    for name, found in levels.items():
        if len(found) < 2:
            raise DataError(
                f"factor {name!r} has one level, {found[0]!r}, in the rows used: it cannot "
                "explain anything; leave it out"
            )


def _refuse_empty(spec: Any, terms: Sequence[Term]) -> None:
    for structure, term in zip(spec.structure, terms, strict=True):
        if len(term.factors) == 1 and not structure.columns:
            raise DataError(
                f"{term.label!r} has one level in the rows used: it cannot explain anything; "
                "leave it out"
            )


def _refuse_infinite(matrix: Floats, labels: Sequence[str], rows: NDArray[Any]) -> None:
    if np.isfinite(matrix).all():
        return
    row, k = (int(i) for i in np.argwhere(~np.isfinite(matrix))[0])
    raise DataError(
        f"{labels[k]} is {matrix[row, k]} in row {int(rows[row]) + 1}; every value must be finite"
    )


def _done(matrix: Floats) -> Floats:
    matrix.flags.writeable = False
    return matrix
