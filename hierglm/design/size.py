"""How large a matrix becomes: counted before it is made, held against the formula's limits."""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from hierglm.errors import DataError
from hierglm.formula.functions import BASES
from hierglm.formula.limits import MAX_BARE, MAX_CELLS, MAX_COLUMNS, MAX_POLY_LEVELS
from hierglm.formula.terms import Factor, Term


def check_size(label: str, columns: int, rows: int) -> None:
    """Refuse a matrix that would have too many columns, or take too much memory.

    Parameters
    ----------
    label : str
        Of the term with which it gets there.
    columns, rows : int
        How many it would have.

    Raises
    ------
    DataError

    Examples
    --------
    >>> check_size("x", 10, 1_000_000)
    """
    if columns > MAX_COLUMNS:
        raise DataError(
            f"with {label[:80]!r} there are {columns:,} columns; a formula may make "
            f"{MAX_COLUMNS:,} at most. Levels of a category belong in a group term, as in (1 | g)"
        )
    if columns * rows > MAX_CELLS:
        raise DataError(
            f"with {label[:80]!r} there are {columns:,} columns of {rows:,} rows; a matrix may "
            f"hold {MAX_CELLS:,} numbers at most. Leave terms out, or levels to a group term"
        )


def check_levels(label: str, expression: str, values: Any, rows: int) -> None:
    """Refuse a factor of so many levels that its columns, or its contrasts, are too many.

    Parameters
    ----------
    label, expression : str
        The factor as written, and as it is evaluated.
    values : array
        One level a row.
    rows : int
        Number of rows.

    Raises
    ------
    DataError
    """
    import pandas as pd

    found = getattr(values, "__wrapped__", values)
    levels = pd.Series(np.asarray(found) if isinstance(found, list) else found).nunique()
    check_size(label, levels, rows)
    if levels > MAX_POLY_LEVELS and ("contr.poly" in expression or "Poly" in expression):
        raise DataError(
            f"{label} has {levels:,} levels; polynomial contrasts are exact for "
            f"{MAX_POLY_LEVELS} at most. Use the levels as numbers in poly(x, 3)"
        )


def check_terms(terms: Sequence[Term], categories: Container[str], rows: int) -> None:
    """Refuse terms that would take too long or too much memory, before they are evaluated.

    Parameters
    ----------
    terms : sequence of Term
    categories : container of str
        Columns that are categories.
    rows : int
        Number of rows.

    Raises
    ------
    DataError
        Bases that are too large for so many rows, by the sizes that stand in the formula; or
        an interaction of many categories alone: which of its columns are needed takes a time
        that grows about sixfold with each of them.
    """
    every = {frozenset(f.expr for f in t.factors) for t in terms}
    for term in terms:
        levels = [f.expr for f in term.factors if _is_category(f, categories)]
        whole = frozenset(f.expr for f in term.factors)
        if len(levels) > MAX_BARE and not all(whole - {one} in every for one in levels):
            raise DataError(
                f"{term.label[:80]!r} is an interaction of {len(levels)} categories, and not all "
                "interactions below it are in the formula: write a*b*..., or group by it"
            )
    total = 0
    for factor in dict.fromkeys(f for t in terms for f in t.factors if f.kind == "call"):
        total += _width(factor.expr)
        check_size(factor.label, total, rows)


def _is_category(factor: Factor, categories: Container[str]) -> bool:
    if factor.kind == "name":
        return factor.expr in categories
    return factor.expr.startswith(("C(", "hashed("))


def _width(expression: str) -> int:
    """Return the sum of the numbers that size the bases in an expression, and of their knots."""
    calls = [n for n in ast.walk(ast.parse(expression, mode="eval")) if isinstance(n, ast.Call)]
    bases = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in BASES]
    total = 0
    for call in bases:
        for option in (*call.args[1:], *(k.value for k in call.keywords)):
            for node in ast.walk(option):
                if isinstance(node, ast.Constant):
                    total += node.value if type(node.value) is int else 1
    return total
