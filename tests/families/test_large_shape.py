"""Counts that are nearly Poisson's: chains visit shapes of 1e8, where digits may get lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from tests.densities import opened


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x = rng.normal(size=200)
    return pd.DataFrame({"y": rng.poisson(np.exp(1 + 0.5 * x)), "x": x})


@pytest.mark.parametrize(
    "family", ["negbinomial", "zero_inflated_negbinomial", "hurdle_negbinomial"]
)
@pytest.mark.parametrize("log_shape", [2.0, 12.0, 20.0, 24.0])
def test_the_density_is_as_smooth_as_its_gradient_says(
    counts: pd.DataFrame, family: str, log_shape: float
) -> None:
    prepared = hg.model("y ~ x", counts, family, plan="textbook")
    with opened(prepared._program) as density:
        values = {"shape": np.exp(log_shape), "Intercept": 1.0, "b": np.array([0.5])}
        if family != "negbinomial":
            values["hu" if "hurdle" in family else "zi"] = 0.01
        point = density.unconstrain(values)
        _, gradient = density(point)
        at = np.flatnonzero(np.isclose(point, log_shape))
        assert len(at) == 1
        step = np.zeros(density.size)
        step[at] = 1e-3
        higher, lower = (density(point + sign * step)[0] for sign in (1, -1))
    # The gradient is the shape times a difference of digammas, which know about 15 digits of
    # 20; the value has no such excuse: it is what Hamiltonian trajectories are accepted by.
    slope = (higher - lower) / 2e-3
    assert slope == pytest.approx(gradient[at[0]], abs=1e-4 + 1e-11 * np.exp(log_shape))
    if log_shape >= 20:
        # Poisson's likelihood knows no shape: the slope is that of inv_gamma(0.4, 0.3).
        assert slope == pytest.approx(-0.4, abs=1e-5)
