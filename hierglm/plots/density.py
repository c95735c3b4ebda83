"""Kernel densities, with mass kept inside the bounds of a parameter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GRID = 400


def density(x: Floats, low: float = -np.inf, high: float = np.inf) -> tuple[Floats, Floats]:
    """Return a grid and the Gaussian kernel density of some draws on it.

    Bandwidth by Silverman's rule (1986, equation 3.31). At a bound the kernel is
    reflected, so that the area stays 1.

    Parameters
    ----------
    x : ndarray, shape (draws,)
        Draws that are not finite are left out.
    low, high : float
        Bounds of the parameter.

    Examples
    --------
    >>> grid, height = density(np.random.default_rng(1).exponential(size=1000), low=0)
    >>> bool(grid[0] > 0), round(float(height.sum() * (grid[1] - grid[0])), 3)
    (True, 1.0)
    """
    x = x[np.isfinite(x)]
    if not len(x):
        return np.empty(0), np.empty(0)
    quartiles = np.quantile(x, (0.25, 0.75))
    spread = min(x.std(), float(quartiles[1] - quartiles[0]) / 1.349) or x.std()
    width = 0.9 * spread * len(x) ** -0.2
    # The sd of equal draws is rounding error, not always 0.
    if not width > 1e-12 * float(np.abs(x).max()):
        # A chain that does not move: a spike.
        width = max(abs(float(x[0])), 1.0) * 1e-3
    start = max(low, float(x.min()) - 3 * width)
    stop = min(high, float(x.max()) + 3 * width)
    edges = np.linspace(start, stop, _GRID + 1)
    grid, step = edges[:-1] + (edges[1] - edges[0]) / 2, float(edges[1] - edges[0])
    count, _ = np.histogram(x, edges)
    reach = max(1, min(_GRID, int(np.ceil(4 * width / step))))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2)
    height = np.convolve(np.pad(count, reach, mode="symmetric"), kernel / kernel.sum(), "valid")
    return grid, height / (len(x) * step)
