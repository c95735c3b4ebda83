"""The penalised fit as an answer: its numbers, its labels, and that it says what it is."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.errors import SettingsError
from tests.program.oracles import simulated

FLAT = {k: hg.prior.flat() for k in ("Intercept", "b", "sigma")}


def test_a_regression_is_least_squares_with_its_standard_errors():
    d = simulated(rows=400)
    found = hg.fit("y ~ x + z", d, priors=FLAT, method="approx")
    X = np.column_stack([np.ones(len(d)), d["x"], d["z"]])
    b, rss, _, _ = np.linalg.lstsq(X, d["y"].to_numpy(), rcond=None)
    s2 = rss[0] / (len(d) - 4)
    se = np.sqrt(s2 * np.diag(np.linalg.inv(X.T @ X)))
    table = found.fixef(conf_level=0.9)
    np.testing.assert_allclose(table["estimate"], b, rtol=1e-6)
    np.testing.assert_allclose(table["std_error"], se, rtol=1e-4)
    np.testing.assert_allclose(table["conf_high"], b + stats.norm.ppf(0.95) * se, rtol=1e-4)
    sigma = found.tidy("family").iloc[0]
    np.testing.assert_allclose(sigma["estimate"], np.sqrt(s2), rtol=1e-4)
    # The standard error of a log sd is (2 df)^-1/2.
    np.testing.assert_allclose(sigma["std_error"], np.sqrt(s2 / 2 / 397), rtol=0.01)


@pytest.fixture(scope="module")
def both():
    r = np.random.default_rng(0)
    g, h = r.integers(0, 60, 3000), r.integers(0, 25, 3000)
    u, v = r.normal(size=(60, 2)) * [1, 0.5], r.normal(size=25)
    x = r.normal(size=3000)
    eta = 0.5 * x + u[g, 0] + u[g, 1] * x + 0.7 * v[h]
    d = pd.DataFrame({"x": x, "g": g, "h": h, "y": eta + r.normal(size=3000)})
    fit = hg.fit("y ~ x + (x | g) + (1 | h)", d, seed=1, progress=False)
    return fit, fit.approx


def test_it_is_near_the_posterior(both):
    fit, approx = both
    for effects in ("fixed", "ran_sd", "ran_cor", "family", "ran_vals"):
        ours, theirs = approx.tidy(effects), fit.tidy(effects)
        keys = ["effect", "group", "level", "term", "term2"]
        pd.testing.assert_frame_equal(ours[keys], theirs[keys])
        away = (ours["estimate"] - theirs["estimate"]) / theirs["std_error"]
        assert away.abs().max() < 0.5
        ratio = ours["std_error"] / theirs["std_error"]
        assert ratio.between(0.7, 1.3).all()


def test_method_approx_is_what_the_fit_keeps(both):
    fit, approx = both
    table = fit.plan.model.design.table
    data = {name: table.column(name).values for name in table.columns}
    alone = hg.fit(fit.formula, data, method="approx")
    pd.testing.assert_frame_equal(alone.tidy(), approx.tidy())


def test_it_says_what_it_is(both):
    _, approx = both
    text = str(approx)
    assert "APPROXIMATION: penalised maximum likelihood" in text
    assert "no\n  posterior was sampled" in text
    assert "rhat" not in text
    assert text.count("sd(") == 3
    assert "APPROXIMATION" in approx._repr_html_()
    assert max(map(len, text.splitlines())) <= 80


def test_terms_of_one_group_stand_side_by_side():
    approx = hg.fit("y ~ x + (1 | g) + (0 + x | g)", simulated(), method="approx")
    assert approx.tidy("ran_sd")["term"].tolist() == ["Intercept", "x"]
    assert len(approx.ranef()) == 14


def test_a_level_outside_its_range():
    approx = hg.fit("y ~ x", simulated(), method="approx")
    with pytest.raises(SettingsError, match="conf_level must lie between 0 and 1, not 95"):
        approx.tidy(conf_level=95)
