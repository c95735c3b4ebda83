"""The tables say what NumPy says of the draws, in everyone's columns."""

from __future__ import annotations

import numpy as np
import pytest

from hierglm.draws.diagnostics import diagnose
from hierglm.errors import SettingsError
from hierglm.results import effects
from hierglm.results.estimates import quantiles, shortest
from hierglm.results.styles import STYLES
from hierglm.results.tidy import summary, tidy
from tests.results.made import made

FIT = made(levels=(10, 20, 30), second=("a", "b c"))
KEYS = ["effect", "response", "dpar", "group", "level", "term", "term2"]
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high", "rhat", "ess_bulk", "ess_tail"]


def test_columns_and_rows() -> None:
    frame = tidy(FIT)
    assert list(frame.columns) == KEYS + NUMBERS
    assert frame[["effect", "group", "term", "term2"]].to_numpy().tolist() == [
        ["fixed", "", "Intercept", ""],
        ["fixed", "", "x", ""],
        ["ran_sd", "school", "Intercept", ""],
        ["ran_sd", "school", "x", ""],
        ["ran_sd", "year", "Intercept", ""],
        ["ran_cor", "school", "Intercept", "x"],
        ["family", "", "sigma", ""],
    ]
    assert (frame[["response", "dpar", "level"]] == "").to_numpy().all()
    assert frame.equals(summary(FIT))


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_numbers_of_every_parameter(level: float) -> None:
    frame = tidy(FIT, ("fixed", "ran_vals", "family"), conf_level=level)
    variables = [FIT.draws[n] for n in ("b", "r_school", "r_year", "sigma")]
    draws = np.concatenate([v.values.reshape(1000, -1) for v in variables], axis=1)
    tail = (1 - level) / 2
    np.testing.assert_allclose(frame["estimate"], draws.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(frame["std_error"], draws.std(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(frame["conf_low"], np.quantile(draws, tail, axis=0))
    np.testing.assert_allclose(frame["conf_high"], np.quantile(draws, 1 - tail, axis=0))
    found = diagnose(draws.reshape(4, 250, -1))
    for name in ("rhat", "ess_bulk", "ess_tail"):
        np.testing.assert_array_equal(frame[name], getattr(found, name))


def test_hdi_is_the_shortest_interval_between_draws() -> None:
    frame = tidy(FIT, "family", conf_level=0.8, hdi=True)
    x = np.sort(FIT.draws["sigma"].values.ravel())
    widths = [x[i + 800] - x[i] for i in range(200)]
    best = int(np.argmin(widths))
    assert (frame["conf_low"][0], frame["conf_high"][0]) == (x[best], x[best + 800])


def test_hdi_agrees_with_arviz() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        x = np.random.default_rng(0).gamma(2, size=(1, 2000))
        old = az.__version__.startswith("0.")
        found = az.hdi(x[0], hdi_prob=0.9) if old else az.hdi(x[0], prob=0.9, method="nearest")
    np.testing.assert_allclose(shortest(x.T, 0.9).ravel(), np.asarray(found), rtol=1e-12)


def test_levels_keep_their_type() -> None:
    frame = effects.ranef(FIT, "school")
    assert frame["level"].dtype == np.int64
    assert frame["level"].tolist() == [10, 10, 20, 20, 30, 30]
    assert frame["term"].tolist() == ["Intercept", "x"] * 3
    assert effects.ranef(FIT, "year")["level"].tolist() == ["a", "b c"]
    both = effects.ranef(FIT)["level"].tolist()
    assert both == [10, 10, 20, 20, 30, 30, "a", "b c"]


def test_coef_adds_draw_by_draw() -> None:
    frame = effects.coef(FIT, "school")
    b, r = FIT.draws["b"].values, FIT.draws["r_school"].values
    total = (b[:, :, None, :] + r).reshape(1000, -1)
    np.testing.assert_allclose(frame["estimate"], total.mean(axis=0))
    np.testing.assert_allclose(frame["conf_low"], np.quantile(total, 0.025, axis=0))
    assert set(frame["effect"]) == {"ran_coefs"}
    pd_pivot = frame.pivot(index="level", columns="term", values="estimate")
    assert pd_pivot.loc[20, "x"] == pytest.approx(total.mean(axis=0)[3])


def test_coef_of_a_term_without_common_coefficient_is_its_deviation() -> None:
    fit = made(terms=("Intercept",), varying=("Intercept", "z"))
    frame = effects.coef(fit)
    z = frame[frame["term"] == "z"]["estimate"].to_numpy()
    np.testing.assert_allclose(z, fit.draws["r_school"].values[..., 1].mean(axis=(0, 1)))


def test_varcorr_is_by_group_and_covariances_are_means_of_products() -> None:
    frame = effects.varcorr(FIT)
    assert list(zip(frame["effect"], frame["group"], strict=True)) == [
        ("ran_sd", "school"), ("ran_sd", "school"), ("ran_cor", "school"), ("ran_sd", "year"),
        ("family", ""),
    ]  # fmt: skip
    matrices = effects.covariances(FIT)
    sd, cor = FIT.draws["sd_school"].values, FIT.draws["cor_school"].values[..., 0]
    assert list(matrices) == ["school", "year"]
    school = matrices["school"]
    assert school.loc["Intercept", "x"] == pytest.approx((sd[..., 0] * sd[..., 1] * cor).mean())
    assert school.loc["x", "Intercept"] == school.loc["Intercept", "x"]
    assert school.loc["x", "x"] == pytest.approx((sd[..., 1] ** 2).mean())


def test_broom() -> None:
    frame = tidy(FIT, style="broom")
    assert list(frame.columns) == [
        "effect", "component", "group", "term", "estimate", "std.error", "conf.low", "conf.high",
    ]  # fmt: skip
    assert frame["term"].tolist() == [
        "(Intercept)", "x", "sd__(Intercept)", "sd__x", "sd__(Intercept)", "cor__(Intercept).x",
        "sd__Observation",
    ]  # fmt: skip
    assert frame["group"].fillna("NA").tolist() == [
        "NA", "NA", "school", "school", "year", "school", "Residual",
    ]  # fmt: skip
    assert frame["effect"].tolist() == ["fixed"] * 2 + ["ran_pars"] * 5
    assert set(frame["component"]) == {"cond"}
    values = tidy(FIT, ("ran_vals",), style="broom")
    assert list(values.columns)[:5] == ["effect", "component", "group", "level", "term"]


def test_posterior() -> None:
    frame = tidy(FIT, style="posterior")
    assert list(frame.columns) == [
        "variable", "mean", "median", "sd", "mad", "q5", "q95", "rhat", "ess_bulk", "ess_tail",
    ]  # fmt: skip
    x = FIT.draws["sigma"].values.ravel()
    row = frame.iloc[-1]
    assert row["variable"] == "sigma"
    assert row["mad"] == pytest.approx(1.4826 * np.median(abs(x - np.median(x))))
    assert row["q95"] == pytest.approx(np.quantile(x, 0.95))


def test_parameters() -> None:
    frame = tidy(FIT, style="parameters")
    assert list(frame.columns) == [
        "Parameter", "Effects", "Component", "Median", "CI", "CI_low", "CI_high", "pd", "Rhat",
        "ESS", "Group",
    ]  # fmt: skip
    assert frame["Effects"].tolist() == ["fixed"] * 2 + ["random"] * 4 + ["fixed"]
    assert frame["Component"].tolist() == ["conditional"] * 6 + ["sigma"]
    assert frame["Group"].tolist() == ["", "", "school", "school", "year", "school", ""]
    cor = FIT.draws["cor_school"].values
    assert frame["pd"][5] == pytest.approx((cor > 0).mean())
    values = tidy(FIT, "ran_vals", style="parameters")
    assert list(values.columns) == [
        "Group", "Level", "Parameter", "Median", "CI", "CI_low", "CI_high", "pd", "Component",
        "Effects",
    ]  # fmt: skip


def test_brms() -> None:
    frame = tidy(FIT, ("fixed", "ran_sd", "ran_cor", "family", "ran_vals"), style="brms")
    assert list(frame.columns) == [
        "variable", "Estimate", "Est.Error", "l-95% CI", "u-95% CI", "Rhat", "Bulk_ESS",
        "Tail_ESS",
    ]  # fmt: skip
    assert frame["variable"].tolist()[:8] == [
        "b_Intercept", "b_x", "sd_school__Intercept", "sd_school__x", "sd_year__Intercept",
        "cor_school__Intercept__x", "sigma", "r_school[10,Intercept]",
    ]  # fmt: skip
    assert frame["variable"].iloc[-1] == "r_year[b.c,Intercept]"
    assert "l-90% CI" in tidy(FIT, conf_level=0.9, style="brms").columns


def test_treatment_contrasts_are_named_as_in_r() -> None:
    fit = made(terms=("Intercept", "period[T.2]"))
    assert "b_period2" in tidy(fit, style="brms")["variable"].tolist()
    assert "sd__period2" in tidy(fit, style="broom")["term"].tolist()
    assert "period[T.2]" in tidy(fit)["term"].tolist()


@pytest.mark.parametrize("style", STYLES)
def test_no_rows_is_a_table_too(style: str) -> None:
    fit = made(family="bernoulli")
    assert len(tidy(fit, "family", style=style)) == 0


def test_mistakes_are_named() -> None:
    with pytest.raises(SettingsError, match="no style 'brom'; did you mean 'broom'"):
        tidy(FIT, style="brom")
    with pytest.raises(SettingsError, match="no effect 'ran_pars'"):
        tidy(FIT, "ran_pars")
    with pytest.raises(SettingsError, match="no group 'scool'; did you mean 'school'"):
        effects.ranef(FIT, "scool")
    for level in (0, 1, 95, True, "0.9"):
        with pytest.raises(SettingsError, match="conf_level"):
            tidy(FIT, conf_level=level)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "probs", [(0.025, 0.3, 0.5, 0.975), (0.025, 0.975), (0.9, 0.1), (0.5, 0.5), (0.0, 1.0)]
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_quantiles_are_numpy_s_bit_for_bit(size: int, probs: tuple[float, ...]) -> None:
    rng = np.random.default_rng(size)
    values = rng.normal(size=(size, 40))
    values[:, 1] = rng.integers(0, 3, size)
    values[: size // 2 + 1, 2] = np.inf
    values[: size // 2 + 1, 3] = -np.inf
    values[size // 2, 4] = np.nan
    with np.errstate(invalid="ignore"):
        expected = np.quantile(values, probs, axis=0)
    np.testing.assert_array_equal(quantiles(values, probs), expected)
