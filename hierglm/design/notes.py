"""What is worth saying about columns and grouping factors before they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Columns, Design, Grouping
from hierglm.design.magnitudes import constant, units
from hierglm.design.relation import Relation

Floats = NDArray[np.float64]

_MOST_WORK = 5e9
"""Rows x columns^2 up to which rank is looked at: a second or two."""
_MOST_NAMED = 12
"""Columns that are named one by one."""
_BLOCK = 65_536
_EXACT = 1e-13
"""Residuals, as a share of the response's largest value, that are rounding error."""
_CLEARLY = 1e-9
"""That share where no rounding of `_TOLERANCE` is in question."""
_TOLERANCE = 1e-12
"""Share of a column's variance that the columns before it leave, if it is no combination."""


def column_notes(common: Columns, intercept: bool) -> tuple[str, ...]:
    """Return a note for each column that adds nothing to the ones before it.

    Parameters
    ----------
    common : Columns
        Without the intercept.
    intercept : bool
        Whether there is one.
    """
    rows, columns = common.matrix.shape
    if not rows or not columns or rows * columns**2 > _MOST_WORK:
        return ()
    return tuple(_notes(common, intercept))


def confounding_notes(
    design: Design, y: Floats | None, spread: str = "sigma", *, binary: bool = False
) -> tuple[str, ...]:
    """Return a note for each sd that the data say nothing about, or not apart from another.

    Parameters
    ----------
    design : Design
    y : ndarray, shape (rows,), or None
        The response on the scale of the linear predictor, where how far it is from there is
        estimated.
    spread : str
        The parameter that says how far: sigma, or a shape or precision.
    binary : bool
        Whether it is 0 or 1, and rows by themselves say nothing of a variance between them.
    """
    return tuple(_confounded(design, y, spread, binary))


def _confounded(design: Design, y: Floats | None, spread: str, binary: bool) -> Iterator[str]:
    if y is not None and _is_exact(design, y):
        end = (
            "sigma, which goes to 0 and has no proper posterior"
            if spread == "sigma"
            else f"{spread}, which only its prior keeps finite"
        )
        yield (
            f"response {design.response.label!r} is the same in every row, or a combination of the "
            f"columns: nothing is left for {end}"
        )
    plain = [g for g in design.groups if _is_plain(g.relation) and "Intercept" in g.terms]
    for g in design.groups:
        if len(g.levels) == 1:
            yield f"group {g.group!r} has one level: only priors inform the sds of its effects"
    for g in plain:
        if not len(g.levels) == design.rows > 1:
            continue
        if y is not None:
            yield (
                f"group {g.group!r} has one row a level: only priors tell its sd(Intercept) and "
                f"{spread} apart"
            )
        elif binary:
            yield (
                f"group {g.group!r} has one row a level, and rows of 0 and 1 say nothing about "
                "its sd(Intercept): only its prior informs it"
            )
    for g, h in _same_rows([g for g in plain if len(g.levels) > 1]):
        yield (
            f"groups {g.group!r} and {h.group!r} have the same rows in their levels: only "
            "priors tell their sds apart"
        )


def _is_plain(relation: Relation) -> bool:
    return relation.members is None and not relation.dependent and not relation.strata


def _same_rows(groups: Sequence[Grouping]) -> Iterator[tuple[Grouping, Grouping]]:
    """Return each group with the first before it that has the same rows in its levels.

    Each group's levels are numbered as its rows come to them: then two groups are compared as
    bytes, whatever their number.
    """
    seen: dict[bytes, Grouping] = {}
    for g in groups:
        first = seen.setdefault(_as_met(g.index, len(g.levels)).tobytes(), g)
        if first is not g:
            yield first, g


def _as_met(index: NDArray[np.int64], levels: int) -> NDArray[np.int64]:
    """Return the level of each row, levels numbered in the order of their first rows."""
    first = np.full(levels, len(index))
    first[index[::-1]] = np.arange(len(index))[::-1]
    number = np.empty(levels, dtype=np.int64)
    number[np.argsort(first)] = np.arange(levels)
    return number[index]


def _is_exact(design: Design, y: Floats) -> bool:
    """Tell whether the common columns alone, fewer than rows, give the response exactly."""
    X = design.common.matrix
    if design.offset is not None:
        y = y - design.offset
    rows, p = X.shape
    if rows < 2 or design.response.se is not None or len(y) != design.rows:
        return False
    size = units(y[:, None])[0]
    if design.intercept:
        if constant(y[:, None])[0]:
            return True
        X, y = X - X.mean(axis=0), y - y.mean()
    elif not y.any():
        return True
    if not p or rows <= p + design.intercept or rows * p**2 > _MOST_WORK / 50:
        return False
    X = X * units(X)
    left = (y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) * size
    return bool(np.abs(left).max() <= _EXACT)


def _notes(common: Columns, intercept: bool) -> Iterator[str]:
    matrix = common.matrix
    unit = units(matrix)
    centre = matrix.mean(axis=0) if intercept else np.zeros(matrix.shape[1])
    products = _crossproducts(matrix, centre, unit)
    size = np.sqrt(np.diag(products) / len(matrix))
    useless = constant(matrix) if intercept else size == 0
    for k in np.flatnonzero(useless):
        why = "constant, like the intercept" if intercept else "zero in every row"
        yield f"column {common.labels[k]!r} is {why}: only its prior informs its coefficient"
    live = np.flatnonzero(~useless)
    scale = np.outer(size[live], size[live]) * len(matrix)
    dependent = _dependent(products[np.ix_(live, live)] / scale)
    for j in dependent[:_MOST_NAMED]:
        yield (
            f"column {common.labels[live[j]]!r} is a combination of the columns before it: "
            "only the priors tell their coefficients apart"
        )
    if len(dependent) > _MOST_NAMED:
        yield (
            f"{len(dependent) - _MOST_NAMED:,} more columns are combinations of columns before "
            f"them, {common.labels[live[dependent[-1]]]!r} the last"
        )


def _crossproducts(matrix: Floats, centre: Floats, unit: Floats) -> Floats:
    """Return the products of centred columns; in blocks, so that no second matrix is made."""
    total = np.zeros((matrix.shape[1],) * 2)
    for start in range(0, len(matrix), _BLOCK):
        block = (matrix[start : start + _BLOCK] - centre) * unit
        total += block.T @ block
    return total


def _independent(correlation: Floats) -> bool:
    """Tell whether every column has far more of its own than rounding: a tenth of the time."""
    try:
        factor = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return False
    # Squares on the diagonal are what the columns before it leave of each.
    return bool((np.diag(factor) ** 2 > _CLEARLY).all())


def _dependent(correlation: Floats) -> list[int]:
    """Return the columns of which the earlier ones leave nothing, sweeping one after another."""
    if _independent(correlation):
        return []
    left = correlation.copy()
    found: list[int] = []
    for k in range(len(left)):
        if left[k, k] < _TOLERANCE:
            found.append(k)
        else:
            row = left[k, k + 1 :]
            left[k + 1 :, k + 1 :] -= np.outer(row, row) / left[k, k]
    return found
