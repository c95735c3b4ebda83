"""The whole line against posteriors that are computed another way: quadrature on a grid."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.stats as st
from scipy.special import expit, gammaln, logsumexp

import hierglm as hg
from hierglm.draws.diagnostics import ess_bulk
from tests.designs import schools


def z(draws, mean, sd):
    """Return the distance of a mean from its exact value in Monte Carlo standard errors."""
    return (draws.mean() - mean) / (sd / np.sqrt(float(ess_bulk(draws[..., None])[0])))


def moments(log_density, grid):
    """Return mean and sd of each axis of a density on a regular grid."""
    weight = np.exp(log_density - logsumexp(log_density))
    out = []
    for axis, points in enumerate(grid):
        margin = weight.sum(axis=tuple(i for i in range(len(grid)) if i != axis))
        mean = (margin * points).sum()
        out.append((mean, np.sqrt((margin * (points - mean) ** 2).sum())))
    return out


def test_one_way_random_effects_equal_quadrature():
    r = np.random.default_rng(4)
    g = np.repeat(np.arange(6), 5)
    y = 10 + r.normal(0, 2, 6)[g] + r.normal(0, 1.5, 30)
    priors = {"Intercept": hg.prior.normal(9, 4), "sd": hg.prior.exponential(0.5),
              "sigma": hg.prior.gamma(2, 1)}  # fmt: skip
    fit = hg.fit("y ~ 1 + (1 | g)", {"y": y, "g": g}, priors=priors, seed=2, draws=4000,
                 adapt_delta=0.95, progress=False)  # fmt: skip
    # mu is integrated out by hand: y ~ N(9, V), V = sigma^2 I + tau^2 Z Z' + 16 J.
    sigma, tau = np.linspace(0.7, 3.5, 90), np.linspace(0.01, 9, 160)
    same = (g[:, None] == g).astype(float)
    log = np.empty((len(sigma), len(tau)))
    for i, s in enumerate(sigma):
        for j, t in enumerate(tau):
            v = s**2 * np.eye(30) + t**2 * same + 16
            low = np.linalg.cholesky(v)
            e = np.linalg.solve(low, y - 9)
            log[i, j] = -np.log(np.diag(low)).sum() - 0.5 * e @ e
    log += np.log(sigma)[:, None] - sigma[:, None] - 0.5 * tau
    exact = moments(log, (sigma, tau))
    for values, (mean, sd) in zip(
        (fit.draws["sigma"].values, fit.draws["sd_g"].values[..., 0]), exact, strict=True
    ):
        assert abs(z(values, mean, sd)) < 4.5
        assert values.std() == pytest.approx(sd, rel=0.1)


def test_logistic_regression_equals_quadrature():
    r = np.random.default_rng(7)
    x = r.normal(2, 1, 25)
    y = (r.random(25) < expit(-2 + x)).astype(int)
    priors = {"Intercept": hg.prior.normal(0, 2), "b": hg.prior.student_t(4, 0, 1)}
    fit = hg.fit("y ~ x", {"x": x, "y": y}, "bernoulli", priors=priors, seed=3, draws=4000,
                 progress=False)  # fmt: skip
    # On a grid of the intercept at X = 0 and the slope; the prior is at the mean of x.
    a, b = np.linspace(-30, 5, 701), np.linspace(-2, 15, 681)
    eta = a[:, None, None] + b[None, :, None] * x
    log = np.where(y == 1, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum(axis=-1)
    log += st.norm.logpdf(a[:, None] + b * x.mean(), 0, 2) + st.t.logpdf(b, 4)
    for k, (mean, sd) in enumerate(moments(log, (a, b))):
        values = fit.draws["b"].values[..., k]
        assert abs(z(values, mean, sd)) < 4.5
        assert values.std() == pytest.approx(sd, rel=0.05)


def test_poisson_intercepts_with_exposure_equal_quadrature():
    r = np.random.default_rng(9)
    g = np.repeat(np.arange(7), 3)
    time = r.uniform(0.5, 3, 21)
    y = r.poisson(time * np.exp(0.7 + r.normal(0, 0.6, 7)[g]))
    priors = {"Intercept": hg.prior.normal(0, 1), "sd": hg.prior.normal(0, 1)}
    data = {"y": y, "g": g, "time": time}
    fit = hg.fit("y ~ 1 + offset(log(time)) + (1 | g)", data, "poisson", priors=priors, seed=4,
                 draws=4000, adapt_delta=0.95, progress=False)  # fmt: skip
    # Each group's effect is integrated out by 60-point Gauss-Hermite quadrature.
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    mu, tau = np.linspace(-1.5, 2.5, 160), np.linspace(0.005, 3, 150)
    log = np.empty((len(mu), len(tau)))
    for i, m in enumerate(mu):
        eta = m + tau[:, None] * nodes + np.log(time)[:, None, None]
        row = y[:, None, None] * eta - np.exp(eta) - gammaln(y + 1)[:, None, None]
        by_group = np.array([row[g == k].sum(axis=0) for k in range(7)])
        log[i] = logsumexp(by_group + np.log(weights), axis=-1).sum(axis=0)
    log += st.norm.logpdf(mu)[:, None] + st.norm.logpdf(tau)
    exact = moments(log, (mu, tau))
    for values, (mean, sd) in zip(
        (fit.draws["b"].values[..., 0], fit.draws["sd_g"].values[..., 0]), exact, strict=True
    ):
        assert abs(z(values, mean, sd)) < 4.5
        assert values.std() == pytest.approx(sd, rel=0.1)


QUICK = {"chains": 2, "warmup": 200, "draws": 200, "progress": False}


def test_same_seed_same_numbers_whatever_the_threads():
    d = schools()
    one = hg.fit("score ~ x + (x | school)", d, seed=5, threads=1, **QUICK)
    two = hg.fit("score ~ x + (x | school)", d, seed=5, threads=2, **QUICK)
    other = hg.fit("score ~ x + (x | school)", d, seed=6, **QUICK)
    pd.testing.assert_frame_equal(one.tidy(), two.tidy(), check_exact=True)
    assert not np.array_equal(one.draws["b"].values, other.draws["b"].values)


def test_a_fit_without_a_seed_keeps_the_one_it_took():
    d = schools()
    first = hg.fit("score ~ x", d, **QUICK)
    again = hg.fit("score ~ x", d, seed=first.settings.seed, **QUICK)
    np.testing.assert_array_equal(first.draws["b"].values, again.draws["b"].values)


def test_polars_and_pandas_give_the_same_fit_and_the_table_is_not_touched():
    d = schools()
    before = d.copy(deep=True)
    one = hg.fit("score ~ x + floor + (1 | school)", d, seed=5, **QUICK)
    two = hg.fit("score ~ x + floor + (1 | school)", pl.from_pandas(d), seed=5, **QUICK)
    pd.testing.assert_frame_equal(one.tidy(), two.tidy(), check_exact=True)
    pd.testing.assert_frame_equal(d, before)


def test_a_wrong_response_is_refused_before_anything_is_compiled():
    d = schools().assign(count=lambda d: d["count"].astype(float))
    d.loc[16, "count"] = 2.5
    with pytest.raises(
        hg.HierglmError, match=r"needs whole numbers >= 0; row 17 of 'count' has 2\.5"
    ):
        hg.model("count ~ x", d, "poisson")


def test_dropped_rows_are_counted_in_the_fit():
    d = schools()
    d.loc[[3, 8], "x"] = np.nan
    fit = hg.fit("score ~ x", d, seed=1, **QUICK)
    assert fit.plan.model.design.rows == 38
    assert any("2 of 40 rows dropped" in note for note in fit.notes)
    assert "2 of 40 rows dropped" in str(fit)
    with pytest.raises(hg.HierglmError, match="2 of 40"):
        hg.fit("score ~ x", d, missing="error", **QUICK)


def test_a_function_of_one_s_own():
    d = schools()
    fit = hg.fit("score ~ double(x)", d, functions={"double": lambda x: 2 * x}, seed=1, **QUICK)
    same = hg.fit("score ~ I(x * 2)", d, seed=1, **QUICK)
    np.testing.assert_array_equal(fit.draws["b"].values, same.draws["b"].values)
    assert fit.tidy()["term"].tolist()[:2] == ["Intercept", "double(x)"]
