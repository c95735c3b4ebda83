"""Programs without a penalised fit: chains do not see the units of columns and responses."""

from __future__ import annotations

import numpy as np
import pytest

import hierglm as hg
from hierglm.engines.starts import starting_values
from hierglm.priors import distributions as prior
from hierglm.program.fragment import Program
from tests.densities import opened
from tests.program.oracles import simulated

CASES: dict[str, tuple[list[str], str, tuple[str, ...]]] = {
    "shape": (
        ["count ~ x + (x | g)", "shape ~ z + (0 + x | h)"], "negbinomial",
        ("sd", "sd@.shape")),
    "scores": (["kind ~ x + z + (x | g)"], "categorical", ("sd@.mub", "sd@.muc")),
    "zeros": (["count ~ x", "zi ~ x + (x | g)"], "zero_inflated_poisson", ("sd@.zi",)),
    "sigma": (
        ["y ~ x + (x | g)", "sigma ~ z + (1 | h)"], "student",
        ("sd", "Intercept", "Intercept@.sigma")),
    "one sd": (["y ~ 0 + x + iso(0 + z | g)", "nu ~ z"], "student", ("sd", "sigma")),
    "tails": (
        ["y ~ x + (x | gr(g, dist='student'))", "nu ~ x"], "student",
        ("sd", "sigma", "Intercept")),
}  # fmt: skip
"""Formulas, a family, and priors that are made flat: the defaults of these have units."""


def written(case: str, x: float, y: float) -> Program:
    """Return the program of a case with columns and response in other units."""
    formulas, family, flat = CASES[case]
    data = simulated().assign(
        x=lambda d: (d["x"] - d["x"].mean()) * x,
        z=lambda d: (d["z"] - d["z"].mean()) * x**0.5,
        y=lambda d: d["y"] * y,
        kind=lambda d: np.array(list("abc"))[d["n"] % 3],
    )
    priors = dict.fromkeys(flat, prior.flat())
    return hg.model(formulas, data, family, priors=priors)._program


def slopes(made: Program) -> np.ndarray:
    """Return those of the log density, unconstrained, where three chains start."""
    assert made.start
    assert not made.led
    with opened(made) as density:
        at = [density.unconstrain(values) for values in starting_values(made, 3, 5)]
        return np.array([density(place)[1] for place in at])


@pytest.mark.parametrize(("x", "y"), [(1e6, 1.0), (1e-6, 1.0), (1e4, 1e8), (1.0, 1e-8)])
@pytest.mark.parametrize("case", CASES)
def test_they_start_at_the_same_place_and_see_the_same_slopes(
    case: str, x: float, y: float
) -> None:
    expected = slopes(written(case, 1.0, 1.0))
    np.testing.assert_allclose(slopes(written(case, x, y)), expected, rtol=1e-6, atol=1e-6)


def test_columns_without_an_intercept_count_from_zero() -> None:
    """A mean of a million alone moves the predictor, by 2 for the farthest start."""
    data = simulated().assign(x=lambda d: 1e6 + d["x"], y=lambda d: d["y"] / 1e6)
    made = hg.model(["y ~ z", "sigma ~ 0 + x"], data, "student")._program
    assert made.start["b_sigma"].unit == pytest.approx(1e-6, rel=1e-5)
    assert np.isfinite(slopes(made)).all()


def test_a_slope_of_large_numbers_is_found() -> None:
    r = np.random.default_rng(2)
    x = r.normal(size=200)
    data = {"x": x, "y": r.gamma(4, np.exp(0.5 + 0.3 * x) / 4)}
    small, large = (
        hg.fit(["y ~ x", "shape ~ x"], d, "gamma", seed=1, progress=False).summary()
        for d in (data, {**data, "x": 1e5 * x})
    )
    slopes = small["term"] == "x"
    assert slopes.sum() == 2
    # Other chains, since rounding soon tells.
    assert (large["rhat"] < 1.01).all()
    error = small["std_error"] * np.hypot(small["ess_bulk"] ** -0.5, large["ess_bulk"] ** -0.5)
    away = 1e5 * large["estimate"] - small["estimate"]
    assert (np.abs(away / error)[slopes] < 5).all()
