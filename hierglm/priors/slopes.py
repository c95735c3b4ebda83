"""How hard a prior pulls: log densities and their slopes, for fits that penalise with them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.priors.distributions import Prior

Floats = NDArray[np.float64]


def slope(prior: Prior, x: float) -> float:
    """Return d log p(x) / dx.

    Parameters
    ----------
    prior : Prior
        Of a single parameter.
    x : float
        Inside its support.

    Examples
    --------
    >>> from hierglm.priors.distributions import gamma, normal
    >>> slope(normal(1, 2), 3), slope(gamma(3, 0.5), 2)
    (-0.5, 0.5)
    """
    n = prior.numbers
    match prior.kind:
        case "normal" | "student_t" | "cauchy":
            location, precision = pull([prior], np.array([x]))
            return float(-precision[0] * (x - location[0]))
        case "exponential":
            return -n[0]
        case "gamma":
            return (n[0] - 1) / x - n[1]
        case "inv_gamma":
            return -(n[0] + 1) / x + n[1] / x**2
        case "beta":
            return (n[0] - 1) / x - (n[1] - 1) / (1 - x)
        case _:
            return 0.0


def log_density(prior: Prior, x: float) -> float:
    """Return log p(x) up to a constant.

    Parameters
    ----------
    prior : Prior
        Of a single parameter.
    x : float
        Inside its support.
    """
    n = prior.numbers
    match prior.kind:
        case "normal":
            return -0.5 * ((x - n[0]) / n[1]) ** 2
        case "student_t":
            return -0.5 * (n[0] + 1) * math.log1p(((x - n[1]) / n[2]) ** 2 / n[0])
        case "cauchy":
            return -math.log1p(((x - n[0]) / n[1]) ** 2)
        case "exponential":
            return -n[0] * x
        case "gamma":
            return (n[0] - 1) * math.log(x) - n[1] * x
        case "inv_gamma":
            return -(n[0] + 1) * math.log(x) - n[1] / x
        case "beta":
            return (n[0] - 1) * math.log(x) + (n[1] - 1) * math.log1p(-x)
        case _:
            return 0.0


def pull(priors: Sequence[Prior], at: Floats) -> tuple[Floats, Floats]:
    """Return centre and precision of the normal priors with the same slopes at a point.

    A Student t density with df n, centre m and scale s has the slope of a normal one with
    precision (n + 1) / (n s^2 + (x - m)^2) (Lange, Little and Taylor 1989).

    Parameters
    ----------
    priors : sequence of Prior
        Of real parameters.
    at : ndarray, shape (parameters,)

    Returns
    -------
    tuple of ndarray, shape (parameters,)
        Precision 0 for a flat prior.
    """
    location, precision = np.zeros(len(priors)), np.zeros(len(priors))
    for i, (prior, x) in enumerate(zip(priors, at, strict=True)):
        n = prior.numbers
        match prior.kind:
            case "normal":
                location[i], precision[i] = n[0], np.float64(n[1]) ** -2
            case "student_t":
                location[i] = n[1]
                precision[i] = (n[0] + 1) / (n[0] * n[2] ** 2 + (x - n[1]) ** 2)
            case "cauchy":
                location[i] = n[0]
                precision[i] = 2 / (n[1] ** 2 + (x - n[0]) ** 2)
            case "constant":
                location[i] = n[0]
            case _:
                pass
    return location, precision
