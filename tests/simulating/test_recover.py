"""Recovery and power against normal theory: a regression with a known error is in closed form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.errors import PriorError, SettingsError
from hierglm.simulating.power import fitted_values
from hierglm.simulating.recover import Recovery, share_error
from hierglm.simulating.responses import simulate

N = 120
"""Data sets."""
X = np.repeat([-1.0, 1.0], 12)
SD = 1 / np.sqrt(24)
"""Of the estimate of the slope of X, with errors of 1 and a flat prior."""


@pytest.fixture(scope="module")
def study() -> hg.PreparedModel:
    rng = np.random.default_rng(1)
    data = {"y": X + rng.normal(size=24), "x": X, "s": np.ones(24)}
    priors = {"b": hg.prior.normal(0, 100), "Intercept": hg.prior.normal(0, 1)}
    return hg.model("y | se(s) ~ x", data, priors=priors)


def test_recovery_of_least_squares(study):
    run = study.recover({"b[x]": 0.5, "b[Intercept]": 0.0}, N, seed=1, method="approx")
    own = run.estimates.query("parameter == 'b[x]'")
    assert set(own["truth"]) == {0.5}
    np.testing.assert_allclose(own["std_error"], SD, rtol=1e-4)
    wide = 2 * stats.norm.ppf(0.975) * SD
    np.testing.assert_allclose(own["conf_high"] - own["conf_low"], wide, rtol=1e-4)
    row = run.table().set_index("parameter").loc["b[x]"]
    assert row["bias"] == pytest.approx(0, abs=4 * SD / np.sqrt(N))
    assert row["rmse"] == pytest.approx(SD, rel=4 / np.sqrt(2 * N))
    assert row["coverage"] == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / N))
    assert row["bias_mcse"] == pytest.approx(SD / np.sqrt(N), rel=4 / np.sqrt(2 * N))
    assert "penalised fits, not posteriors" in str(run)


def test_power_of_a_z_test(study):
    found = study.power({"x": 0.5}, N, seed=2, method="approx", width=0.5)
    (row,) = found.to_dict("records")
    z = stats.norm.ppf(0.975)
    exact = stats.norm.sf(z - 0.5 / SD) + stats.norm.cdf(-z - 0.5 / SD)
    assert row["parameter"] == "b[x]"
    assert row["power"] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / N))
    assert row["power_mcse"] == pytest.approx(np.sqrt(exact * (1 - exact) / N), rel=0.3)
    # All intervals are 0.8 wide.
    assert row["precision"] == 0
    # Gelman and Carlin: the mean of |estimate| among those beyond the limits.
    grid = np.linspace(0.5 - 8 * SD, 0.5 + 8 * SD, 20_001)
    weight = stats.norm.pdf(grid, 0.5, SD) * (np.abs(grid) > z * SD)
    exaggeration = (weight @ np.abs(grid)) / weight.sum() / 0.5
    assert row["exaggeration"] == pytest.approx(exaggeration, rel=0.1)


def test_power_of_no_effect_is_the_share_of_errors(study):
    (row,) = study.power({"b[x]": 0.0}, N, seed=3, method="approx").to_dict("records")
    assert row["power"] == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / N))
    assert np.isnan(row["exaggeration"])


def test_other_values_come_from_the_fit_of_the_models_own_data():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(30), 10)
    x = rng.normal(3, 1, 300)
    data = {"y": 20 + x + rng.normal(0, 2, 30)[g] + rng.normal(size=300), "x": x, "g": g}
    prepared = hg.model("y ~ x + (1 | g)", data)
    own = prepared.approx().tidy().set_index("term")["estimate"]
    run = prepared.power({"x": 0.0}, 4, seed=5, method="approx")
    assert run["failures"].item() == 0
    # With the slope gone the intercept stays that at the means of the columns.
    values = fitted_values(prepared)
    centred = own["Intercept"].iloc[0] + own["x"] * x.mean()
    assert values["b[Intercept]"] == pytest.approx(centred)
    assert values["b[Intercept]"] == pytest.approx(np.mean(data["y"]), abs=0.5)
    assert values["sigma"] == pytest.approx(1, rel=0.2)
    assert values["sd[g:Intercept]"] == pytest.approx(2, rel=0.4)


def test_posteriors_recover_what_data_were_made_with(study):
    options = {"n": 4, "seed": 6, "chains": 2, "draws": 300}
    truth = {"b[x]": 0.5, "b[Intercept]": 0.0}
    run = study.recover(truth, **options)
    own = run.estimates.query("parameter == 'b[x]'")
    approx = study.recover(truth, n=4, seed=6, method="approx").estimates.query(
        "parameter == 'b[x]'"
    )
    # One seed, one set of data: posterior means are least squares but for Monte Carlo error.
    np.testing.assert_allclose(own["estimate"], approx["estimate"], atol=5 * SD / np.sqrt(300))
    with ThreadPoolExecutor(2) as pool:
        again = study.recover(truth, **options, executor=pool)
    assert again.estimates.equals(run.estimates)


def test_fits_that_are_not_to_be_trusted_are_told(study):
    options = {"n": 1, "seed": 6, "chains": 2, "draws": 20}
    truth = {"b[x]": 0.5, "b[Intercept]": 0.0}
    found = study.power({"x": 0.5}, truth=truth, **options)
    # What the check of the fit of the data set says first.
    (data,) = simulate(study.model, 1, 6, truth)
    fit = study.of(data.model).fit(seed=data.seed, chains=2, draws=20, progress=False)
    first = next(str(f) for f in fit.check() if f.severity == "problem")
    assert found[["failures", "troubles"]].values.tolist() == [[0, 1]]
    assert found.attrs == {"seed": 6, "failures": (), "troubles": (f"data set 0: {first}",)}


def test_picture_names_the_share_of_intervals_that_hold_the_truth(study):
    run = study.recover(n=10, seed=7, method="approx")
    share = run.table().set_index("parameter")["coverage"]["b[x]"]
    titles = [panel.get_title(loc="left") for panel in run.plot().axes]
    assert f"b[x]  {share:.0%}" in titles


def test_printed_names_are_whole_and_not_too_many():
    names = ["b[floor_measure]", *(f"r[county_idx:{k},Intercept]" for k in range(85))]
    rows = [(k, name, "", 0.1, 0.2, 0.05, 0.1, 0.3, True) for name in names for k in range(3)]
    columns = ["dataset", "parameter", "effect", "truth", "estimate", "std_error", "conf_low",
               "conf_high", "covered"]  # fmt: skip
    run = Recovery(
        pd.DataFrame(rows, columns=columns), (), ("data set 2: it diverged",), 0.95, 1, False
    )
    head, _, columns_line, *lines, last, _, trouble = str(run).splitlines()
    assert trouble == "fits of 1 data set are not to be trusted, such as data set 2: it diverged"
    assert "of 3 data sets" in head
    assert columns_line.split() == ["parameter", "truth", "bias", "bias_mcse", "rmse", "coverage"]
    assert [line.split()[0] for line in lines] == names[:24]
    assert last == "(62 more: .table())"


def test_shares_of_none_and_all_have_an_error():
    exact = pytest.approx(np.sqrt(0.02 * 0.98) / 10)
    assert share_error(0.0, 96) == exact
    assert share_error(1.0, 96) == exact


def test_unknown_names_are_told(study):
    with pytest.raises(SettingsError, match="no effect 'z'"):
        study.power({"z": 1.0}, 2)
    with pytest.raises(PriorError, match="b\\[z\\]"):
        study.recover({"b[z]": 1.0}, 2)
    with pytest.raises(SettingsError, match="needs an effect"):
        study.power({}, 2)
    with pytest.raises(SettingsError, match="'fit' or 'prior'"):
        study.power({"x": 1.0}, 2, others="mean")
    with pytest.raises(SettingsError, match="'ran_vals', and not 'ran_coefs'"):
        study.recover(n=2, effects="ran_coefs")
