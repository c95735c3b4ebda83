"""Gaussian Markov random fields on graphs, in coordinates in which they are independent.

A field on J levels with adjacency weights W, D the diagonal matrix of their row sums, has

- intrinsic (ICAR): density proportional to exp(-sum over edges w_ij (u_i - u_j)^2 / (2 sd^2)),
  precision (D - W) / sd^2. As a penalty gamma sum w_ij (u_i - u_j)^2 on the log likelihood
  (Evgeniou, Micchelli and Pontil 2005), gamma = 1 / (2 sd^2).
- proper (CAR): precision (D - alpha W) / sd^2, alpha in (0, 1); given its neighbours a level
  has mean alpha times theirs and variance sd^2 / D_jj.
- BYM2 (Riebler, Sorbye, Simpson and Rue 2016): sd (sqrt(1 - rho) v + sqrt(rho) u*), v
  independent standard normals and u* an intrinsic field with variances of geometric mean 1.

Intrinsic fields sum to 0 in each connected component; each component is scaled by itself, and
a level without edges has a standard normal effect times sd (Freni-Sterrantino, Ventrucci and
Rue 2018).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def intrinsic(adjacency: Floats) -> Floats:
    """Return a factor F of the covariance F F' of an intrinsic field with sd 1.

    Parameters
    ----------
    adjacency : ndarray, shape (J, J)
        Symmetric weights, zero where there is no edge.

    Returns
    -------
    ndarray, shape (J, K)
        K is J less one for each component of more than one level.

    Examples
    --------
    >>> F = intrinsic(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> (F @ F.T).round(3).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    vectors, variances = _field(adjacency)
    found = variances > 0
    return np.ascontiguousarray(vectors[:, found] * np.sqrt(variances[found]))


def mixed(adjacency: Floats) -> tuple[Floats, Floats]:
    """Return orthonormal coordinates of a BYM2 field, and its scaled intrinsic variances there.

    Parameters
    ----------
    adjacency : ndarray, shape (J, J)

    Returns
    -------
    vectors : ndarray, shape (J, J)
        Columns are coordinates.
    variances : ndarray, shape (J,)
        0 along what an intrinsic field cannot have, the means of components.
    """
    vectors, variances = _field(adjacency)
    for levels, columns in _blocks(adjacency):
        marginal = vectors[np.ix_(levels, columns)] ** 2 @ variances[columns]
        variances[columns] /= np.exp(np.mean(np.log(marginal)))
    return vectors, variances


def proper(adjacency: Floats) -> tuple[Floats, Floats]:
    """Return coordinates of a proper field, and eigenvalues of the scaled adjacency.

    With D^-1/2 W D^-1/2 = V diag(lambda) V' the precision D - alpha W has the covariance factor
    D^-1/2 V diag(1 - alpha lambda)^-1/2, and the determinant |D| prod(1 - alpha lambda).

    Parameters
    ----------
    adjacency : ndarray, shape (J, J)

    Returns
    -------
    factor : ndarray, shape (J, J)
        D^-1/2 V; a level without edges has D_jj = 1.
    eigenvalues : ndarray, shape (J,)
    """
    degree = adjacency.sum(axis=1)
    root = 1 / np.sqrt(np.where(degree > 0, degree, 1.0))
    values, vectors = np.linalg.eigh(root[:, None] * adjacency * root)
    return np.ascontiguousarray(root[:, None] * vectors), values


def scaling_factor(adjacency: Floats) -> float:
    """Return the geometric mean of the marginal variances of a connected intrinsic field.

    What INLA's ``inla.scale.model`` divides by.

    Examples
    --------
    >>> chain = np.diag(np.ones(1), 1) + np.diag(np.ones(1), -1)
    >>> round(scaling_factor(chain), 12)
    0.25
    """
    vectors, variances = _field(adjacency)
    return float(np.exp(np.mean(np.log(vectors**2 @ variances))))


def _field(adjacency: Floats) -> tuple[Floats, Floats]:
    """Return eigenvectors of D - W and generalised inverses of its eigenvalues, by component."""
    vectors = np.zeros(adjacency.shape)
    variances = np.ones(len(adjacency))
    for levels, columns in _blocks(adjacency):
        if len(levels) == 1:
            vectors[levels, columns] = 1.0
            continue
        W = adjacency[np.ix_(levels, levels)]
        values, own = np.linalg.eigh(np.diag(W.sum(axis=1)) - W)
        # The first belongs to the constant, and is 0 up to rounding.
        variances[columns] = np.concatenate([[0.0], 1 / values[1:]])
        vectors[np.ix_(levels, columns)] = own
    return vectors, variances


def _blocks(adjacency: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Yield the levels of each connected component, and the columns that are its coordinates."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count, component = connected_components(csr_array(adjacency), directed=False)
    low = 0
    for number in range(count):
        levels = np.flatnonzero(component == number).astype(np.int64)
        yield levels, np.arange(low, low + len(levels))
        low += len(levels)
