"""The penalised fit against closed forms and dense likelihoods."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from hierglm.families import family
from hierglm.models import specify
from hierglm.plan.crossproducts import common_matrix, sum_rows
from hierglm.plan.gaussian_sums import GaussianSums
from hierglm.plan.order import order
from hierglm.plan.penalised import penalise
from hierglm.plan.row_likelihood import RowLikelihood
from hierglm.plan.rows import factors, gather
from hierglm.priors import distributions as prior
from tests.designs import design_of
from tests.program.oracles import simulated

FLAT = {"Intercept": prior.flat(), "b": prior.flat(), "sd": prior.flat(), "sigma": prior.flat()}


def fitted(formula, data, response="gaussian", priors=None, rows=False, **options):
    design = design_of(formula, data)
    model = specify(design, response, priors)
    found = order(factors(design))
    if response == "gaussian" and not rows:
        likelihood = GaussianSums(sum_rows(design, found))
    else:
        levels = [len(g.levels) for g in design.groups]
        se = design.response.se
        likelihood = RowLikelihood(
            gather(design), family(response).exponential, found, levels, se,
            "sigma" in model.scales,
        )  # fmt: skip
    return model, penalise(model, likelihood, found, **options)


def test_without_groups_it_is_least_squares():
    d = simulated()
    model, found = fitted("y ~ x + z", d, priors={k: v for k, v in FLAT.items() if k != "sd"})
    X, _ = common_matrix(model.design)
    b, rss, _, _ = np.linalg.lstsq(X, d["y"].to_numpy(), rcond=None)
    np.testing.assert_allclose(found.common, b, rtol=1e-8)
    # The Jacobian of log sigma takes one, and p are gone into the coefficients.
    s2 = rss[0] / (len(d) - 3 - 1)
    np.testing.assert_allclose(found.sigma**2, s2, rtol=1e-3)
    exact = s2 * np.linalg.inv(X.T @ X)
    np.testing.assert_allclose(np.linalg.inv(found.precision), exact, rtol=1e-3, atol=1e-12)


def marginal(model, logs, correlations):
    """Return the log posterior of log sds and log sigma, all coefficients integrated out.

    From the dense covariance of the response; flat priors on the coefficients.
    """
    design = model.design
    X, _ = common_matrix(design)
    y = design.response.values
    w = np.ones(len(y)) if design.response.weights is None else design.response.weights
    V = np.exp(2 * logs[-1]) * np.diag(1 / w)
    low = 0
    for g, cor in zip(design.groups, correlations, strict=True):
        q, strata = len(g.terms), len(g.relation.strata) or 1
        at = g.relation.stratum if g.relation.strata else np.zeros(len(g.levels), dtype=int)
        sd = np.exp(logs[low : low + strata * q]).reshape(strata, q)[at]
        low += strata * q
        Z = np.zeros((design.rows, len(g.levels), q))
        Z[np.arange(design.rows), g.index] = g.effects.matrix
        V += np.einsum("njk,jkl,mjl->nm", Z, sd[:, :, None] * cor * sd[:, None, :], Z)
    inverse = np.linalg.inv(V)
    H = X.T @ inverse @ X
    e = y - X @ np.linalg.solve(H, X.T @ inverse @ y)
    out = -0.5 * (np.linalg.slogdet(V)[1] + np.linalg.slogdet(H)[1] + e @ inverse @ e)
    # A weighted likelihood has sigma as often as its weights say, not once a row.
    return out + logs.sum() + (len(y) - w.sum()) * logs[-1]


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g)",
        "y | weights(w) ~ x + z + (1 | g)",
        "y ~ x + (x || g)",
        "y ~ x + (1 | school/class)",
        "y ~ x + (1 | g) + (1 | h)",
        "y ~ x + (x || g) + (1 | h) + (1 | school)",
        "y ~ x + (1 | h) + (1 | school/class)",
        "y ~ x + (1 | gr(room, by=half))",
        "y ~ x + (x || gr(room, by=half)) + (1 | h)",
    ],
)
@pytest.mark.parametrize("rows", [False, True])
def test_variances_are_at_the_mode_of_their_posterior(formula, rows):
    r = np.random.default_rng(2)
    d = simulated(rows=150)
    d["y"] += r.normal(0, 8, 7)[pd.factorize(d["g"])[0]] + r.normal(0, 5, 5)[d["h"] - 10]
    d["y"] += r.normal(0, 6, 6)[d["school"]] + r.normal(0, 2, 7)[pd.factorize(d["g"])[0]] * d["x"]
    model, found = fitted(formula, d, priors=FLAT, rows=rows, close=1e-8, steps=4000)
    assert found.converged
    at = np.log(np.concatenate([*found.sds, [found.sigma]]))
    independent = [np.eye(v.shape[-1]) for v in found.covariances]
    slope = approx_fprime(at, lambda x: marginal(model, x, independent), 1e-6)
    np.testing.assert_allclose(slope, 0, atol=2e-3)


@pytest.mark.parametrize(
    ("formula", "response"),
    [
        ("hit ~ x + z + (1 | g)", "bernoulli"),
        ("hit | weights(w) ~ x + (x | g) + (1 | h)", "bernoulli"),
        ("s | trials(n) ~ x + offset(v / 5) + (1 | school/class)", "binomial"),
        ("count ~ x + offset(log(exposure)) + (x || g)", "poisson"),
    ],
)
def test_coefficients_are_at_the_penalised_mode(formula, response):
    own = {"b": prior.student_t(3, 0, 1), "Intercept": prior.normal(0, 2)}
    model, found = fitted(formula, simulated(rows=120), response, own, close=1e-7, steps=2000)
    design = model.design
    X, _ = common_matrix(design)

    def penalised(flat):
        b, low = flat[: X.shape[1]], X.shape[1]
        eta = X @ b + (0 if design.offset is None else design.offset)
        out = -0.5 * (b[0] / 2) ** 2 - sum(2 * np.log1p(x**2 / 3) for x in b[1:])
        for g, v in zip(design.groups, found.covariances, strict=True):
            size = len(g.levels) * len(g.terms)
            u = flat[low : low + size].reshape(len(g.levels), -1)
            low += size
            eta = eta + np.sum(g.effects.matrix * u[g.index], axis=1)
            out -= 0.5 * np.einsum("jk,kl,jl->", u, np.linalg.inv(v), u)
        density = model.family.log_density(design.response.values, eta, {}, design.response.trials)
        w = 1 if design.response.weights is None else design.response.weights
        return out + np.sum(w * density)

    at = np.concatenate([found.common, *(u.reshape(-1) for u in found.effects)])
    slope = approx_fprime(at, penalised, 1e-6)
    np.testing.assert_allclose(slope, 0, atol=5e-3)


def test_weights_of_student_effects_are_their_expectations():
    # Lange, Little and Taylor (1989): (df + q) / (df + expected squared distance of a level's
    # effects), at the posterior of effects whose precisions these weights multiply.
    d = simulated(rows=150)
    far = pd.factorize(d["g"], sort=True)[0]
    d["y"] += np.array([1.0, -2, 0, 2, -1, 1, 90])[far]
    model, found = fitted("y ~ x + (x | gr(g, dist='student'))", d, close=1e-9, steps=4000)
    assert found.converged
    (g,), (V,), (weights,) = model.design.groups, found.covariances, found.weights
    X, _ = common_matrix(model.design)
    n, J = len(d), len(g.levels)
    Z = np.zeros((n, J, 2))
    Z[np.arange(n), g.index] = g.effects.matrix
    Z = Z.reshape(n, -1)
    prior_precision = np.zeros((2 + 2 * J, 2 + 2 * J))
    slope, intercept = model.priors.of("b")[0], model.priors.of("Intercept")[0]
    m, s = intercept.numbers[1:]
    # A Student t prior pulls like a normal one of this precision.
    pull = 4 / (3 * s**2 + (found.common[0] - m) ** 2)
    prior_precision[0, 0], prior_precision[1, 1] = pull, slope.numbers[1] ** -2
    for j in range(J):
        at = slice(2 + 2 * j, 4 + 2 * j)
        prior_precision[at, at] = weights[j] * np.linalg.inv(V)
    XZ = np.hstack([X, Z])
    covariance = np.linalg.inv(XZ.T @ XZ / found.sigma**2 + prior_precision)
    score = XZ.T @ d["y"].to_numpy() / found.sigma**2
    score[0] += pull * m
    mean = covariance @ score
    np.testing.assert_allclose(found.common, mean[:2], rtol=1e-5)
    np.testing.assert_allclose(found.effects[0], mean[2:].reshape(J, 2), rtol=1e-4, atol=1e-5)
    for j in range(J):
        at = slice(2 + 2 * j, 4 + 2 * j)
        second = np.outer(mean[at], mean[at]) + covariance[at, at]
        squared = np.trace(np.linalg.solve(V, second))
        # The mode of gamma(2, 0.1) is 10.
        np.testing.assert_allclose(weights[j], 12 / (10 + squared), rtol=2e-2)
    assert weights.argmin() == 6
    assert weights[6] < 0.5


def hard(name):
    r = np.random.default_rng(1)
    n = 60
    d = pd.DataFrame({"x": r.normal(size=n), "g": np.arange(n), "h": np.repeat(np.arange(6), 10)})
    d["one"], d["noise"], d["huge"] = 1.0, r.normal(size=n), 1e8 + 1e8 * r.normal(size=n)
    d["above"], d["early"], d["zero"] = (d["x"] > 0).astype(int), (d["h"] < 3).astype(int), 0
    d["line"] = 2 * d["x"] + d["h"]
    return {
        "a variance of zero": ("noise ~ 1 + (1 | h)", d, "gaussian"),
        "one row a group": ("noise ~ x + (x | g)", d, "gaussian"),
        "one response a group": ("above ~ 1 + (1 | g)", d, "bernoulli"),
        "a constant column": ("noise ~ x + one + (1 | h)", d, "gaussian"),
        "large numbers": ("huge ~ x + (x | h)", d, "gaussian"),
        "separated by a column": ("above ~ x + (1 | h)", d, "bernoulli"),
        "separated by the groups": ("early ~ x + (1 | h)", d, "bernoulli"),
        "no successes": ("zero ~ x + (1 | h)", d, "bernoulli"),
        "no counts": ("zero ~ x + (1 | h)", d, "poisson"),
        "nothing left over": ("line ~ x + (1 | h)", d, "gaussian"),
    }[name]


@pytest.mark.parametrize(
    "name",
    ["a variance of zero", "one row a group", "one response a group", "a constant column",
     "large numbers", "separated by a column", "separated by the groups", "no successes",
     "no counts", "nothing left over"],
)  # fmt: skip
def test_hard_data_give_finite_numbers_or_none(name):
    formula, data, response = hard(name)
    _, found = fitted(formula, data, response)
    if name == "nothing left over":
        assert found is None
        return
    for v, spread in zip(found.covariances, found.spreads, strict=True):
        assert (np.linalg.eigvalsh(v) > 0).all()
        assert ((spread > 0) & (spread <= 1)).all()
    assert np.isfinite(found.common).all()
    assert found.sigma > 0
