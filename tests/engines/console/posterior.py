"""The posterior of normal.stan in closed form."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Y = np.array([1.2, 0.4, 2.2, 1.9, 0.8, 1.5])
DATA = {
    "N": len(Y),
    "y": Y.tolist(),
    "sd_y": 1.5,
    "sd_mu": 2.0,
    "m_b": [1.0, -2.0],
    "V_b": [[1.0, 0.48], [0.48, 0.36]],
    "m_scale": 0.5,
    "sd_scale": 0.3,
    "fault": 0,
}

_PRECISION = len(Y) / 1.5**2 + 1 / 2.0**2
MEAN = np.array([Y.sum() / 1.5**2 / _PRECISION, 1.0, -2.0, 0.5])
"""Of mu, b[1], b[2] and log(scale)."""

COVARIANCE = np.zeros((4, 4))
COVARIANCE[0, 0] = 1 / _PRECISION
COVARIANCE[1:3, 1:3] = DATA["V_b"]
COVARIANCE[3, 3] = 0.3**2
SD = np.sqrt(np.diag(COVARIANCE))

CONSTANT = 0.5 * ((Y**2).sum() / 1.5**2 - MEAN[0] ** 2 * _PRECISION + math.log(2 * math.pi))
"""The log density at its mode, but for the sign: what completing the square leaves over, and
the constant that Stan keeps in its lognormal density."""


@dataclass(frozen=True)
class Density:
    """Log density and gradient at one point of the unconstrained scale.

    Stan's own, as ``method=log_prob`` tells them: without the constants that it drops.
    """

    value: float
    gradient: np.ndarray


def log_density(point: np.ndarray, *, jacobian: bool = True) -> Density:
    """Return the log density of (mu, b, log(scale)) and its gradient.

    Without the Jacobian it is that of scale itself, divided by scale.
    """
    off = point - MEAN
    solved = np.linalg.solve(COVARIANCE, off)
    value, gradient = -0.5 * off @ solved - CONSTANT, -solved
    if not jacobian:
        value, gradient = value - point[3], gradient - np.eye(4)[3]
    return Density(float(value), gradient)


def write_data(folder: Path, **changes: object) -> Path:
    """Write the data as JSON, some of it changed."""
    file = folder / "data.json"
    file.write_text(json.dumps({**DATA, **changes}))
    return file


def unconstrained(mu: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return draws as rows of (mu, b[1], b[2], log(scale))."""
    return np.column_stack([mu, b, np.log(scale)])


MODE = {"mu": float(MEAN[0]), "b": [1.0, -2.0], "scale": math.exp(0.5)}
"""Where the density of the unconstrained parameters is highest."""
