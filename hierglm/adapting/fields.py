"""New levels on the graphs of Gaussian Markov random fields, given effects of known ones.

With the precision Q of the field on all levels, those of new levels given known ones e have the
precision Q_nn and the mean -Q_nn^-1 Q_no e (Rue and Held 2005, theorem 2.3). Known levels have
another distribution too once they have new neighbours, of precision Q_oo - Q_on Q_nn^-1 Q_no:
draws are weighted by the ratio of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-9
"""Largest entry of a precision between levels without an edge, of its largest."""


@dataclass(frozen=True, slots=True)
class Joined:
    """New levels of a field before they are scaled, for each draw.

    Attributes
    ----------
    mean : ndarray, shape (S, m, q)
    covariance : ndarray, shape (1 or S, m, m, 1 or q)
    log_ratio : ndarray, shape (S,)
        Log density of known levels once the new ones are there, less that of the fit.
    """

    mean: Floats
    covariance: Floats
    log_ratio: Floats


def intrinsic_precision(factor: Floats) -> Floats:
    """Return the precision D - W of an intrinsic field from the factor of its covariance.

    Parameters
    ----------
    factor : ndarray, shape (J, K)
        As `hierglm.design.graphs.intrinsic` returns it, its columns orthogonal.

    Examples
    --------
    >>> from hierglm.design.graphs import intrinsic
    >>> W = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    >>> intrinsic_precision(intrinsic(W)).round(9).tolist()
    [[3.0, -2.0, -1.0], [-2.0, 3.0, -1.0], [-1.0, -1.0, 2.0]]
    """
    back = factor / np.sum(factor**2, axis=0)
    return np.asarray(back @ back.T)


def parted(before: Floats, now: Floats) -> tuple[int, int, int] | None:
    """Return a new level and two known ones that it joins but the fit has apart, or None.

    An intrinsic field says nothing about the difference of parts that are not connected, so that
    draws of the fit do not know it. A level without edges has a normal effect of its own in the
    fit: the two are then the same.

    Parameters
    ----------
    before : ndarray, shape (J, J)
        Precision of the field on the levels of the fit.
    now : ndarray, shape (J + m, J + m)
        On all levels, those of the fit first.
    """
    J = len(before)
    old, new = _components(before), _components(now)
    for level in range(J, len(now)):
        known = np.flatnonzero(new[:J] == new[level])
        for other in known:
            if old[other] != old[known[0]] or np.sum(old == old[other]) == 1:
                return level, int(known[0]), int(other)
    return None


def join_intrinsic(before: Floats, now: Floats, e: Floats) -> Joined:
    """Return new levels of an intrinsic field.

    Known levels go on summing to 0 in each of their components, new ones are what their edges
    say: the intercept of the fit keeps its meaning. New levels that none of the known ones is
    connected with sum to 0 themselves.

    Parameters
    ----------
    before, now : ndarray
        As `parted` has them; it has found nothing.
    e : ndarray, shape (S, J, q)
        Effects of known levels over their sds.
    """
    J = len(before)
    # Of components without known levels Q_nn is singular, along their sums.
    covariance = np.asarray(np.linalg.pinv(now[J:, J:], rcond=_ROUNDING, hermitian=True))
    weights = -covariance @ now[J:, :J]
    added = now[:J, :J] + now[:J, J:] @ weights - before
    squares = np.einsum("sjq,jk,skq->s", e, added, e, optimize=True)
    return Joined(weights @ e, covariance[None, :, :, None], -0.5 * squares)


def join_mixed(
    before: tuple[Floats, Floats], now: tuple[Floats, Floats], rho: Floats, e: Floats
) -> Joined:
    """Return new levels of a BYM2 field, whose scale is that of the larger graph.

    Parameters
    ----------
    before, now : tuple of ndarray
        Orthonormal coordinates and scaled variances of the intrinsic field there, as
        `hierglm.design.graphs.mixed` returns them, on the levels of the fit and on all.
    rho : ndarray, shape (S, q)
        Shares of the intrinsic field.
    e : ndarray, shape (S, J, q)
        Effects of known levels over their sds.
    """
    (old, own), (V, spectrum) = before, now
    J = len(old)
    known = e.swapaxes(1, 2)
    w = 1 / (1 + rho[:, :, None] * (spectrum - 1))
    along = known @ V[:J]
    Q_nn = np.einsum("mk,sqk,nk->sqmn", V[J:], w, V[J:], optimize=True)
    pulled = (along * w) @ V[J:].T
    mean = -np.linalg.solve(Q_nn, pulled[..., None])[..., 0]
    squares = np.sum(along**2 * w, axis=2) + np.sum(pulled * mean, axis=2)
    v = 1 / (1 + rho[:, :, None] * (own - 1))
    squares = squares - np.sum((known @ old) ** 2 * v, axis=2)
    volume = np.log(w).sum(axis=2) - np.linalg.slogdet(Q_nn)[1] - np.log(v).sum(axis=2)
    return Joined(
        mean.swapaxes(1, 2),
        np.moveaxis(np.linalg.inv(Q_nn), 1, 3),
        0.5 * np.sum(volume - squares, axis=1),
    )


def root_of(covariance: Floats) -> Floats:
    """Return roots of covariances, shape (S, m, m, q), which may be singular."""
    values, vectors = np.linalg.eigh(np.moveaxis(covariance, 3, 1))
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.asarray(np.moveaxis(roots, 1, 3), dtype=np.float64)


def _components(precision: Floats) -> Ints:
    """Return the connected component of each level."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    edges = np.abs(precision) > _ROUNDING * np.abs(precision).max(initial=0.0)
    return np.asarray(connected_components(csr_array(edges), directed=False)[1], dtype=np.int64)
