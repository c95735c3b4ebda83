"""Terms to columns of numbers, by formulaic; the only module that touches its materialiser."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.checks import (
    refuse_empty,
    refuse_extreme,
    refuse_merged,
    refuse_single_levels,
    refuse_twice,
    refuse_unknown_levels,
)
from hierglm.design.context import context
from hierglm.design.design import Columns
from hierglm.design.frame import frame_of
from hierglm.design.groups import with_whole_levels
from hierglm.design.size import check_levels, check_size, check_terms
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
    from formulaic import Formula

    frame = frame_of(terms, table, encoding.levels)
    made = _model_matrix(Formula(formulaic_terms(terms), _ordering="none"), frame, encoding)
    spec = made.model_spec
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(table.rows, -1)
    refuse_empty(spec, terms)
    labels = _labels(spec, terms)
    refuse_twice(labels)
    refuse_extreme(matrix, labels, rows)
    kept = Encoding(terms, spec, encoding.levels, encoding.functions)
    return Columns(_done(matrix), labels, kept)


def _evaluate(spec: Any, frame: Any, encoding: Encoding, rows: NDArray[Any]) -> Floats:
    made = _model_matrix(spec, frame, encoding)
    matrix = np.ascontiguousarray(made, dtype=np.float64).reshape(len(frame), -1)
    refuse_extreme(matrix, _labels(spec, encoding.terms), rows, new=True)
    return matrix


def _model_matrix(source: Any, frame: Any, encoding: Encoding) -> Any:
    from formulaic.errors import FormulaicError

    made_by = _materializer()(
        frame,
        context=context(encoding.functions, encoding.terms),
        labels=_label_of_expression(encoding.terms),
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return made_by.get_model_matrix(source, na_action="ignore", output="numpy")
        except (FormulaicError, ArithmeticError, TypeError, ValueError, IndexError) as error:
            raise _not_evaluated(error, encoding) from error
        except MemoryError:
            raise DataError(
                f"there is no memory for {', '.join(t.label for t in encoding.terms)[:200]}"
            ) from None


@cache
def _materializer() -> Any:
    """Return formulaic's materialiser, with the user's words in the names of columns."""
    from formulaic.materializers import PandasMaterializer
    from formulaic.materializers.types import FactorValues
    from interface_meta import override

    class Labelled(PandasMaterializer):  # type: ignore[misc]
        @override
        def _evaluate(self, expr: str, metadata: Any, spec: Any) -> Any:
            values, variables = super()._evaluate(expr, metadata, spec)
            shape = np.shape(values)
            if isinstance(values, np.ndarray | float | int) and shape[:1] != (self.nrows,):
                raise ValueError(f"it gives an array of shape {shape}, not one value a row")
            if type(values) is np.ndarray and len(shape) == 2:
                # poly(x, 2, raw=TRUE) and functions of the caller's: columns 1, 2, as in R.
                names = tuple(str(k + 1) for k in range(shape[1]))
                values = FactorValues(values, column_names=names)
            return with_whole_levels(values), variables

        @override
        def _encode_evaled_factor(
            self, factor: Any, spec: Any, drop_rows: Any, reduced_rank: bool = False
        ) -> Any:
            if factor.metadata.kind.value == "categorical":
                check_levels(self._label(factor.expr), factor.expr, factor.values, self.nrows)
            encoded = super()._encode_evaled_factor(factor, spec, drop_rows, reduced_rank)
            known = spec.encoder_state.get(factor.expr, (None, {}))[1].get("categories")
            if known is not None:
                # formulaic reads a level that it does not know as the baseline.
                refuse_unknown_levels(self._label(factor.expr), factor.values.__wrapped__, known)
            return encoded

        @override
        def _get_columns_for_term(self, factors: Any, spec: Any, scale: float = 1) -> Any:
            self.made = getattr(self, "made", 0) + math.prod(map(len, factors))
            check_size(":".join(next(iter(f), "") for f in factors), self.made, self.nrows)
            return super()._get_columns_for_term(factors, spec, scale)

        @override
        def _flatten_encoded_evaled_factor(self, name: str, values: Any) -> Any:
            return super()._flatten_encoded_evaled_factor(self._label(name), values)

        def _label(self, expression: str) -> str:
            return str(self.params["labels"].get(expression, expression))

    return Labelled


def _label_of_expression(terms: Sequence[Term]) -> dict[str, str]:
    """Return what the user wrote for each expression that formulaic evaluates."""
    factors = [f for t in terms for f in t.factors if f.kind != "number"]
    return {column_identifier(f.expr) if f.kind == "name" else f.expr: f.label for f in factors}


def _not_evaluated(error: Exception, encoding: Encoding) -> DataError:
    """Say which of the factors went wrong; formulaic names it by our expression."""
    factors = [f for t in encoding.terms for f in t.factors]
    guilty = [f for f in factors if f.kind == "call" and f"`{f.expr}`" in str(error)][:1]
    written = ", ".join(dict.fromkeys(f.label for f in guilty or factors))
    texts = [name for f in guilty for name in f.names if name in encoding.levels]
    hint = f" ({texts[0]!r} holds categories, not numbers)" if texts else ""
    cause: object = error.__cause__ or error
    if isinstance(cause, OverflowError):
        cause = "a number in it is beyond 1.8e308, the largest that there is"
    return DataError(f"cannot evaluate {written}: {cause}{hint}")


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
