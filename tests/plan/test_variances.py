"""Penalised fits of structured covariances: against glmmTMB, and at the mode of dense densities."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from hierglm.plan.crossproducts import common_matrix
from hierglm.priors import distributions as prior
from tests.plan.test_penalised import FLAT, fitted
from tests.program.exact import one_correlation
from tests.program.oracles import simulated

WAVES = Path(__file__).parents[1] / "data" / "waves.csv"

# Densities that take the Jacobians of log sds back.
LEVEL = prior.gamma(1e-9, 1e-9)

# glmmTMB 1.1.5 with R 4.2.2, REML=TRUE: sds, correlation, residual sd, slopes.
#   y ~ x + z + ar1(0 + t | subject), t = factor(wave)
#   v ~ x + z + diag(x + z | subject), map = list(theta = factor(c(1, 1, 1)))
#   v ~ x + z + cs(0 + x + z | subject)
GLMMTMB = [
    ("y ~ x + z + ar1(0 + factor(wave) | subject)", 0.75,
     [0.9528176], 0.88624811, 1.4922295, [0.47208158, -0.55928504]),
    ("v ~ x + z + iso(x + z | subject)", 1,
     [0.79368367], 0.0, 0.82585669, [0.40672818, -0.50812882]),
    ("v ~ x + z + cs(0 + x + z | subject)", 1e-9,
     [0.54385722, 0.99766395], 0.090464336, 1.0714088, [0.30852126, -0.44468396]),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "eta", "sds", "rho", "sigma", "slopes"), GLMMTMB)
def test_with_flat_priors_it_is_the_restricted_maximum_likelihood_of_glmmtmb(
    formula, eta, sds, rho, sigma, slopes
):
    # |C|^(eta - 1) takes the Jacobian of the correlation's logit back: (1 - rho^2)^-1 of five
    # times and of two effects alike.
    priors = {**FLAT, "sd": LEVEL, "sigma": LEVEL}
    if rho:
        priors["cor"] = prior.lkj(eta)
    _, found = fitted(formula, pd.read_csv(WAVES), priors=priors, close=1e-8, steps=3000)
    assert found.converged
    np.testing.assert_allclose(found.sds[0], sds, rtol=1e-5)
    np.testing.assert_allclose(found.rhos[0], rho, rtol=1e-5)
    np.testing.assert_allclose(found.sigma, sigma, rtol=1e-6)
    np.testing.assert_allclose(found.common[1:], slopes, rtol=1e-5)


def marginal(model, at):
    """Return the log posterior of log sds, logit of rho and log sigma, by dense matrices."""
    design = model.design
    (g,) = design.groups
    q, one = len(g.terms), g.structure.kind in ("iso", "ar1")
    sds = np.exp(at[: 1 if one else q])
    C, low, prior_density = np.eye(q), -1.0, 0.0
    if g.structure.kind in ("cs", "ar1"):
        low = -1 / (q - 1) if g.structure.kind == "cs" else -1.0
        rho = low + (1 - low) / (1 + np.exp(-at[-2]))
        C = one_correlation(g, rho, 2 if "wave" in g.source else 1)
        (cor,) = model.priors.of("cor")
        prior_density = np.log((rho - low) * (1 - rho))
        if cor.kind == "lkj":
            prior_density += (cor.numbers[0] - 1) * np.linalg.slogdet(C)[1]
        else:
            prior_density -= 0.5 * ((rho - cor.numbers[0]) / cor.numbers[1]) ** 2
    every = np.broadcast_to(sds, q)
    X, _ = common_matrix(design)
    y = design.response.values
    Z = np.zeros((design.rows, len(g.levels), q))
    Z[np.arange(design.rows), g.index] = g.effects.matrix
    V = np.exp(2 * at[-1]) * np.eye(len(y))
    V += np.einsum("njk,kl,mjl->nm", Z, np.outer(every, every) * C, Z)
    inverse = np.linalg.inv(V)
    H = X.T @ inverse @ X
    e = y - X @ np.linalg.solve(H, X.T @ inverse @ y)
    out = -0.5 * (np.linalg.slogdet(V)[1] + np.linalg.slogdet(H)[1] + e @ inverse @ e)
    return out + at[: len(sds)].sum() + at[-1] + prior_density


@pytest.mark.parametrize(
    ("formula", "cor"),
    [
        ("y ~ x + iso(x + z | g)", None),
        ("y ~ x + cs(x + z | g)", prior.lkj(2)),
        ("y ~ x + ar1(0 + h | g)", prior.lkj(1)),
        ("y ~ x + ar1(0 + wave | g)", prior.normal(0.2, 0.3)),
    ],
)
@pytest.mark.parametrize("rows", [False, True])
def test_variances_are_at_the_mode_of_their_posterior(formula, cor, rows):
    r = np.random.default_rng(2)
    d = simulated(rows=150).assign(wave=lambda d: np.array([3, 5, 7, 11])[d["school"] % 4])
    g = pd.factorize(d["g"])[0]
    d["y"] += r.normal(0, 8, 7)[g] + (r.normal(0, 6, 7)[g] + 3) * d["x"] + 4 * d["z"]
    d["y"] += r.normal(0, 9, (7, 5))[g, d["h"] - 10] + r.normal(0, 9, (7, 4))[g, d["school"] % 4]
    priors = FLAT if cor is None else {**FLAT, "cor": cor}
    model, found = fitted(formula, d, priors=priors, rows=rows, close=1e-8, steps=4000)
    assert found.converged
    at = [*np.log(found.sds[0]), np.log(found.sigma)]
    if cor is not None:
        low = model.priors.assigned[-2].slot.low
        at.insert(-1, np.log((found.rhos[0] - low) / (1 - found.rhos[0])))
    slope = approx_fprime(np.array(at), lambda x: marginal(model, x), 1e-6)
    np.testing.assert_allclose(slope, 0, atol=2e-3)


def test_an_sd_and_a_correlation_that_make_up_for_each_other_arrive():
    # 60 levels of 12 times: one by one their steps took 259.
    r = np.random.default_rng(0)
    C = 0.7 ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    u = r.multivariate_normal(np.zeros(12), C, size=60)
    d = pd.DataFrame({"g": np.repeat(np.arange(60), 12), "t": np.tile(np.arange(12), 60)})
    d["x"] = r.normal(size=720)
    eta = 0.3 + 0.5 * d["x"] + u[d["g"], d["t"]]
    d["y"] = (r.random(720) < 1 / (1 + np.exp(-eta))).astype(int)
    _, found = fitted("y ~ x + ar1(0 + t | g)", d, "bernoulli")
    assert found.converged
    _, exact = fitted("y ~ x + ar1(0 + t | g)", d, "bernoulli", close=1e-8, steps=2000)
    assert exact.converged
    # In units of how well the data know them.
    away = np.log(found.sds[0] / exact.sds[0]) / found.spreads[0]
    np.testing.assert_allclose(away, 0, atol=0.02)
    np.testing.assert_allclose(np.arctanh(found.rhos), np.arctanh(exact.rhos), atol=0.01)
