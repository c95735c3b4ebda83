"""Are predicted probabilities right? Isotonic calibration with consistency bands.

Dimitriadis, Gneiting and Jordan (2021), "Stable reliability diagrams for probabilistic
classifiers", PNAS 118: the share of successes as a rising function of the predicted probability,
by pool-adjacent-violators, with bands of what calibrated predictions would give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MOST = 500
"""Different predictions that are kept apart; more are gathered, each with its neighbours."""
RESAMPLES = 500


def calibration(
    predicted: Floats,
    successes: Floats,
    trials: Floats,
    rng: np.random.Generator,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Return the share of successes at each predicted probability, made to rise with it.

    Parameters
    ----------
    predicted, successes, trials : ndarray, shape (rows,)
    rng : Generator
        Of the resampled responses that the band is made from.
    conf_level : float
        Of the band, at each prediction.

    Returns
    -------
    DataFrame
        A row for each different prediction (or neighbourhood, of many): predicted, trials,
        estimate (calibrated), and the band conf_low, conf_high about the diagonal.
    """
    import pandas as pd

    order = np.argsort(predicted, kind="stable")
    p, n = predicted[order], trials[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(p) > 0]))
    if len(starts) > MOST:
        starts = np.unique(np.linspace(0, len(p), MOST, endpoint=False).astype(np.int64))
    size = np.add.reduceat(n, starts)
    kept = size > 0
    centre = np.add.reduceat(n * p, starts)[kept] / size[kept]
    seen = np.add.reduceat(successes[order], starts)[kept] / size[kept]
    size = size[kept]
    drawn = np.empty((RESAMPLES, len(size)))
    for k in range(RESAMPLES):
        again = np.add.reduceat(rng.binomial(n.astype(np.int64), np.clip(p, 0, 1)), starts)[kept]
        drawn[k] = rising(again / size, size)
    tail = (1 - conf_level) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), axis=0)
    return pd.DataFrame(
        {
            "predicted": centre,
            "trials": size,
            "estimate": rising(seen, size),
            "conf_low": low,
            "conf_high": high,
        }
    )


def rising(y: Floats, weights: Floats) -> Floats:
    """Return the weighted least squares fit that never falls (pool adjacent violators).

    Parameters
    ----------
    y, weights : ndarray, shape (n,)

    Examples
    --------
    >>> rising(np.array([0.0, 1.0, 0.0, 2.0]), np.ones(4)).tolist()
    [0.0, 0.5, 0.5, 2.0]
    """
    means: list[float] = []
    held: list[float] = []
    counts: list[int] = []
    for value, weight in zip(y.tolist(), weights.tolist(), strict=True):
        mean, mass, count = value, weight, 1
        while means and means[-1] >= mean:
            total = mass + held[-1]
            mean = (mean * mass + means.pop() * held.pop()) / total
            mass, count = total, count + counts.pop()
        means.append(mean)
        held.append(mass)
        counts.append(count)
    return np.repeat(means, counts)
