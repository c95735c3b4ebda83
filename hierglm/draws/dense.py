"""Effects of levels that depend on each other, integrated out together and drawn afterwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.chain import Given
from hierglm.plan.sums import Sums

Floats = NDArray[np.float64]

_BLOCK = 2**22
"""Numbers in the matrices of the draws that are worked on at once (32 MB)."""


def draw_dense(
    sums: Sums,
    k: int,
    given: Given,
    weights: Floats,
    rng: np.random.Generator | None,
    F: Floats | None = None,
) -> Floats:
    """Return one draw of a term's effects for each draw of the rest.

    With S the factor of their covariance over sigma^2, M = I + S' G S = C C' and v = S' e they
    are normal with mean S M^-1 v and covariance sigma^2 S M^-1 S'.

    Parameters
    ----------
    sums : Sums
        Of the term in coordinates, as `hierglm.plan.rotation.rotate` returns them, or by level.
    k : int
        Position of the term.
    given : Given
    weights : ndarray, shape (S, J, q)
        Of the coordinates, by which the columns of the factor are multiplied.
    rng : Generator or None
        None returns their means instead.
    F : ndarray, shape (J, J), optional
        Levels from coordinates, where effects are by level: S is S_j times those of level j.

    Returns
    -------
    ndarray, shape (S, J, q)
        In coordinates, or by level where F is given.
    """
    own = sums.groups[k]
    (q, J), size = own.Ze.shape, len(given.d)
    e = np.stack([own.Ze[r] - given.d @ own.ZX[r].T for r in range(q)], axis=2)
    for m, effects in given.effects.items():
        e = e - (sums.cross[k, m] @ effects.T).T.reshape(size, J, q)
    G, whole = np.empty((J, q, J, q)), own.whole
    for r in range(q):
        for s in range(r + 1):
            G[:, r, :, s] = G[:, s, :, r] = whole[r * (r + 1) // 2 + s]
    S = given.scale(k, np.arange(J)) * weights[:, :, None, :]
    noise = np.zeros((size, J * q)) if rng is None else rng.standard_normal((size, J * q))
    noise *= given.sigma[:, None]
    out = np.empty((size, J, q))
    step = max(1, _BLOCK // (J * q) ** 2)
    for low in range(0, size, step):
        at = slice(low, low + step)
        SGS = np.einsum("djka,jkml,dmlb->djamb", S[at], G, S[at], optimize=True)
        if F is not None:
            SGS = np.einsum("jm,djakb,kn->dmanb", F, SGS, F, optimize=True)
        M = SGS.reshape(-1, J * q, J * q) + np.eye(J * q)
        C = np.linalg.cholesky(M)
        v = np.einsum("djka,djk->dja", S[at], e[at])
        v = (v if F is None else np.einsum("jm,dja->dma", F, v)).reshape(-1, J * q, 1)
        w = np.linalg.solve(C, v) + noise[at][:, :, None]
        z = np.linalg.solve(C.swapaxes(1, 2), w).reshape(-1, J, q)
        z = z if F is None else np.einsum("jm,dma->dja", F, z)
        out[at] = np.einsum("djka,dja->djk", S[at], z)
    return out
