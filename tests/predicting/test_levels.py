"""Levels that the fit knows, does not know, or need not know."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.errors import DataError, SettingsError
from hierglm.predicting import dividing
from hierglm.predicting import predictions as core
from tests.predicting.fits import draws_of, fit_of, rows
from tests.program.related import covariance
from tests.program.related import rows as related_rows

SHORT = {"seed": 2, "chains": 1, "warmup": 60, "draws": 40, "progress": False}


def new(levels, **columns):
    n = len(levels)
    return pd.DataFrame({"x": np.ones(n), "o": 0.0, "f": "lo", "g": levels} | columns)


def draws(fit, table, *args, **kwargs):
    found = fit.predict(table, *args, summary=False, **kwargs).values
    return found.reshape(-1, *found.shape[2:])


def test_one_level_has_the_same_effects_wherever_it_is():
    fit = fit_of()
    table = new(["a", "z", "q", "z", "b"])
    found = draws(fit, table, "linear")
    np.testing.assert_array_equal(found[:, 1], found[:, 3])
    assert (found[:, 1] != found[:, 2]).all()
    # Whatever else is asked for, in another call and in other company.
    np.testing.assert_array_equal(draws(fit, new(["z"]), "linear")[:, 0], found[:, 1])
    other = draws(fit, new(["z"]), "linear", seed=8)[:, 0]
    assert (other != found[:, 1]).all()


def test_blocks_of_rows_and_of_levels_change_nothing(monkeypatch):
    fit = fit_of()
    table = new([f"level {k % 37}" for k in range(300)] + list("abcd") * 5)
    table["x"] = np.linspace(-1, 1, len(table))
    whole = {t: draws(fit, table, t, "include") for t in ("linear", "mean")}
    average = draws(fit, table, "mean", "average")
    monkeypatch.setattr(core, "_BLOCK", 40 * 7)
    monkeypatch.setattr(dividing, "_HELD", 40 * 2 * 5)
    parts = list(core.predictions(fit, table).blocks())
    assert len(parts) > 40
    assert sorted(np.concatenate([at for at, _ in parts])) == list(range(len(table)))
    for target, values in whole.items():
        np.testing.assert_allclose(draws(fit, table, target), values, rtol=1e-12)
    np.testing.assert_allclose(draws(fit, table, "mean", "average"), average, rtol=1e-12)


def test_effects_of_new_levels_have_the_covariance_of_the_draw():
    fit = fit_of()
    count = 3000
    levels = [f"new {k}" for k in range(count)]
    zero = draws(fit, new(levels, x=0.0), "linear") - draws(
        fit, new(["a"], x=0.0), "linear", "zero"
    )
    one = draws(fit, new(levels, x=1.0), "linear") - draws(fit, new(["a"], x=1.0), "linear", "zero")
    sd, cor = draws_of(fit, "sd_g"), draws_of(fit, "cor_g")[:, 0]
    intercept, slope = zero, one - zero
    np.testing.assert_allclose(intercept.std(axis=1), sd[:, 0], rtol=0.06)
    np.testing.assert_allclose(slope.std(axis=1), sd[:, 1], rtol=0.06)
    found = [np.corrcoef(a, b)[0, 1] for a, b in zip(intercept, slope, strict=True)]
    np.testing.assert_allclose(found, cor, atol=0.08)


def test_new_levels_at_zero_or_refused():
    fit = fit_of()
    table = new(["a", "z"])
    zero = draws(fit, table, "linear", new_levels="zero")
    np.testing.assert_array_equal(zero[:, 1], draws(fit, table, "linear", "zero")[:, 1])
    np.testing.assert_array_equal(zero[:, 0], draws(fit, table, "linear")[:, 0])
    with pytest.raises(DataError, match=r"'g' has the level 'z', which the fit does not know"):
        fit.predict(table, new_levels="error")
    fit.predict(new(["a", "b"]), new_levels="error")


def test_integrated_effects_are_drawn_for_the_levels_that_are_asked_for():
    data = rows(200, seed=3)
    fit = hg.fit("y ~ x + (x | g)", data, **SHORT)
    table = pd.DataFrame({"x": [0.5, -2.0], "g": ["c", "a"]})
    b, r = draws_of(fit, "b"), draws_of(fit, "r_g")
    expected = np.stack([b @ [1, x] + r[:, j] @ [1, x] for x, j in ((0.5, 2), (-2.0, 0))], axis=1)
    np.testing.assert_allclose(draws(fit, table), expected, rtol=1e-12)


def test_several_terms_of_one_factor_and_a_nested_one():
    data = rows(80, seed=3).assign(h=np.repeat(list("uv"), 40))
    fit = hg.fit("y ~ x + (1 | h/g) + (0 + x | h)", data, plan="textbook", **SHORT)
    table = pd.DataFrame({"x": [2.0, 1.0], "h": ["v", "u"], "g": ["b", "new"]})
    found = draws(fit, table, "linear", groups={"h:g": "include"}, new_levels="zero")
    b, h, hg_ = draws_of(fit, "b"), draws_of(fit, "r_h"), draws_of(fit, "r_h:g")
    place = fit.draws["r_h:g"].dims[0][1].tolist().index("v:b")
    assert fit.draws["r_h"].dims[1][1] == ("Intercept", "x")
    np.testing.assert_allclose(found[:, 0], b @ [1, 2] + h[:, 1] @ [1, 2] + hg_[:, place, 0])
    np.testing.assert_allclose(found[:, 1], b @ [1, 1] + h[:, 0] @ [1, 1])
    less = draws(fit, table, "linear", groups={"h": "zero"}, new_levels="zero")
    np.testing.assert_allclose(less[:, 0], b @ [1, 2] + hg_[:, place, 0])


def test_a_joint_model_draws_shared_effects_of_a_new_level_together():
    data = rows(80, seed=3)
    parts = [hg.part("y ~ x + (1 |s| g)"), hg.part("hit ~ 1 + (1 |s| g)", "bernoulli")]
    fit = hg.joint(parts, data, **SHORT)
    levels = [f"new {k}" for k in range(3000)]
    table = pd.DataFrame({"x": 0.0, "g": levels})
    one = draws(fit, table, "linear", response="y")
    two = draws(fit, table, "linear", response="hit")
    cor = next(v for v in fit.draws if v.effect == "ran_cor").values.reshape(-1)
    found = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)]
    np.testing.assert_allclose(found, cor, atol=0.08)
    own = fit.predict(data, "mean", response="hit")
    assert own["estimate"].between(0, 1).all()
    with pytest.raises(SettingsError, match="several responses; give response=, one of 'y', 'hit'"):
        fit.predict(data)
    with pytest.raises(SettingsError, match="no response 'hits'; did you mean 'hit'"):
        fit.predict(data, response="hits")


def related(formula, **data2):
    return hg.fit(formula, related_rows(), "bernoulli", data2=data2, **SHORT)


def test_levels_that_are_related():
    fit = related("hit ~ x + (1 | gr(g, cov=A))", A=covariance(levels=[*"abcdefg", "i"]))
    table = {"x": [0.0, 0.0], "g": ["c", "i"]}
    found = draws(fit, table, "linear")
    r = draws_of(fit, "r_g")
    place = [fit.draws["r_g"].dims[0][1].tolist().index(x) for x in "ci"]
    np.testing.assert_allclose(found, draws_of(fit, "b")[:, :1] + r[:, place, 0])
    with pytest.raises(DataError, match=r"new level 'z', and .* does not say how it is related"):
        fit.predict({"x": [0.0], "g": ["z"]})
    assert len(fit.predict({"x": [0.0]}, groups="zero")) == 1


def test_levels_with_heavy_tails():
    fit = related("hit ~ x + (1 | gr(g, dist='student'))")
    levels = [f"new {k}" for k in range(4000)]
    found = draws(fit, {"x": np.zeros(4000), "g": levels}, "linear")
    effects = found - draws_of(fit, "b")[:, :1]
    df, sd = draws_of(fit, "df_g")[:, 0], draws_of(fit, "sd_g")[:, 0]
    shares = [0.6, 0.75, 0.9]
    expected = stats.t.ppf(shares, df[:, None]) * sd[:, None]
    np.testing.assert_allclose(np.quantile(effects, shares, axis=1).T, expected, rtol=0.35)
    ratio = np.quantile(effects, shares, axis=1).T / expected
    np.testing.assert_allclose(ratio.mean(axis=0), 1, atol=0.03)


def test_rows_of_several_levels():
    fit = related("hit ~ x + (1 | mm(g, h))")
    r = draws_of(fit, "r_mm(g, h)")[:, :, 0]
    found = draws(fit, {"x": [0.0, 0.0], "g": ["b", "a"], "h": ["d", "new"]}, "linear")
    middle = draws_of(fit, "b")[:, 0]
    np.testing.assert_allclose(found[:, 0], middle + (r[:, 1] + r[:, 3]) / 2)
    twice = draws(fit, {"x": [0.0], "g": ["new"], "h": ["new"]}, "linear")[:, 0] - middle
    np.testing.assert_allclose(found[:, 1], middle + (r[:, 0] + twice) / 2)
