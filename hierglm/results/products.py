"""Products of matrices with a short inner dimension, by one thread of BLAS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SERIAL = 2**18
"""Products of numbers up to which OpenBLAS uses one thread."""
_SHORT = 32
"""Inner dimensions from which on several threads are worth waiting for."""


def thin_product(left: Floats, right: Floats) -> Floats:
    """Return ``left @ right``.

    Where the inner dimension is short memory sets the pace, and the threads that BLAS starts
    only wait for each other, the more so where blocks of rows have threads of their own.

    Parameters
    ----------
    left : ndarray, shape (..., rows, k)
    right : ndarray, shape (..., k, columns)
        As many as of `left`.

    Returns
    -------
    ndarray, shape (..., rows, columns)

    Examples
    --------
    >>> thin_product(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    rows, inner = left.shape[-2:]
    step = max(1, SERIAL // max(1, rows * inner))
    columns = right.shape[-1]
    # Narrow products cost more to begin than they save.
    if inner > _SHORT or step >= columns or step < _SHORT:
        return left @ right
    out = np.empty((*left.shape[:-1], columns))
    for low in range(0, columns, step):
        part = slice(low, low + step)
        np.matmul(left, right[..., part], out=out[..., part])
    return out
