"""Means of the logistic function against the trapezoidal rule with very many points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hierglm.predicting.logistic_normal import WIDEST, logistic_normal

Z = np.linspace(-12, 12, 4_001)
DENSITY = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()
ETA = np.linspace(-30, 30, 121)
SDS = [0, 0.01, 0.1, 0.3, 0.45, 0.47, 0.5, 0.6, 0.7, 0.8, 1, 1.4, 2, 3, 4.99, WIDEST, 5.01, 9, 30]


def exact(eta: float, sd: float) -> float:
    """The tail that is small keeps its digits."""
    return float(expit(eta + sd * Z) @ DENSITY)


@pytest.mark.parametrize("sd", SDS)
def test_error(sd: float) -> None:
    expected = np.array([exact(eta, sd) for eta in ETA])
    found = logistic_normal(ETA, np.array(sd**2))
    # What the documentation says of the mixture; the rule alone is closer.
    assert np.abs(found - expected).max() < (1e-9 if sd <= WIDEST else 2.2e-9)
    # Small probabilities, whose logarithm people look at.
    if sd <= 1:
        assert np.abs(found / expected - 1).max() < 1e-8


def test_shapes_and_chunks() -> None:
    """Each number is that of its own sd, wherever it stands."""
    rng = np.random.default_rng(1)
    eta, sd = rng.normal(0, 3, (70, 150)), rng.uniform(0, 8, (70, 1))
    found = logistic_normal(eta, sd**2)
    assert found.shape == (70, 150)
    for i, j in zip(rng.integers(0, 70, 40), rng.integers(0, 150, 40), strict=True):
        assert found[i, j] == pytest.approx(exact(eta[i, j], sd[i, 0]), abs=2.2e-9)
    cube = logistic_normal(eta[:, :6].reshape(70, 2, 3), sd[:, :, None] ** 2)
    assert cube == pytest.approx(found[:, :6].reshape(70, 2, 3), abs=4.4e-9)


def test_a_number_does_not_depend_on_its_neighbours() -> None:
    """Beside a very large variance a small probability keeps its digits."""
    found = logistic_normal(np.array([-15.0, 0.0]), np.array([0.25, 900.0]))
    assert found[0] == pytest.approx(exact(-15.0, 0.5), rel=1e-8)


def test_ends() -> None:
    eta = np.array([-np.inf, -800.0, 800.0, np.inf, np.nan])
    found = logistic_normal(eta, np.array(1.0))
    assert found[:4] == pytest.approx([0, 0, 1, 1], abs=1e-300)
    assert np.isnan(found[4])
