"""Weights with which the predictive distributions of several models are best mixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CLOSE = 1e-10
"""What is left to gain in the mean log score."""
_STEPS = 1000


def stacking_weights(elpd: Floats) -> Floats:
    """Return the weights that maximise the sum of log(sum of w_k exp(elpd_ik)) (Yao et al. 2018).

    The maximum is one of a concave function over weights that sum to 1. Sequential quadratic
    programming finds the weights; where one of them is 0 or 1 it says so exactly.

    Parameters
    ----------
    elpd : ndarray, shape (units, models)
        Log density of each unit given the others.

    Returns
    -------
    ndarray, shape (models,)

    Examples
    --------
    >>> stacking_weights(np.log([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])).round(4).tolist()
    [0.7083, 0.2917]
    """
    from scipy.optimize import minimize

    count = elpd.shape[1]
    if count == 1:
        return np.ones(1)
    density = np.exp(elpd - elpd.max(axis=1, keepdims=True))

    def loss(weights: Floats) -> tuple[float, Floats]:
        mixed = np.maximum(density @ weights, np.finfo(np.float64).tiny)
        return -float(np.log(mixed).mean()), -(density / mixed[:, None]).mean(axis=0)

    found = minimize(
        loss,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": _CLOSE**1.5, "maxiter": _STEPS},
    )
    weights = np.clip(found.x, 0.0, None)
    return np.asarray(weights / weights.sum())
