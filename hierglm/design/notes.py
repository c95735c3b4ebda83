"""What is worth saying about the common columns before they are used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Columns
from hierglm.design.magnitudes import constant, units

Floats = NDArray[np.float64]

_MOST_WORK = 5e9
"""Rows x columns^2 up to which rank is looked at: a second or two."""
_BLOCK = 65_536
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
    for j in _dependent(products[np.ix_(live, live)] / scale):
        yield (
            f"column {common.labels[live[j]]!r} is a combination of the columns before it: "
            "only the priors tell their coefficients apart"
        )


def _crossproducts(matrix: Floats, centre: Floats, unit: Floats) -> Floats:
    """Return the products of centred columns; in blocks, so that no second matrix is made."""
    total = np.zeros((matrix.shape[1],) * 2)
    for start in range(0, len(matrix), _BLOCK):
        block = (matrix[start : start + _BLOCK] - centre) * unit
        total += block.T @ block
    return total


def _dependent(correlation: Floats) -> list[int]:
    """Return the columns of which the earlier ones leave nothing, sweeping one after another."""
    left = correlation.copy()
    found: list[int] = []
    for k in range(len(left)):
        if left[k, k] < _TOLERANCE:
            found.append(k)
        else:
            row = left[k, k + 1 :]
            left[k + 1 :, k + 1 :] -= np.outer(row, row) / left[k, k]
    return found
