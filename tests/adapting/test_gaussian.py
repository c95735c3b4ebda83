"""A fit adapted to new rows is the fit to all rows: Gaussian responses, exact answers."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

from hierglm.adapting.gaussian import normal_effects
from tests.adapting.exact import SIGMA, design_of, fit_of, posterior

R = np.random.default_rng(12)


def table(rows, g, h, k):
    """Return simulated rows of some levels."""
    return pd.DataFrame(
        {
            "y": R.normal(0, 2, rows),
            "x": R.normal(0, 1, rows),
            "w": R.uniform(0.5, 2, rows),
            "s": R.uniform(0.8, 2, rows),
            "v": R.normal(0, 1, rows),
            "g": np.resize(g, rows),
            "h": np.resize(h, rows),
            "k": np.resize(k, rows),
        }
    )


OLD = table(60, list("aabbccdd"), ["p", "q"], [1, 2, 3])
# Two new levels of g, one of them with a new level of k; a new class in a known school.
NEW = table(9, list("zazyayzaa"), ["p", "p", "q"], [1, 1, 9])
FORMULAS = [
    "y ~ x + (1 | g)",
    "y ~ x + (x | g)",
    "y ~ x + offset(v) + (x + v || g)",
    "y ~ x + (1 | g) + (0 + x | g)",
    "y | weights(w) ~ x + (x | g)",
    "y | se(s) ~ x + (x | g)",
    "y ~ 0 + (x | g)",
    "y ~ x + (1 | g/h)",
    "y ~ x + (x | g) + (1 | k)",
    "y ~ x + iso(x | g)",
    "y ~ x + cs(x + v | g)",
    "y ~ x + ar1(0 + factor(h) | g)",
    "y ~ x + (1 |s| g) + (0 + x |s| g)",
]
COUNT = 40_000


def pairs(adapted, design):
    """Return draws of every coefficient that adapting gives, and its place in `posterior`."""
    p = design.intercept + len(design.common.labels)
    values = [adapted.draws["b"].values[0]] if p else []
    places = [np.arange(p)]
    low, used = p, {}
    for g in design.groups:
        found, q = adapted.draws[f"r_{g.group}"], len(g.terms)
        first = used.get(g.group, 0)
        used[g.group] = first + q
        for i, level in enumerate(found.dims[0][1]):
            at = g.levels.tolist().index(level)
            values.append(found.values[0, :, i, first : first + q])
            places.append(low + at * q + np.arange(q))
        low += len(g.levels) * q
    return np.hstack(values), np.concatenate(places)


def assert_is(values, normal, at, worth):
    """Assert that draws have the mean and the covariance of a normal distribution."""
    mean, covariance = normal.mean[at], normal.covariance[np.ix_(at, at)]
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors of means, and of covariances, of so many draws.
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - mean), 5 * sd / np.sqrt(worth))
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / worth)
    np.testing.assert_array_less(np.abs(np.cov(values.T) - covariance), 5 * error)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_fit_to_all_rows(formula):
    old = design_of(formula, OLD)
    fit = fit_of(old, posterior(old).draw(COUNT, 1))
    adapted = fit.adapt(NEW)
    every = design_of(formula, pd.concat([OLD, NEW], ignore_index=True))
    values, at = pairs(adapted, every)
    assert adapted.khat < 0.7
    assert adapted.effects_khat == 0
    assert_is(values, posterior(every), at, adapted.ess)
    levels = {g.group: len(g.levels) for g in every.groups}
    assert {g.group: len(g.levels) for g in adapted.rows.design.groups} == levels


def test_known_hyperparameters_and_one_new_level_are_exact_for_any_draws():
    # Common coefficients that do not vary: weights are equal, each draw stands once.
    design = design_of("y ~ x + (x | g)", OLD)
    theta = np.tile(posterior(design).mean, (COUNT, 1))
    adapted = fit_of(design, theta).adapt(NEW[NEW["g"] == "z"])
    np.testing.assert_array_equal(adapted.at, np.arange(COUNT))
    assert adapted.khat == 0
    assert adapted.ess == pytest.approx(COUNT)
    rows = NEW[NEW["g"] == "z"]
    Z = np.column_stack([np.ones(len(rows)), rows["x"]])
    prior = np.array([[0.64, 0.16], [0.16, 0.25]])
    V = np.linalg.inv(np.linalg.inv(prior) + Z.T @ Z / SIGMA**2)
    mean = V @ Z.T @ (rows["y"].to_numpy() - Z @ theta[0, :2]) / SIGMA**2
    drawn = adapted.draws["r_g"].values[0, :, 0]
    sd = np.sqrt(np.diag(V))
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - mean), 5 * sd / np.sqrt(COUNT))


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 1.0, 3.0])])
def test_each_draw_has_the_dense_normal_density(weights):
    r = np.random.default_rng(3)
    residuals, B = r.normal(size=(5, 4)), r.normal(size=(5, 4, 3))
    sd = r.uniform(0.5, 2, (5, 4))
    found = normal_effects(residuals, B, sd, weights)
    # A row of weight 2 is two rows.
    rows = np.repeat(np.arange(4), 1 if weights is None else weights.astype(int))
    for s in range(5):
        Z, noise = B[s][rows], np.diag(sd[s][rows] ** 2)
        normal = multivariate_normal(np.zeros(len(rows)), Z @ Z.T + noise)
        assert found.log_marginal[s] == pytest.approx(normal.logpdf(residuals[s][rows]))
        V = np.linalg.inv(np.eye(3) + Z.T @ np.linalg.solve(noise, Z))
        mean = V @ Z.T @ np.linalg.solve(noise, residuals[s][rows])
        np.testing.assert_allclose(found.mean[s], mean)
        np.testing.assert_allclose(found.factor[s] @ found.factor[s].T, np.linalg.inv(V))


def test_rows_one_by_one_are_all_rows_at_once():
    design = design_of("y ~ x + (x | g) + (1 | k)", OLD)
    fit = fit_of(design, posterior(design).draw(500, 1))
    first = fit.adapt(NEW.iloc[:3]).adapt(NEW.iloc[3:4])
    steps, once = first.adapt(NEW.iloc[4:]), fit.adapt(NEW)
    # Levels are numbered as they come, which changes which random numbers they get.
    assert steps.khat == pytest.approx(once.khat, rel=1e-8)
    assert steps.ess == pytest.approx(once.ess, rel=1e-8)
    np.testing.assert_array_equal(
        steps.rows.design.response.values, once.rows.design.response.values
    )
    tail = NEW[NEW["g"] == "z"]
    np.testing.assert_array_equal(
        fit.adapt(tail.iloc[:2]).adapt(tail.iloc[2:]).draws["r_g"].values,
        fit.adapt(tail).draws["r_g"].values,
    )
    assert steps.rows.design.total == len(NEW)
    assert fit.adapt(NEW).coef().equals(once.coef())
