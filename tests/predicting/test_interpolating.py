"""Averages by interpolation against the trapezoidal rule with very many points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hierglm.predicting import interpolating
from hierglm.predicting.interpolating import ABSOLUTE, ENOUGH, RELATIVE, interpolated
from hierglm.predicting.logistic_normal import logistic_normal

Z = np.linspace(-12, 12, 4_001)
DENSITY = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()
# The middle and the spread of a row's linear predictors and of its log sd.
ROWS = [
    (0.0, 0.1, -0.5, 0.1),
    (0.7, 0.3, 0.0, 0.3),
    (-3.0, 0.5, 0.5, 0.4),
    (4.0, 0.2, 1.0, 0.2),
    (-9.0, 0.3, -1.0, 0.3),
    (1.0, 0.0, 0.0, 0.0),
    (1.0, 0.2, -9.0, 1.0),
    (2.0, 0.5, 1.55, 0.1),
    (5.0, 1.0, 3.0, 0.2),
    (0.0, 3.0, 0.0, 1.5),
]


def draws(size: int = ENOUGH) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    eta = [rng.normal(m, s, size) for m, s, *_ in ROWS]
    sd = [np.exp(rng.normal(m, s, size)) for *_, m, s in ROWS]
    return np.stack(eta, axis=1), np.stack(sd, axis=1)


def exact(eta: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """The tail that is small keeps its digits."""
    return np.array([expit(e + s * Z) @ DENSITY for e, s in zip(eta, sd, strict=True)])


@pytest.fixture(scope="module")
def found() -> np.ndarray:
    eta, sd = draws()
    return interpolated(logistic_normal, eta, sd**2)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_error(found: np.ndarray, row: int) -> None:
    eta, sd = (x[::7, row] for x in draws())
    expected = exact(eta, sd)
    # That of the direct way (1e-9, and 2.1e-9 where sd is 5 or more) and that of interpolation.
    assert np.abs(found[::7, row] - expected).max() < (1e-9 if sd.max() < 5 else 2.2e-9) + ABSOLUTE
    if sd.max() <= 1:
        assert np.abs(found[::7, row] / expected - 1).max() < 1e-8


def test_few_values_are_computed_for_most_rows() -> None:
    """Of 143 or 623 a row; rows 2 and 9, whose draws lie too far apart, are done directly."""
    sizes: list[int] = []

    def direct(eta: np.ndarray, variance: np.ndarray) -> np.ndarray:
        sizes.append(eta.size)
        return logistic_normal(eta, variance)

    eta, sd = draws()
    interpolated(direct, eta, sd**2)
    few, more, left = sizes
    assert few == 13 * 11 * len(ROWS)
    assert more <= 24 * 20 * 5
    assert left == 2 * len(eta)


def test_another_function() -> None:
    """exp(a eta + b v) has no bound; every row keeps its digits."""

    def direct(eta: np.ndarray, variance: np.ndarray) -> np.ndarray:
        return np.exp(0.1 * eta + 0.005 * variance)

    eta, sd = draws()
    expected = direct(eta, sd**2)
    found = interpolated(direct, eta, sd**2)
    assert np.abs(found / expected - 1).max() < 2 * RELATIVE


def test_layout_and_shape_make_no_difference(found: np.ndarray) -> None:
    eta, sd = draws()
    v = sd**2
    again = interpolated(logistic_normal, np.asfortranarray(eta), v)
    np.testing.assert_array_equal(again, found)
    cube = interpolated(logistic_normal, eta.reshape(-1, 2, 5), v.reshape(-1, 2, 5))
    assert cube == pytest.approx(found.reshape(-1, 2, 5), abs=1e-9)
    # One variance for all rows, and few draws: directly.
    one = interpolated(logistic_normal, eta, v[:, :1])
    assert one == pytest.approx(logistic_normal(eta, v[:, :1]), abs=1e-9)
    np.testing.assert_array_equal(
        interpolated(logistic_normal, eta[:20], v[:20]), logistic_normal(eta[:20], v[:20])
    )


def test_draws_that_are_no_numbers_are_left_to_the_direct_way() -> None:
    eta, sd = draws()
    eta[3, 0], eta[5, 1], sd[7, 2] = np.nan, np.inf, np.nan
    found = interpolated(logistic_normal, eta, sd**2)
    assert np.argwhere(np.isnan(found)).tolist() == [[3, 0], [7, 2]]
    assert found[5, 1] == pytest.approx(1, abs=1e-14)


def test_powers_of_chebyshev_polynomials() -> None:
    """A polynomial of the degree that the points have is found exactly."""
    points, coefficients, powers = interpolating._chebyshev(5)
    by_power = np.array([0.5, -1.0, 2.0, 0.25, -3.0])
    values = np.polynomial.polynomial.polyval(points, by_power)
    assert powers.T @ (coefficients @ values) == pytest.approx(by_power)
