"""Where each response lies in what the other rows predict for it: LOO-PIT values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.weights import base, left_out
from hierglm.models import Model
from hierglm.predicting.predictions import predictions
from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

GRID = 100
"""Points at which the distribution of the values is looked at."""
SIMULATED = 2000


def loo_pit(fitted: Fitted, model: Model, seed: int) -> tuple[Floats, Floats]:
    """Return P(new response < y) + U P(new response = y) of each row given the others.

    New responses are the fit's own draws, weighted to leave the row out (Vehtari, Gelman and
    Gabry 2017); U is uniform and random, so that the values of discrete responses are uniform
    too where the model is right (Czado, Gneiting and Held 2009).

    Parameters
    ----------
    fitted : Fitted
    model : Model
        Of the response.
    seed : int

    Returns
    -------
    ndarray, shape (rows,), and ndarray, shape (rows,)
        The values, and Pareto's k-hat of the weights of each row.
    """
    own = model.part.response or None
    replicates = predictions(fitted, target="response", response=own, seed=seed).blocks()
    likelihoods = predictions(fitted, target="linear", response=own, seed=seed).log_likelihood()
    y, before = model.design.response.values, base(fitted)
    pit, khat = np.empty(len(y)), np.empty(len(y))
    shares = np.random.default_rng([seed, 11]).random(len(y))
    for (at, drawn), (same, values) in zip(replicates, likelihoods, strict=True):
        assert np.array_equal(at, same)
        log_weights, khat[at] = left_out(fitted, values, before)
        w = np.exp(log_weights)
        below = np.sum(w * (drawn < y[at]), axis=0)
        pit[at] = below + shares[at] * np.sum(w * (drawn == y[at]), axis=0)
    return np.clip(pit, 0, 1), khat


def uniform_ecdf(values: Floats, conf_level: float, seed: int) -> pd.DataFrame:
    """Return how far the distribution of values lies above the uniform one, with its band.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Between 0 and 1.
    conf_level : float
        With which the whole curve of independent uniform values stays in the band: the limits
        of all points have the same tails (Säilynoja, Bürkner and Vehtari 2022).
    seed : int

    Returns
    -------
    DataFrame
        Columns pit, estimate (difference of the distribution functions), conf_low, conf_high.
    """
    import pandas as pd
    from scipy import special

    n = len(values)
    z = np.arange(1, GRID) / GRID
    count = np.searchsorted(np.sort(values), z, side="right")
    rng = np.random.default_rng([seed, 12])
    below = rng.multinomial(n, np.full(GRID, 1 / GRID), SIMULATED).cumsum(axis=1)[:, :-1]
    tails = np.minimum(special.bdtr(below, n, z), 1 - special.bdtr(np.maximum(below - 1, 0), n, z))
    # No count is below 0: all of them are at least that.
    tails = np.where(below == 0, special.bdtr(below, n, z), tails)
    tail = float(np.quantile(tails.min(axis=1), 1 - conf_level))
    every = np.arange(n + 1)
    low, high = np.empty(len(z)), np.empty(len(z))
    for k, point in enumerate(z):
        cdf = special.bdtr(every, n, point)
        low[k] = np.searchsorted(cdf, tail)
        high[k] = np.searchsorted(cdf, 1 - tail)
    columns = {"estimate": count, "conf_low": low, "conf_high": high}
    return pd.DataFrame({"pit": z} | {name: x / n - z for name, x in columns.items()})
