"""The density of draws at one point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR = 10
"""Draws that must lie within two bandwidths, so that the density there can be told from them."""


def density_at(
    x: Floats, at: float, low: float = -np.inf, high: float = np.inf
) -> tuple[float, str]:
    """Return the density of some draws at a point, and how it was found.

    Inside, the normal density that fits best about the point, by local likelihood (Hjort and
    Jones 1996): for draws that are normal it has no bias, whatever the bandwidth. At an edge the
    kernel estimate of Jones and Foster (1996), which neither loses the mass beyond it nor takes
    the density for level there. The bandwidth is Silverman's (1986, equation 3.31). With fewer
    than `NEAR` draws near the point it is the density of the normal distribution with the mean
    and the sd of all draws; at an edge there is only an upper bound then.

    Parameters
    ----------
    x : ndarray, shape (draws,)
    at : float
    low, high : float
        Ends of the support.

    Returns
    -------
    float
        0 outside the support, NaN where all draws are equal.
    str
        "local likelihood", "edge kernel", "normal tail", "upper bound", "outside" or "constant".

    References
    ----------
    Hjort, N. L. and Jones, M. C. (1996). Locally parametric nonparametric density estimation.
    Annals of Statistics 24(4), 1619-1647.
    Jones, M. C. and Foster, P. J. (1996). A simple nonnegative boundary correction method for
    kernel density estimation. Statistica Sinica 6, 1005-1013.
    """
    if not low <= at <= high:
        return 0.0, "outside"
    quartiles = np.quantile(x, (0.25, 0.75))
    sd = float(x.std())
    width = 0.9 * (min(sd, float(quartiles[1] - quartiles[0]) / 1.349) or sd) * len(x) ** -0.2
    if not width > 0:
        return np.nan, "constant"
    near = int(np.count_nonzero(np.abs(x - at) < 2 * width))
    from_low, from_high = (at - low) / width, (high - at) / width
    edge = min(from_low, from_high)
    if edge < 3:
        if near < NEAR:
            return NEAR / (len(x) * 2 * width), "upper bound"
        # The distances to draws on the side of the edge end at the edge.
        u = (at - x) / width if from_low < from_high else (x - at) / width
        return _at_edge(u, edge) / width, "edge kernel"
    if near < NEAR:
        return _normal(np.asarray((at - x.mean()) / sd)).item() / sd, "normal tail"
    return _locally_normal((x - at) / width) / width, "local likelihood"


def _locally_normal(u: Floats) -> float:
    """Return the density at 0 of the normal density that fits best there.

    A normal kernel times a density that is exp(quadratic) is a normal density again: its mass,
    mean and variance are those of the draws weighted by the kernel.
    """
    kernel = _normal(u)
    mass = float(kernel.mean())
    mean = float((kernel * u).mean()) / mass
    variance = float((kernel * (u - mean) ** 2).mean()) / mass
    return mass * math.exp(-0.5 * mean**2 / variance) / math.sqrt(variance)


def _at_edge(u: Floats, edge: float) -> float:
    """Return Jones and Foster's estimate from distances in bandwidths, `edge` being the last."""
    from scipy.special import ndtr

    inside, slope = float(ndtr(edge)), -_normal(np.asarray(edge)).item()
    square = inside + edge * slope
    kernel = _normal(u)
    level = float(kernel.mean()) / inside
    tilted = float(((square - slope * u) * kernel).mean()) / (inside * square - slope**2)
    return level * math.exp(tilted / level - 1)


def _normal(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
