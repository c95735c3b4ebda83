"""Means and contrasts are those of R's emmeans, and of grids written out by hand.

emmeans 1.8.4-1, R 4.2.2; coefficients and answers below are of

    d <- read.csv("pdb_seeds_data.csv"); d$x1 <- factor(d$x1); d$x2 <- factor(d$x2); d$z <- log(d$N)
    seeds <- glm(cbind(n, N - n) ~ x1 * x2 + z, family = binomial, data = d)
    kids <- lm(kid_score ~ mom_hs * mom_iq + I(mom_iq^2), data = read.csv("pdb_kidiq.csv"))
    w <- read.csv("waves.csv"); w$wave <- factor(w$wave)
    w$half <- ifelse(as.integer(substr(w$subject, 2, 3)) <= 8, "early", "late")
    waves <- lm(y ~ wave * half + x * half + z, data = w)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hierglm.errors import DataError, SettingsError
from tests.marginal.fits import (
    KIDS,
    SEEDS,
    WAVES,
    one_fit,
    random_fit,
    rows_of_fit,
    unit_fit,
    weights_of,
)

SEEDS_FORMULA = "cbind(n, N - n) ~ x1 * x2 + z"
SEEDS_B = (-1.05124844073197, 0.225128827442513, 1.30853966757138, 0.122092655081297,
           -0.785932533403042)  # fmt: skip
WAVES_FORMULA = "y ~ factor(wave) * half + x * half + z"
Z, P2, P3 = -0.0083963133640553, 0.193548387096774, 0.19815668202765

# Formula and data, arguments, emmeans(model, ~ names, ...)@linfct: columns as in the formula.
LINFCT: dict[str, Any] = {
    "equal weights, mean of a number": (
        SEEDS_FORMULA, SEEDS, {"names": "x1"},
        [[1, 0, 0.5, 3.39026692065256, 0], [1, 1, 0.5, 3.39026692065256, 0.5]],
    ),
    "proportional weights": (
        SEEDS_FORMULA, SEEDS, {"names": "x1", "weights": "proportional"},
        [[1, 0, 0.523809523809524, 3.39026692065256, 0],
         [1, 1, 0.523809523809524, 3.39026692065256, 0.523809523809524]],
    ),
    "a number with two values is a factor": (
        "kid_score ~ mom_hs * mom_iq + I(mom_iq^2)", KIDS, {"names": "mom_iq"},
        [[1, 0.5, 100, 10000, 50]],
    ),
    "squares are those of the mean": (
        "kid_score ~ mom_hs * mom_iq + I(mom_iq^2)", KIDS, {"names": "mom_hs"},
        [[1, 0, 100, 10000, 0], [1, 1, 100, 10000, 100]],
    ),
    "numbers that the formula makes levels of": (
        WAVES_FORMULA, WAVES, {"names": "half"},
        [[1, 0.2, 0.2, 0.2, 0.2, 0, -0.08, Z, 0, 0, 0, 0, 0],
         [1, 0.2, 0.2, 0.2, 0.2, 1, -0.08, Z, 0.2, 0.2, 0.2, 0.2, -0.08]],
    ),
    "as often as they occur": (
        WAVES_FORMULA, WAVES, {"names": "half", "weights": "proportional"},
        [[1, P2, P3, P2, P3, 0, -0.08, Z, 0, 0, 0, 0, 0],
         [1, P2, P3, P2, P3, 1, -0.08, Z, P2, P3, P2, P3, -0.08]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LINFCT)
def test_grids_are_those_of_emmeans(case: str) -> None:
    formula, data, asked, expected = LINFCT[case]
    family = "binomial" if data is SEEDS else "gaussian"
    fit = unit_fit(formula, data, family)
    found = fit.means(**asked, target="linear", summary=False)
    np.testing.assert_allclose(weights_of(found), expected, rtol=1e-14, atol=1e-14)


def test_means_of_probabilities_are_those_after_regrid() -> None:
    fit = one_fit(SEEDS_FORMULA, SEEDS, SEEDS_B, "binomial")
    # summary(emmeans(regrid(ref_grid(seeds)), ~ x1))$prob
    found = fit.means("x1")["estimate"]
    np.testing.assert_allclose(found, [0.503814014681796, 0.462980979597446], rtol=1e-13)
    # summary(regrid(emmeans(seeds, ~ x1 + x2)))$prob, x1 varying fastest
    table = fit.means(["x1", "x2"]).sort_values(["x2", "x1"])
    expected = [0.345852211919923, 0.398386415978824, 0.661775817443668, 0.527575543216067]
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-13)
    # summary(pairs(emmeans(regrid(ref_grid(seeds)), ~ x1)))$estimate
    pairs = fit.means("x1", contrasts=True)
    assert pairs["contrast"].tolist() == ["0 - 1"]
    np.testing.assert_allclose(pairs["estimate"], 0.0408330350843499, rtol=1e-12)


def test_contrasts_within_a_column_are_those_of_emmeans() -> None:
    fit = one_fit(SEEDS_FORMULA, SEEDS, SEEDS_B, "binomial")
    # summary(pairs(emmeans(seeds, ~ x1 | x2)))$estimate
    link = fit.means("x1", by="x2", target="linear", contrasts="pairwise")
    assert link["x2"].tolist() == ["0", "1"]
    np.testing.assert_allclose(
        link["estimate"], [-0.225128827442513, 0.560803705960528], rtol=1e-13
    )
    # summary(pairs(emmeans(seeds, ~ x1 | x2)), type = "response")$odds.ratio
    odds = fit.means("x1", by="x2", contrasts=True, kind="odds_ratio")
    assert odds["contrast"].tolist() == ["0 / 1", "0 / 1"]
    np.testing.assert_allclose(odds["estimate"], [0.798413354583116, 1.75208009178859], rtol=1e-12)


WAVES_B = (
    5.1122765047725354, 0.6723472655285999, 0.8981679537200630, 0.1308609282211623,
    -0.0733321659854114, -0.2780666494277518, 0.6101195614356155, -0.4652809198164493,
    -0.8915353214609725, -1.1782835679468051, -0.2945672216986885, 0.0687594865218339,
    -0.2055916377681409,
)  # fmt: skip
# contrast(emmeans(waves, ~ wave), ...): "pairwise", "trt.vs.ctrl1", "consec"
CONTRASTS = {
    "pairwise": ("1 - 2", [
        -0.226579604798114, -0.30902616974666, 0.016422682628182, 0.0389524227244944,
        -0.0824465649485467, 0.243002287426296, 0.265532027522608, 0.325448852374842,
        0.347978592471155, 0.0225297400963125,
    ]),
    "reference": ("2 - 1", [
        0.226579604798114, 0.30902616974666, -0.016422682628182, -0.0389524227244944,
    ]),
    "sequential": ("2 - 1", [
        0.226579604798114, 0.0824465649485467, -0.325448852374842, -0.0225297400963125,
    ]),
}  # fmt: skip


@pytest.mark.parametrize("contrasts", CONTRASTS)
def test_contrasts_of_several_levels_are_those_of_emmeans(contrasts: Any) -> None:
    first, expected = CONTRASTS[contrasts]
    found = one_fit(WAVES_FORMULA, WAVES, WAVES_B).means("wave", contrasts=contrasts)
    assert found["contrast"].iloc[0] == first
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-9, atol=1e-12)


def test_tables_are_the_draws_summarised() -> None:
    fit = random_fit("y ~ x * f + flag + (1 | g)", rows_of_fit())
    draws = fit.means("f", by="flag", contrasts=True, summary=False)
    table = fit.means("f", by="flag", contrasts=True, conf_level=0.8)
    assert draws.dims == ("chain", "draw", "row")
    assert draws["contrast"].values.tolist() == table["contrast"].tolist()
    assert draws["flag"].values.tolist() == table["flag"].tolist() == [False] * 3 + [True] * 3
    values = draws.values.reshape(-1, 6)
    np.testing.assert_allclose(table["estimate"], values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(table["std_error"], values.std(axis=0, ddof=1), rtol=1e-12)
    ends = np.quantile(values, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(table[["conf_low", "conf_high"]].T, ends, rtol=1e-12)


def test_groups_that_are_named_are_included_and_others_at_zero() -> None:
    data = rows_of_fit()
    fit = random_fit("y ~ x + (1 + x | g)", data)
    at = {"x": data["x"].mean()}
    table = fit.means("g")
    rows = {"x": [at["x"]] * 4, "g": ["P", "Q", "R", "S"]}
    np.testing.assert_allclose(table["estimate"], fit.predict(rows)["estimate"], rtol=1e-12)
    zero = fit.means("x")["estimate"]
    np.testing.assert_allclose(zero, fit.predict({"x": [at["x"]]}, groups="zero")["estimate"])


def test_combinations_of_groups_are_those_that_occur() -> None:
    data = rows_of_fit().assign(h=lambda d: np.where(d["g"] < "R", "one", "two"))
    fit = random_fit("y ~ x + (1 | h/g)", data)
    table = fit.means(["h", "g"])
    assert table[["h", "g"]].to_numpy().tolist() == [
        ["one", "P"], ["one", "Q"], ["two", "R"], ["two", "S"]
    ]  # fmt: skip


def test_averages_over_groups_are_those_of_predictions() -> None:
    data = rows_of_fit().assign(y=lambda d: (d["y"] > 0).astype(int))
    fit = random_fit("y ~ x + f + (1 | g)", data, "bernoulli")
    rows = {"x": [data["x"].mean()] * 3, "f": ["a", "b", "c"]}
    table = fit.means("f", groups="average")
    expected = fit.predict(rows, groups="average")
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-12)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no column": ({"names": "treat"}, "does not depend on a column 'treat'; there are"),
    "the response": ({"names": "y"}, "does not depend on a column 'y'"),
    "no names": ({"names": []}, "means of what"),
    "no level": ({"names": "x", "at": {"f": "A"}}, "'f' has no level 'A'"),
    "no number": ({"names": "f", "at": {"x": "high"}}, "'x' holds numbers, and cannot be 'high'"),
    "left out": ({"names": "g", "groups": "zero"}, "nothing depends on 'g'"),
    "one mean": ({"names": "x", "contrasts": True}, "one mean of x, and no contrast"),
    "contrasts": ({"names": "f", "contrasts": "tukey"}, "no contrasts 'tukey'"),
    "kind": ({"names": "f", "contrasts": True, "kind": "odds"}, "no kind 'odds'"),
    "odds": ({"names": "f", "contrasts": True, "kind": "odds_ratio"}, "compares probabilities"),
    "weights": ({"names": "f", "weights": "cells"}, "no weights 'cells'"),
    "no values": ({"names": "f", "at": {"x": []}}, "no values for 'x'"),
    "large": ({"names": "x", "at": {"x": np.arange(4e5)}}, "has 1,200,000 rows"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case: str) -> None:
    fit = random_fit("y ~ x + f + (1 | g)", rows_of_fit())
    asked, message = REFUSED[case]
    with pytest.raises(SettingsError, match=message):
        fit.means(**asked)


def test_names_of_the_answer_are_refused_in_the_data() -> None:
    fit = random_fit("y ~ estimate", rows_of_fit().rename(columns={"f": "estimate"}))
    with pytest.raises(DataError, match="'estimate'"):
        fit.means("estimate")
