"""Importance weights smoothed by a Pareto tail, and k-hat."""

from typing import Any

import numpy as np
import pytest

from hierglm.draws.pareto import pareto_smoothed


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_khat_of_a_pareto_tail(k: float) -> None:
    log_ratios = np.random.default_rng(4).exponential(k, size=400_000)
    weights, khat = pareto_smoothed(log_ratios)
    # The tail has 3 sqrt(n) draws; the error of the shape is about (1 + k) / sqrt(tail).
    assert khat == pytest.approx(k, abs=4 * (1 + k) / np.sqrt(3 * np.sqrt(400_000)))
    assert np.exp(weights).sum() == pytest.approx(1)
    assert (np.argsort(weights) == np.argsort(log_ratios)).mean() > 0.99


@pytest.mark.parametrize(
    ("log_ratios", "khat"),
    [
        (np.zeros(50), 0.0),
        (np.full(50, -np.inf), np.inf),
        (np.array([0.0] * 49 + [np.nan]), np.inf),
        (np.arange(10.0), np.inf),
    ],
)
def test_khat_where_there_is_no_tail(log_ratios: Any, khat: float) -> None:
    weights, found = pareto_smoothed(log_ratios)
    assert found == khat
    assert np.exp(weights).sum() == pytest.approx(1)


def ratios(size: int, k: float) -> Any:
    """Return log ratios with a tail of shape k."""
    return np.random.default_rng(1).exponential(k, size=size)


# arviz.psislw of ArviZ 0.23.4: k-hat, largest and smallest log weight, by (size, k).
ARVIZ = {
    (25, 0.1): (0.5821034738200106, -2.8656569848189912, -3.327453778858307),
    (60, 0.5): (0.8943906902123337, -1.8872050188467022, -4.843907181245378),
    (1000, 0.5): (0.714727049354959, -3.412474704036594, -7.622663781867928),
    (4000, 0.2): (0.15865621528053026, -6.8297483441541225, -8.514290604212714),
    (4000, 0.9): (0.8061624968365186, -2.455752751171959, -10.036192921435624),
}


@pytest.mark.parametrize(("size", "k"), ARVIZ)
def test_weights_are_those_of_arviz(size: int, k: float) -> None:
    weights, khat = pareto_smoothed(ratios(size, k))
    found = (khat, weights.max(), weights.min())
    np.testing.assert_allclose(found, ARVIZ[size, k], rtol=1e-9)


def test_weights_do_not_depend_on_a_constant() -> None:
    one, other = (pareto_smoothed(ratios(100, 0.5) + c) for c in (0.0, 700.0))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-9)
    assert one[1] == pytest.approx(other[1])
