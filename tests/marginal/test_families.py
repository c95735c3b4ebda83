"""Every kind of family: comparisons are differences of predictions of changed rows."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from hierglm.parts import ResponsePart
from hierglm.posterior import Fit
from tests.marginal.fits import rows_of_fit
from tests.variance.given import given_fit

DATA = rows_of_fit().assign(
    t=lambda d: np.abs(d["y"]) + 0.1,
    u=lambda d: 1 / (1 + np.exp(-d["y"])),
    h=lambda d: np.where(d["n"] > 4, "more", "less"),
)
FAMILIES = {
    "student": ("y ~ x + h + (1 | g)", "sigma ~ x"),
    "lognormal": ("t ~ x + h + (1 | g)",),
    "gamma": ("t ~ x + h",),
    "beta": ("u ~ x + h", "phi ~ h"),
    "negbinomial": ("count ~ x + h",),
    "hurdle_poisson": ("count ~ x + h", "hu ~ x + h"),
    "zero_inflated_poisson": ("count ~ x + h + (1 | g)",),
    "categorical": ("f ~ x + h",),
    "beta_binomial": ("s | trials(n) ~ x + h",),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_comparisons_are_differences_of_predictions(family: str) -> None:
    made = given_fit([ResponsePart(FAMILIES[family], family)], DATA)
    fit = Fit(**{f.name: getattr(made, f.name) for f in fields(made)})
    more, less = (
        fit.predict(DATA.assign(h=value, n=1), summary=False).mean("row").to_numpy()
        for value in ("more", "less")
    )
    found = fit.comparisons("h", summary=False)
    assert found["contrast"].item() == "more - less"
    np.testing.assert_allclose(found.squeeze("row"), more - less, atol=1e-13)
    # A longer step; its error is of the order of 1e-8.
    near = DATA.assign(x=DATA["x"] + 1e-4, n=1), DATA.assign(x=DATA["x"] - 1e-4, n=1)
    above, below = (fit.predict(rows, summary=False).mean("row").to_numpy() for rows in near)
    slope = fit.slopes("x", summary=False).squeeze("row")
    np.testing.assert_allclose(slope, (above - below) / 2e-4, rtol=1e-6, atol=1e-8)
