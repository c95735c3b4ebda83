"""Maximum likelihood of a Gaussian model from its crossproducts: where sampling starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.crossproducts import Crossproducts, GroupCrossproducts

Floats = NDArray[np.float64]

_LEAST = 0.02
"""Least sd of an effect, as a share of the residual sd over the effect's scale."""


@dataclass(frozen=True, slots=True)
class LikelihoodFit:
    """Estimates, and roughly how far the posterior reaches around them.

    Attributes
    ----------
    coefficients, coefficient_sds : ndarray, shape (p,)
        Of the common columns as the crossproducts have them, and their standard errors.
    sigma : float
        Residual sd.
    covariance : ndarray, shape (q, q)
        Of the effects; 0 x 0 without a group.
    information : ndarray, shape (q,)
        Effective number of levels that tell each sd: the sum of squared reliabilities.
    """

    coefficients: Floats
    coefficient_sds: Floats
    sigma: float
    covariance: Floats
    information: Floats


def fit_by_em(
    products: Crossproducts,
    sums: GroupCrossproducts | None,
    *,
    correlated: bool,
    known_sigma: bool,
    close: float = 1e-3,
    steps: int = 60,
) -> LikelihoodFit | None:
    """Return maximum-likelihood estimates by the EM algorithm (Laird and Ware 1982).

    Parameters
    ----------
    products : Crossproducts
        Of the common columns.
    sums : GroupCrossproducts or None
        Of the one group term, if there is one.
    correlated : bool
        Whether effects have covariances.
    known_sigma : bool
        Residual variances are known: sigma is 1 throughout.
    close : float
        Largest relative change of a variance in the last step; starting values need no
        more than the default.
    steps : int
        At most so many.

    Returns
    -------
    LikelihoodFit or None
        None where the numbers allow no estimate.
    """
    s2 = 1.0 if known_sigma else products.rss / max(products.weights, 1.0)
    if not np.isfinite(s2) or s2 <= 0:
        return None
    if sums is None:
        return _finish(
            products, s2, None, products.R.T @ products.R / s2, np.zeros(len(products.ols))
        )
    A, size = _square(sums), _scale(sums)
    covariance = np.diag(0.1 * s2 / size**2)
    for _ in range(steps):
        before = np.append(np.diag(covariance), s2)
        V = np.linalg.inv(A / s2 + np.linalg.inv(covariance))
        H, d = _common(products, sums, V, s2)
        r = sums.Ze - np.einsum("kjp,p->kj", sums.ZX, d)
        u = np.einsum("jkl,lj->jk", V, r) / s2
        second = np.einsum("jk,jl->kl", u, u) + V.sum(axis=0)
        covariance = second / len(u)
        if not correlated:
            covariance = np.diag(np.diag(covariance))
        if not known_sigma:
            squares = products.rss + np.sum((products.R @ d) ** 2) - 2 * np.sum(u.T * r)
            squares += np.einsum("jk,jkl,jl->", u, A, u) + np.einsum("jkl,jlk->", A, V)
            s2 = float(squares / products.weights)
        covariance = _at_least(covariance, _LEAST * np.sqrt(s2) / size)
        if np.max(np.abs(np.append(np.diag(covariance), s2) / before - 1)) < close:
            break
    fitted = _finish(products, s2, (covariance, A), H, d)
    return fitted if np.isfinite(fitted.coefficients).all() and np.isfinite(s2) else None


def _finish(
    products: Crossproducts,
    s2: float,
    effects: tuple[Floats, Floats] | None,
    H: Floats,
    d: Floats,
) -> LikelihoodFit:
    # pinv: collinear columns have no standard errors of their own; priors give them some.
    sds = np.sqrt(np.maximum(np.diag(np.linalg.pinv(H)), 0)) if len(d) else np.zeros(0)
    covariance, information = np.zeros((0, 0)), np.zeros(0)
    if effects is not None:
        covariance, A = effects
        signal = np.diag(covariance) * np.diagonal(A, axis1=1, axis2=2) / s2
        information = ((signal / (1 + signal)) ** 2).sum(axis=0)
    return LikelihoodFit(products.ols + d, sds, float(np.sqrt(s2)), covariance, information)


def _common(
    products: Crossproducts, sums: GroupCrossproducts, V: Floats, s2: float
) -> tuple[Floats, Floats]:
    """Return precision of the common coefficients, and their distance from least squares."""
    VX = np.einsum("jkl,ljp->kjp", V, sums.ZX)
    H = products.R.T @ products.R / s2 - np.einsum("kjp,kjr->pr", sums.ZX, VX) / s2**2
    g = -np.einsum("kjp,kj->p", VX, sums.Ze) / s2**2
    return H, np.linalg.lstsq(H, g, rcond=None)[0] if len(g) else g


def _square(sums: GroupCrossproducts) -> Floats:
    """Return Z_j' W Z_j as square matrices, shape (J, q, q)."""
    q, levels = sums.Ze.shape
    A = np.empty((levels, q, q))
    rows, columns = np.tril_indices(q)
    A[:, rows, columns] = A[:, columns, rows] = sums.ZZ.T
    return A


def _scale(sums: GroupCrossproducts) -> Floats:
    """Return the root mean square of each effect's column."""
    q = len(sums.Ze)
    diagonal = sums.ZZ[[k * (k + 1) // 2 + k for k in range(q)]].sum(axis=1)
    rows = max(float(sums.ZZ[0].sum()), 1e-300)
    # The first column is the intercept where there is one; then `rows` counts them.
    size = np.sqrt(diagonal / rows)
    return np.where(size > 0, size, 1.0)


def _at_least(covariance: Floats, least: Floats) -> Floats:
    """Return the covariance with correlations kept and every sd at least so large."""
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    # A little towards none, so that a correlation of 1 does not stop the algorithm.
    correlation = (1 - 1e-6) * correlation + 1e-6 * np.eye(len(sd))
    larger = np.maximum(sd, least)
    out: Floats = correlation * np.outer(larger, larger)
    return out
