"""Comparison and stacking against the R package loo, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.comparing.compare import compare
from hierglm.comparing.elpd import Elpd
from hierglm.comparing.stacking import stacking_weights
from hierglm.comparing.units import ROW, Units
from hierglm.draws.pareto import pareto_smoothed
from hierglm.errors import DataError, SettingsError
from hierglm.posterior import Fit
from tests.comparing import fits
from tests.comparing.test_loo import matrices

# The R package loo 2.5.1 on loo(l, r_eff = rep(0.7, 8)) of each of `matrices()`:
# loo_compare(): elpd_diff, se_diff, elpd_loo, se_elpd_loo, p_loo of models 3, 1, 2
COMPARED = np.array(
    [
        [0.0, 0.0, -33.6769618871, 13.7251273813, 4.22441250359],
        [-3.89283061344, 8.84585599376, -37.5697925005, 17.7037833923, 7.92702347505],
        [-15.09192036543, 14.32290070012, -48.7688822525, 23.0332208179, 20.01707189438],
    ]
)
# loo_model_weights(method = "stacking", optim_control = list(reltol = 1e-15))
STACKED = [0.466172874464159, 0.0, 0.533827125535810]


@pytest.fixture(scope="module")
def three() -> dict[str, Elpd]:
    """Return what the R package had."""
    found = {}
    for k, values in enumerate(matrices(), 1):
        pairs = [pareto_smoothed(-x, 0.7) for x in values.T]
        elpd = [np.logaddexp.reduce(x + w) for x, (w, _) in zip(values.T, pairs, strict=True)]
        found[f"model{k}"] = Elpd(
            "PSIS-LOO", f"model{k}", Units(ROW, np.arange(8), np.arange(8)), np.array(elpd),
            np.logaddexp.reduce(values) - np.log(1000), np.array([k for _, k in pairs]), None,
            1000, None, "the same",
        )  # fmt: skip
    return found


def test_comparison_is_that_of_the_r_package(three: dict[str, Elpd]) -> None:
    table = compare(three).table
    assert table["model"].tolist() == ["model3", "model1", "model2"]
    numbers = table[["elpd_diff", "se_diff", "elpd", "se", "p"]].to_numpy()
    np.testing.assert_allclose(numbers, COMPARED, rtol=1e-9, atol=1e-12)
    weights = table.set_index("model")["weight"][["model1", "model2", "model3"]]
    # R's own optimiser is a barrier method: the eighth digit is its.
    np.testing.assert_allclose(weights, STACKED, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_stacking_weights_are_at_the_maximum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    elpd = rng.normal(-2, 1, (50, 6)) + rng.normal(0, 0.3, 6)
    weights = stacking_weights(elpd)
    density = np.exp(elpd)
    gain = (density / (density @ weights)[:, None]).mean(axis=0)
    # The conditions of Karush, Kuhn and Tucker: nobody gains by a shift of weight.
    assert weights.sum() == pytest.approx(1)
    assert np.all(weights >= 0)
    assert np.all(gain < 1 + 1e-4)
    np.testing.assert_allclose(gain[weights > 1e-3], 1, atol=1e-3)


def test_stacking_does_not_care_about_the_scale_of_a_unit() -> None:
    elpd = np.random.default_rng(1).normal(-2, 1, (30, 3))
    far = elpd - np.linspace(0, 2000, 30)[:, None]
    np.testing.assert_allclose(stacking_weights(far), stacking_weights(elpd), atol=1e-6)


def test_words_say_what_a_difference_is_worth(three: dict[str, Elpd]) -> None:
    found = compare(three)
    assert found.lines[:3] == (
        "model1: 3.9 below model3 (standard error 8.8), a small difference: take either.",
        "model2: 15.1 below model3 (standard error 14.3), less than two standard errors: the "
        "data do not decide.",
        "With 8 rows the standard errors are likely too small (fewer than 100).",
    )
    assert any(line.startswith("model1: 1 of 8 units move") for line in found.lines)
    assert "PSIS-LOO of 8 rows, the best model first" in repr(found)


@pytest.fixture(scope="module")
def two() -> tuple[Fit, Fit]:
    return fits.pooled(draws=1000), fits.grouped(draws=1000)


def test_fits_are_compared_by_loo(two: tuple[Fit, Fit]) -> None:
    found = hg.compare(*two)
    assert set(found.table["model"]) == {"y | se(se) ~ 1", "y | se(se) ~ 1 + (1 | g)"}
    by_name = found.table.set_index("model")["elpd"]
    assert by_name["y | se(se) ~ 1"] == two[0].loo().elpd


def test_the_same_formula_twice_gets_numbers(two: tuple[Fit, Fit]) -> None:
    found = compare(two[0], two[0])
    assert found.table["model"].tolist() == ["y | se(se) ~ 1", "y | se(se) ~ 1 #2"]
    assert found.table["elpd_diff"].tolist() == [0, 0]


def test_different_data_are_refused(two: tuple[Fit, Fit], three: dict[str, Elpd]) -> None:
    one, other = two[0].loo(), two[1].loo()
    data = fits.table()
    logged: dict[str, Any] = {**data, "y": np.log(np.abs(data["y"]))}
    fit = hg.fit("y | se(se) ~ 1", logged, chains=1, warmup=10, draws=30, seed=1)
    with pytest.raises(DataError, match="'a' and 'b' have different responses"):
        compare({"a": one, "b": fit})
    with pytest.raises(DataError, match="'a' has 22 rows, 'b' 8; fit all to the same rows"):
        compare({"a": one, "b": three["model1"]})
    with pytest.raises(SettingsError, match="'a' has PSIS-LOO, 'b' WAIC; compare the same"):
        compare({"a": one, "b": two[1].waic()})
    with pytest.raises(SettingsError, match="'a' leaves out 'row', 'b' 'g'"):
        compare({"a": one, "b": two[1].loo(unit="g")})
    folds = np.arange(22) % 2 + 1
    by_fold = [replace(x, method="2-fold", folds=f) for x, f in ((one, folds), (other, 3 - folds))]
    with pytest.raises(SettingsError, match=r"different folds; give kfold\(\) the same seed"):
        compare(*by_fold)


def test_what_is_no_fit_is_refused(two: tuple[Fit, Fit]) -> None:
    with pytest.raises(SettingsError, match="at least two models, not 1"):
        compare(two[0])
    with pytest.raises(SettingsError, match="'b' is a float"):
        compare({"a": two[0], "b": 3.0})  # type: ignore[dict-item]
    with pytest.raises(SettingsError, match="unit='g' is for fits"):
        compare(two[0].loo(), two[1].loo(), unit="g")
