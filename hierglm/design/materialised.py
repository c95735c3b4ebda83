"""Columns that formulaic evaluates, with the user's words in names and messages."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hierglm.design.checks import refuse_unknown_levels
from hierglm.design.context import context
from hierglm.design.groups import with_whole_levels
from hierglm.design.size import check_levels, check_size
from hierglm.errors import DataError
from hierglm.formula.grammar import formulaic_terms
from hierglm.formula.rewrite import column_identifier
from hierglm.formula.terms import Term

if TYPE_CHECKING:
    import pandas as pd

Functions = Mapping[str, Callable[..., Any]]


def model_matrix(
    terms: Sequence[Term],
    frame: pd.DataFrame,
    functions: Functions,
    levels: Mapping[str, Sequence[Any]],
    spec: Any = None,
) -> Any:
    """Return formulaic's matrix of some terms.

    Parameters
    ----------
    terms : sequence of Term
    frame : DataFrame
        What `hierglm.design.frame.frame_of` made for them.
    functions : mapping of str to callable
        The caller's own.
    levels : mapping of str to sequence
        Those of columns that hold categories.
    spec : formulaic.ModelSpec, optional
        What an earlier matrix of these terms remembers, to be applied to other rows.

    Returns
    -------
    formulaic.ModelMatrix, shape (rows, columns)

    Raises
    ------
    DataError
        A term that cannot be evaluated; names it as it is written in the formula.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    source = Formula(formulaic_terms(terms), _ordering="none") if spec is None else spec
    labels = _label_of_expression(terms)
    made_by = _materializer()(frame, context=context(functions, terms), labels=labels)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return made_by.get_model_matrix(source, na_action="ignore", output="numpy")
        except (FormulaicError, ArithmeticError, TypeError, ValueError, IndexError) as error:
            raise _not_evaluated(error, terms, levels) from error
        except MemoryError:
            raise DataError(
                f"there is no memory for {', '.join(t.label for t in terms)[:200]}"
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


def _not_evaluated(
    error: Exception, terms: Sequence[Term], levels: Mapping[str, Sequence[Any]]
) -> DataError:
    """Say which of the factors went wrong; formulaic names it by our expression."""
    factors = [f for t in terms for f in t.factors]
    guilty = [f for f in factors if f.kind == "call" and f"`{f.expr}`" in str(error)][:1]
    written = ", ".join(dict.fromkeys(f.label for f in guilty or factors))
    texts = [name for f in guilty for name in f.names if name in levels]
    hint = f" ({texts[0]!r} holds categories, not numbers)" if texts else ""
    cause: object = error.__cause__ or error
    if isinstance(cause, OverflowError):
        cause = "a number in it is beyond 1.8e308, the largest that there is"
    return DataError(f"cannot evaluate {written}: {cause}{hint}")
