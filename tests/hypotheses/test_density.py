"""Densities at a point against those of the distributions that the draws are from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hierglm.hypotheses.density import density_at

U = (np.arange(20_000) + 0.5) / 20_000
"""Quantiles in place of draws: what is left is bias."""


@pytest.mark.parametrize(
    ("law", "at", "low", "high", "tolerance"),
    [
        (stats.norm(1, 2), 1.0, -np.inf, np.inf, 0.005),
        (stats.norm(1, 2), 6.0, -np.inf, np.inf, 0.02),
        (stats.t(4), 0.0, -np.inf, np.inf, 0.03),
        (stats.t(4), 3.0, -np.inf, np.inf, 0.05),
        (stats.gamma(3), 2.0, 0.0, np.inf, 0.01),
        (stats.expon(), 0.0, 0.0, np.inf, 0.02),
        (stats.expon(), 0.1, 0.0, np.inf, 0.02),
        (stats.halfnorm(), 0.0, 0.0, np.inf, 0.02),
        (stats.uniform(), 1.0, 0.0, 1.0, 0.01),
        (stats.uniform(), 0.5, 0.0, 1.0, 0.01),
        (stats.beta(2, 1), 1.0, 0.0, 1.0, 0.02),
    ],
)
def test_density(law: Any, at: float, low: float, high: float, tolerance: float) -> None:
    found, how = density_at(law.ppf(U), at, low, high)
    assert how == ("edge kernel" if at in (low, high) or at == 0.1 else "local likelihood")
    assert found == pytest.approx(law.pdf(at), rel=tolerance)


def test_of_normal_draws_there_is_no_bias_where_a_kernel_has_it() -> None:
    x = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    found, _ = density_at(x, 2.5)
    assert found == pytest.approx(stats.norm.pdf(2.5), rel=0.03)
    plain = stats.gaussian_kde(x, "silverman")(2.5)[0]
    assert abs(found - stats.norm.pdf(2.5)) < abs(plain - stats.norm.pdf(2.5)) / 2


def test_far_out_the_normal_density_is_left() -> None:
    x = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    found, how = density_at(x, 6.0)
    assert how == "normal tail"
    assert found == pytest.approx(stats.norm.pdf(6.0, x.mean(), x.std()), rel=1e-12)


def test_far_from_an_edge_there_is_a_bound() -> None:
    x = 10 + stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    found, how = density_at(x, 0.0, 0.0)
    assert how == "upper bound"
    assert stats.norm.pdf(0, 10) < found < 0.01


def test_outside_and_constant() -> None:
    assert density_at(U, -1.0, 0.0, 1.0) == (0.0, "outside")
    found, how = density_at(np.ones(10), 1.0)
    assert np.isnan(found)
    assert how == "constant"


@pytest.mark.parametrize("turn", [lambda x: x, lambda x: 1 - x])
def test_both_edges_are_alike(turn: Callable[[Any], Any]) -> None:
    x = stats.beta(1, 3).ppf(U)
    found, _ = density_at(turn(x), float(turn(0.0)), 0.0, 1.0)
    assert found == pytest.approx(3, rel=0.05)
