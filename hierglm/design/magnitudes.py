"""How large the values of columns are: their units, what is constant, what has no square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError

Floats = NDArray[np.float64]

LARGEST = 1e100
"""Beyond it, and below its inverse, sums of products of columns leave the range of floats."""

_ROUNDING = 8 * np.finfo(np.float64).eps
"""Range of a column, as a share of its largest value, that is rounding error and no variation."""


def units(matrix: Floats) -> Floats:
    """Return a power of 2 for each column, by which its largest value comes to about 1.

    Multiplying by it loses nothing, and squares of what comes out neither overflow nor vanish.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
        Finite, one row or more.

    Examples
    --------
    >>> units(np.array([[3.0, 0.0], [-1.0, 0.0]])).tolist()
    [0.25, 1.0]
    """
    _, exponent = np.frexp(_largest(matrix))
    return np.asarray(np.ldexp(1.0, np.clip(-exponent, -1000, 1000)))


def constant(matrix: Floats) -> NDArray[np.bool_]:
    """Return which columns are the same in every row, up to rounding, shape (columns,)."""
    unit = units(matrix)
    low, high = matrix.min(axis=0) * unit, matrix.max(axis=0) * unit
    return np.asarray(high - low <= _ROUNDING * np.maximum(np.abs(low), np.abs(high)))


def refuse_unsquarable(
    matrix: Floats, labels: Sequence[str], rows: NDArray[Any], *, small: bool = True
) -> None:
    """Refuse columns in units so small or so large that sums of squares are no numbers.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
        Finite.
    labels : sequence of str
        Names of the columns.
    rows : ndarray of int
        Places of the rows in the caller's table.
    small : bool
        Whether a column may not be too small either: of new rows it may.

    Raises
    ------
    DataError
        Names the column and the row.
    """
    if not matrix.size:
        return
    largest = _largest(matrix)
    bad = largest > LARGEST
    if small:
        bad |= (largest < 1 / LARGEST) & (largest > 0)
    if not bad.any():
        return
    k = int(np.flatnonzero(bad)[0])
    row = int(np.argmax(np.abs(matrix[:, k])))
    raise DataError(
        f"{labels[k]} is {matrix[row, k]:.3g} in row {int(rows[row]) + 1}, its largest value; "
        f"squares are safe from {1 / LARGEST:g} to {LARGEST:g}: give it in another unit, divided "
        f"by {10.0 ** np.floor(np.log10(largest[k])):g}"
    )


def _largest(matrix: Floats) -> Floats:
    # Column by column: NumPy is slow along the long side of a narrow matrix.
    each = [max(abs(column.min()), abs(column.max())) for column in matrix.T]
    return np.asarray(each, dtype=np.float64)
