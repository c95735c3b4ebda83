"""Block-diagonal and sparse matrices of level effects; effect e of level j stands at j q + e."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy import sparse

Floats = NDArray[np.float64]

_BLOCK = 2**23
"""Numbers of a dense product held at once."""


def inverse(matrices: Floats) -> Floats:
    """Return the inverses of one or of many symmetric matrices, whatever their columns' units."""
    scale = _balance(matrices)
    both = scale[..., :, None] * scale[..., None, :]
    return np.asarray(np.linalg.inv(matrices * both) * both, dtype=np.float64)


def solution(matrix: Floats, right: Floats) -> Floats:
    """Return x of ``matrix @ x = right`` of a symmetric matrix, whatever its columns' units."""
    scale = _balance(matrix)
    balanced = matrix * scale[:, None] * scale
    return np.asarray(np.linalg.solve(balanced, right * scale) * scale, dtype=np.float64)


def _balance(matrices: Floats) -> Floats:
    """Return powers of 2 that bring diagonals to about 1: multiplying by them loses nothing."""
    _, exponent = np.frexp(np.diagonal(matrices, axis1=-2, axis2=-1))
    return np.asarray(np.ldexp(1.0, -(exponent // 2)))


def times(blocks: Floats, tall: Floats) -> Floats:
    """Return a block-diagonal matrix times a tall one."""
    levels, q = blocks.shape[:2]
    return (blocks @ tall.reshape(levels, q, -1)).reshape(levels * q, -1)


def block_diagonal(blocks: Floats) -> sparse.csr_array:
    """Return the sparse matrix with these blocks, shape (J, q, q), on its diagonal."""
    from scipy import sparse

    levels, q = blocks.shape[:2]
    at = np.arange(levels)
    shape = (levels * q, levels * q)
    return sparse.bsr_array((blocks, at, np.arange(levels + 1)), shape=shape).tocsr()


def stack(parts: Sequence[Any]) -> Any:
    """Return sparse matrices side by side."""
    from scipy import sparse

    return sparse.hstack(parts, format="csr")


def blocks(matrix: Any, q: int, s: int) -> Floats:
    """Return the one block in each row of blocks of a nested factor's matrix, shape (J, q, s).

    A level whose products are all 0 has no entries in the sparse matrix; its block is 0.
    """
    found = matrix.tocoo()
    out = np.zeros((matrix.shape[0] // q, q, s))
    out[found.row // q, found.row % q, found.col % s] = found.data
    return out


def quadratic(tall: Floats, middle: Floats, q: int) -> Floats:
    """Return the diagonal blocks of tall @ middle @ tall.T."""
    levels = tall.shape[0] // q
    shaped = tall.reshape(levels, q, -1)
    return np.asarray(np.einsum("jap,pr,jbr->jab", shaped, middle, shaped, optimize=True))


def sparse_quadratic(tall: Any, middle: Floats, q: int) -> Floats:
    """Return the diagonal blocks of tall @ middle @ tall.T for a sparse tall matrix."""
    levels = tall.shape[0] // q
    out = np.zeros((levels, q, q))
    step = max(1, _BLOCK // max(1, q * len(middle)))
    for low in range(0, levels, step):
        some = tall[low * q : (low + step) * q]
        dense = some.toarray().reshape(-1, q, len(middle))
        right = np.asarray(some @ middle).reshape(-1, q, len(middle))
        out[low : low + step] = right @ dense.transpose(0, 2, 1)
    return out


def times_rows(blocks: Floats, matrix: Any) -> Any:
    """Return a block-diagonal matrix times a sparse or dense one."""
    from scipy import sparse

    if not sparse.issparse(matrix):
        return times(blocks, matrix)
    return (block_diagonal(blocks) @ matrix).tocsr()


def pack(blocks: Floats) -> Floats:
    """Return symmetric matrices, shape (J, q, q), as lower triangles row by row."""
    rows, columns = np.tril_indices(blocks.shape[1])
    return np.ascontiguousarray(blocks[:, rows, columns].T)


def unpack(packed: Floats) -> Floats:
    """Return the symmetric matrices, shape (J, q, q), that `pack` made triangles of."""
    entries, levels = packed.shape
    q = int((np.sqrt(8 * entries + 1) - 1) / 2)
    out = np.empty((levels, q, q))
    rows, columns = np.tril_indices(q)
    out[:, rows, columns] = out[:, columns, rows] = packed.T
    return out


def level_products(Z: Floats, index: NDArray[np.int64], w: Floats, levels: int) -> Floats:
    """Return Z_j' W Z_j of each level, shape (J, q, q)."""
    q = Z.shape[1]
    out = np.empty((levels, q, q))
    for r in range(q):
        for s in range(r + 1):
            sums = np.bincount(index, weights=w * Z[:, r] * Z[:, s], minlength=levels)
            out[:, r, s] = out[:, s, r] = sums
    return out


def join(packed: Floats) -> Floats:
    """Return the matrix, shape (J q, J q), of which each two effects have one, (T, J, J)."""
    entries, levels = packed.shape[:2]
    q = int((np.sqrt(8 * entries + 1) - 1) / 2)
    out = np.empty((levels, q, levels, q))
    for t, (r, s) in enumerate(zip(*np.tril_indices(q), strict=True)):
        out[:, r, :, s] = packed[t]
        out[:, s, :, r] = packed[t].T
    return out.reshape(levels * q, levels * q)


def split(matrix: Floats, q: int) -> tuple[Floats, Any]:
    """Return the diagonal blocks of a matrix, shape (J, q, q), and what to take off these.

    The second is sparse: the blocks on a diagonal, less it, are the matrix.
    """
    from scipy import sparse

    levels, at = len(matrix) // q, np.arange(len(matrix) // q)
    shaped = -matrix.reshape(levels, q, levels, q)
    found = -shaped[at, :, at]
    shaped[at, :, at] = 0.0
    return found, sparse.csr_array(shaped.reshape(matrix.shape))
