"""What an adapted fit says and predicts, when it refuses, and whether a refit agrees."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.engines.methods import Optimize
from hierglm.errors import DataError, ResponseError, SettingsError
from hierglm.families.links import LOGIT
from tests.adapting.exact import SDS, SIGMA, design_of, fit_of, posterior

R = np.random.default_rng(21)
OLD = pd.DataFrame({"y": R.normal(size=40), "x": R.normal(size=40)})
OLD["g"] = np.resize(list("abcd"), 40)
OLD["f"] = np.resize(["lo", "hi"], 40)
NEW = pd.DataFrame({"y": [1.0, 2.0], "x": [0.5, -0.5], "g": ["z", "z"], "f": ["lo", "hi"]})
LATER = pd.DataFrame({"x": [2.0, 2.0, 2.0, 1.0], "g": ["z", "a", "q", "q"]}, index=list("kmno"))


def made(formula="y ~ x + (x | g)", count=4000, family="gaussian", data=OLD):
    design = design_of(formula, data)
    theta = posterior(design).draw(count, 1)
    return fit_of(design, theta, family)


@pytest.fixture(scope="module")
def fit():
    return made()


@pytest.fixture(scope="module")
def adapted(fit):
    return fit.adapt(NEW)


def test_coefficients_are_common_ones_and_deviations(adapted):
    table, b = adapted.coef("g"), adapted.draws["b"].values[0]
    assert table["level"].tolist() == ["z", "z"]
    assert table["term"].tolist() == ["Intercept", "x"]
    r = adapted.draws["r_g"].values[0, :, 0]
    np.testing.assert_allclose(table["estimate"], (b + r).mean(axis=0))
    np.testing.assert_allclose(table["conf_low"], np.quantile(b + r, 0.025, axis=0))
    np.testing.assert_allclose(adapted.ranef()["estimate"], r.mean(axis=0))
    np.testing.assert_allclose(adapted.tidy("fixed")["std_error"], b.std(axis=0, ddof=1))
    # No chains stand behind these draws.
    assert table["rhat"].isna().all()
    with pytest.raises(SettingsError, match="no group 'h'; there are 'g'"):
        adapted.coef("h")


def test_the_same_seed_gives_the_same_numbers(fit, adapted):
    again, other = fit.adapt(NEW), fit.adapt(NEW, seed=9)
    np.testing.assert_array_equal(again.draws["r_g"].values, adapted.draws["r_g"].values)
    assert (other.draws["r_g"].values != adapted.draws["r_g"].values).all()
    assert again.predict(LATER).equals(adapted.predict(LATER))


def test_predictions_of_levels_adapted_known_and_unseen(fit, adapted):
    found = adapted.predict(LATER, "linear")
    assert found.index.tolist() == list("kmno")
    b = adapted.draws["b"].values[0]
    z = adapted.draws["r_g"].values[0, :, 0]
    a = fit.draws["r_g"].values[0, adapted.at, 0]
    for row, r in (("k", z), ("m", a)):
        eta = (b + r) @ [1, 2]
        np.testing.assert_allclose(found.loc[row, "estimate"], eta.mean())
        np.testing.assert_allclose(found.loc[row, "std_error"], eta.std(ddof=1))
        np.testing.assert_allclose(found.loc[row, "conf_high"], np.quantile(eta, 0.975))
    # sds 0.8 and 0.5 with correlation 0.4; the error of an sd of 4,000 draws is 1.1 %.
    variance = SDS[0] ** 2 + 4 * SDS[1] ** 2 + 2 * 2 * 0.4 * SDS[0] * SDS[1]
    both = np.sqrt(variance + np.var(b @ [1, 2]))
    assert found.loc["n", "std_error"] == pytest.approx(both, rel=0.06)
    zero = adapted.predict(LATER, "linear", new_levels="zero").loc["n"]
    np.testing.assert_allclose(zero["estimate"], (b @ [1, 2]).mean())
    with pytest.raises(DataError, match=r"'g' has the level 'q'.*new_levels='sample'"):
        adapted.predict(LATER, new_levels="error")


def test_one_unseen_level_has_the_same_effects_in_every_row(adapted):
    rows = pd.DataFrame({"x": [0.0, 0.0], "g": ["q", "q"]})
    found = adapted.predict(rows)
    assert found.iloc[0].equals(found.iloc[1])


def test_responses_spread_by_the_noise_too(adapted):
    mean, response = (adapted.predict(LATER, t) for t in ("mean", "response"))
    noise = np.sqrt(response["std_error"] ** 2 - mean["std_error"] ** 2)
    np.testing.assert_allclose(noise, SIGMA, rtol=0.1)


def test_means_are_on_the_scale_of_the_response():
    data = OLD.assign(y=(OLD["y"] > 0).astype(float))
    new = NEW.assign(y=[1.0, 0.0])
    adapted = made(family="bernoulli", data=data).adapt(new)
    linear = adapted.draws["b"].values[0] + adapted.draws["r_g"].values[0, :, 0]
    found = adapted.predict(LATER.iloc[:1])
    np.testing.assert_allclose(found["estimate"], LOGIT.invert(linear @ [1, 2]).mean())
    drawn = adapted.predict(LATER.iloc[:1], "response")
    assert drawn["estimate"].iloc[0] == pytest.approx(found["estimate"].iloc[0], abs=0.04)


def test_rows_with_missing_values_are_left_out_and_said(fit):
    adapted = fit.adapt(pd.concat([NEW, NEW.assign(y=np.nan)]))
    assert adapted.rows.design.rows == 2
    assert "Note: 2 of 4 rows dropped: missing values in 'y' (2)" in repr(adapted)
    found = adapted.predict(pd.DataFrame({"x": [1.0, np.nan], "g": ["a", "a"]}))
    assert found["estimate"].isna().tolist() == [False, True]


def test_what_is_printed(adapted):
    lines = repr(adapted).splitlines()
    assert lines[0] == "y ~ x + (x | g), adapted to 2 new rows"
    assert lines[1] == "  g: 1 new level, 0 known"
    assert lines[3].split() == [
        "group", "level", "term", "estimate", "std_error", "conf_low", "conf_high"
    ]  # fmt: skip
    said = " ".join(" ".join(lines[-2:]).split())
    assert said.startswith("The fit's 4,000 draws, weighted by the new rows, are worth")
    assert adapted.healthy


def test_a_level_that_contradicts_the_fit_asks_for_another():
    fit = hg.fit(
        "log_radon ~ floor_measure + (1 | county_idx)",
        hg.datasets.radon().query("county_idx < 30"),
        seed=1,
        draws=500,
        progress=False,
    )
    khats = []
    for shift in (0.0, 3.0, 9.0):
        new = pd.DataFrame(
            {"log_radon": 1.3 + shift, "floor_measure": [0, 0, 0, 0], "county_idx": 99}
        )
        adapted = fit.adapt(new)
        khats.append(adapted.khat)
    assert khats[0] < 0.5 < 0.7 < khats[2]
    assert khats[0] < khats[1] < khats[2]
    assert not adapted.healthy
    said = str(adapted.check())
    assert "The new rows move the population further than its draws reach" in said
    assert "Fit again with all rows." in said


REFITS = {
    "gaussian": (
        "log_radon ~ floor_measure + (floor_measure | county_idx)",
        hg.datasets.radon,
        "county_idx",
        (70, 71),
    ),
    "binomial": (
        "n | trials(N) ~ x1 * x2 + (1 | plate)",
        lambda: pd.read_csv("tests/data/pdb_seeds_data.csv"),
        "plate",
        (4, 20),
    ),
    "cumulative": (
        "level ~ floor_measure + (1 | county_idx)",
        lambda: (
            hg.datasets.radon()
            .query("county_idx < 20")
            .assign(level=lambda d: 1 + d["log_radon"].clip(0, 2.9) // 1)
        ),
        "county_idx",
        (9, 14),
    ),
}


@pytest.mark.parametrize("case", REFITS)
def test_a_refit_agrees(case):
    formula, read, group, held = REFITS[case]
    data = read()
    new = data[group].isin(held)
    settings = {"family": case, "seed": 1, "chains": 2, "progress": False}
    adapted = hg.fit(formula, data[~new], **settings).adapt(data[new])
    refit = hg.fit(formula, data, **settings)
    assert adapted.healthy
    tables = [(adapted.tidy(), refit.tidy()), (adapted.coef(), refit.coef())]
    for one, other in tables:
        keys = ["effect", "group", "level", "term", "term2"]
        both = one.merge(other, on=keys, suffixes=("", "_refit"))
        assert len(both) == len(one)
        sd = both["std_error_refit"]
        # Draws of a few chains are worth fewer than the weights alone say.
        error = np.sqrt(2 / adapted.ess + 1 / both["ess_bulk_refit"])
        assert (abs(both["estimate"] - both["estimate_refit"]) < 5 * sd * error).all()
        assert (abs(np.log(both["std_error"] / sd)) < 5 * error).all()


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (NEW.drop(columns="x"), DataError, "the new data have no column 'x'"),
        (NEW.assign(f="middle"), DataError, "'middle'"),
        (NEW.assign(x="one"), DataError, "'x' held numbers"),
        (NEW.assign(y=np.inf), DataError, "y is inf in row 1; every value must be finite"),
        (NEW.iloc[:0], DataError, "no rows"),
    ],
)
def test_rows_that_cannot_be_read(rows, error, message):
    with pytest.raises(error, match=message):
        made("y ~ x + f + (1 | g)", 50).adapt(rows)


def test_a_response_outside_its_support():
    fit = made(family="bernoulli", count=50, data=OLD.assign(y=OLD["x"] > 0))
    with pytest.raises(ResponseError, match="0 or 1; row 2 of 'y' has 2"):
        fit.adapt(NEW)


def test_fits_that_cannot_be_adapted(fit):
    one = replace(
        fit,
        settings=replace(fit.settings, method=Optimize()),
        draws=made(count=1).draws,
    )
    with pytest.raises(SettingsError, match="method 'optimize' has one point"):
        one.adapt(NEW)


def test_predictions_that_do_not_exist(adapted):
    with pytest.raises(SettingsError, match="no target 'median'; did you mean 'mean'"):
        adapted.predict(LATER, "median")
    with pytest.raises(SettingsError, match="new_levels cannot be 'none'"):
        adapted.predict(LATER, new_levels="none")
    known = made("y | se(s) ~ x + (1 | g)", 50, data=OLD.assign(s=1.0)).adapt(NEW.assign(s=1.0))
    assert len(known.predict(LATER)) == 4
    with pytest.raises(DataError, match="the new data have no column 's'"):
        known.predict(LATER, "response")
    drawn = known.predict(LATER.assign(s=100.0), "response")
    assert (drawn["std_error"] > 50).all()


def test_a_model_without_groups_moves_by_its_weights_alone():
    formula = "y ~ x"
    every = posterior(design_of(formula, pd.concat([OLD, NEW])))
    adapted = made(formula, 20_000).adapt(NEW)
    b = adapted.draws["b"].values[0]
    sd = np.sqrt(np.diag(every.covariance))
    assert (abs(b.mean(axis=0) - every.mean) < 5 * sd / np.sqrt(adapted.ess)).all()
    assert len(adapted.coef()) == 0


def test_categories_that_the_fit_does_not_know():
    data = OLD.assign(y=np.resize([1, 2, 3], 40))
    fit = hg.fit(
        "y ~ x + (1 | g)", data, "cumulative", seed=1, chains=2, warmup=150, draws=50,
        progress=False,
    )  # fmt: skip
    with pytest.raises(ResponseError, match="a category of the fit, 1 to 3; row 2 of 'y' has 4"):
        fit.adapt(NEW.assign(y=[3, 4]))
    adapted = fit.adapt(NEW.assign(y=[3, 1]))
    assert adapted.tidy()["term"].tolist() == fit.tidy()["term"].tolist()


def test_a_saved_fit_adapts_alike(tmp_path):
    fit = hg.fit(
        "log_radon ~ floor_measure + (1 | county_idx)",
        hg.datasets.radon().query("county_idx < 9"),
        seed=1,
        chains=2,
        warmup=150,
        draws=50,
        progress=False,
    )
    new = pd.DataFrame({"log_radon": [2.0, 3.0], "floor_measure": [0, 1], "county_idx": [99, 3]})
    again = hg.load(fit.save(tmp_path / "fit.hglm"))
    assert again.adapt(new).coef().equals(fit.adapt(new).coef())
