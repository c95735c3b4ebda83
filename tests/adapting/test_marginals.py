"""Marginal methods of adapted fits against sums over their draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.adapting.adapted import Adapted


@pytest.fixture(scope="module")
def adapted() -> Adapted:
    rng = np.random.default_rng(1)
    g = np.arange(60) % 5
    x = rng.normal(size=60)
    eta = 0.4 * x + rng.normal(size=5)[g]
    data = {"y": rng.random(60) < 1 / (1 + np.exp(-eta)), "x": x, "g": np.array(list("abcde"))[g]}
    fit = hg.fit("y ~ x + (1 | g)", data, "bernoulli", chains=2, warmup=150, draws=200, seed=2)
    return fit.adapt(
        {"y": [1, 1, 1, 0], "x": [0.5, -0.5, 0.0, 1.0], "g": ["new", "new", "new", "a"]}
    )


def mean(adapted: Adapted, x: Any, level: str) -> Any:
    """Return the probability at a value of x for each draw."""
    b, r = adapted.draws["b"].values[0], adapted.draws["r_g"]
    levels = r.dims[0][1].tolist()
    eta = b[:, 0] + b[:, 1] * x + r.values[0][:, levels.index(level), 0]
    return 1 / (1 + np.exp(-eta))


def test_effects_and_comparisons_know_what_was_learned(adapted: Adapted) -> None:
    found = adapted.effects("x", at={"x": [0.0, 1.0], "g": ["new", "a"]})
    for x, level, estimate in found[["x", "g", "estimate"]].to_numpy():
        assert estimate == pytest.approx(mean(adapted, x, level).mean(), rel=1e-12)
    (gap,) = adapted.comparisons("x", [0.0, 1.0], at={"g": ["new"]})["estimate"]
    expected = mean(adapted, 1.0, "new") - mean(adapted, 0.0, "new")
    assert gap == pytest.approx(expected.mean(), rel=1e-12)


def test_slopes_and_means(adapted: Adapted) -> None:
    (slope,) = adapted.slopes("x", target="linear")["estimate"]
    assert slope == pytest.approx(adapted.draws["b"].values[0, :, 1].mean(), rel=1e-8)
    draws = adapted.means("g", at={"g": ["new", "a"], "x": 0.3}, contrasts=True, summary=False)
    assert dict(draws.sizes)["chain"] == 1
    expected = mean(adapted, 0.3, "new") - mean(adapted, 0.3, "a")
    assert draws.values.ravel() == pytest.approx(expected, rel=1e-12)
