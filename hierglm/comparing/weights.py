"""Weights of draws: towards the posterior, and towards that without a unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import ess_mean
from hierglm.draws.pareto import log_sum, pareto_smoothed
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]


def base(fitted: Fitted) -> Floats:
    """Return the log weight of each draw before anything is left out, shape (S,), summing to 1.

    Draws of an approximation are weighted towards the posterior (Magnusson et al. 2019).
    """
    stats, size = fitted.draws.stats, fitted.draws.chains * fitted.draws.draws
    # Some methods have resampled their draws by these weights already.
    done = fitted.sampled or getattr(fitted.settings.method, "psis_resample", False)
    if done or "log_q" not in stats:
        return np.full(size, -np.log(size))
    found = (stats["lp"] - stats["log_q"]).reshape(-1)
    return np.asarray(found - log_sum(found), dtype=np.float64)


def left_out(fitted: Fitted, log_density: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Return normalised log weights of the draws without each unit, and Pareto's k-hat.

    Parameters
    ----------
    fitted : Fitted
    log_density : ndarray, shape (S, n)
        Of n units.
    before : ndarray, shape (S,)
        See `base`.

    Returns
    -------
    ndarray, shape (S, n), and ndarray, shape (n,)
    """
    size, count = log_density.shape
    worth = efficiency(fitted, log_density)
    weights, khat = np.empty((size, count)), np.empty(count)
    ratios = before[:, None] - log_density
    for i in range(count):
        weights[:, i], khat[i] = pareto_smoothed(ratios[:, i], float(worth[i]))
    return weights, khat


def efficiency(fitted: Fitted, log_density: Floats) -> Floats:
    """Return how many independent draws one draw is worth for each unit's density, shape (n,).

    Parameters
    ----------
    fitted : Fitted
    log_density : ndarray, shape (S, n)
    """
    size, count = log_density.shape
    if not fitted.sampled:
        return np.ones(count)
    shape = (fitted.draws.chains, fitted.draws.draws, count)
    ess = ess_mean(np.exp(log_density - log_density.max(axis=0)).reshape(shape))
    # Too few draws to tell, or all the same.
    return np.where(np.isfinite(ess), ess / size, 1.0)
