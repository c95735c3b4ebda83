"""Effects of new levels given a Gaussian response: normal, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NormalEffects:
    """Standardised effects, normal for each draw of everything else.

    Attributes
    ----------
    log_marginal : ndarray, shape (S,)
        Log density of the rows with the effects integrated out.
    mean : ndarray, shape (S, Q)
        Of the standardised effects.
    factor : ndarray, shape (S, Q, Q)
        Lower triangular; its product with its transpose is their precision.
    """

    log_marginal: Floats
    mean: Floats
    factor: Floats

    def draw(self, at: Ints, rng: np.random.Generator) -> Floats:
        """Return one draw for each of some draws of the rest, shape (len(at), Q)."""
        noise = rng.standard_normal((len(at), self.mean.shape[1]))
        return self.mean[at] + backwards(self.factor[at], noise)


def normal_effects(
    residuals: Floats, B: Floats, sd: Floats, weights: Floats | None
) -> NormalEffects:
    """Return the distribution of standardised effects v, and of the rows without them.

    The rows are residuals = B v + noise with v ~ N(0, I), so that v has the precision
    M = I + B' W B and the mean M^-1 B' W residuals, where W holds the weights over the
    variances (Lindstrom and Bates 1988).

    Parameters
    ----------
    residuals : ndarray, shape (S, rows)
        Of the response, without the effects.
    B : ndarray, shape (S, rows, Q)
        What one unit of a standardised effect adds to each row.
    sd : ndarray, to be broadcast over (S, rows)
        Of the noise.
    weights : ndarray, shape (rows,), or None
        Of the rows' log likelihood.
    """
    counts = np.ones(residuals.shape[1]) if weights is None else weights
    sd = np.broadcast_to(sd, residuals.shape)
    W = counts / sd**2
    weighted = np.swapaxes(B * W[:, :, None], 1, 2)
    M = np.eye(B.shape[2]) + weighted @ B
    factor: Floats = np.linalg.cholesky(M).astype(np.float64, copy=False)
    pulled = (weighted @ residuals[:, :, None])[:, :, 0]
    half = forwards(factor, pulled)
    rows = -0.5 * W * residuals**2 - counts * (np.log(sd) + 0.5 * np.log(2 * np.pi))
    log_marginal = rows.sum(axis=1) + 0.5 * np.sum(half**2, axis=1) - log_determinant(factor)
    return NormalEffects(log_marginal, backwards(factor, half), factor)


def forwards(factor: Floats, x: Floats) -> Floats:
    """Return C^-1 x for lower triangular C, shapes (S, Q, Q) and (S, ..., Q)."""
    out = np.empty_like(x)
    across: tuple[slice | None, ...] = (slice(None), *(None,) * (x.ndim - 2))
    for k in range(x.shape[-1]):
        rest = x[..., k]
        for h in range(k):
            rest = rest - factor[:, k, h][across] * out[..., h]
        out[..., k] = rest / factor[:, k, k][across]
    return out


def backwards(factor: Floats, x: Floats) -> Floats:
    """Return C'^-1 x for lower triangular C, shapes (S, Q, Q) and (S, ..., Q)."""
    reverse = np.swapaxes(factor, 1, 2)[:, ::-1, ::-1]
    return forwards(reverse, x[..., ::-1])[..., ::-1]


def log_determinant(factor: Floats) -> Floats:
    """Return half the log determinant of C C', shape (S,)."""
    return np.asarray(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1))
