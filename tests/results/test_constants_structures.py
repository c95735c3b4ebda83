"""Densities of further families, related levels and several predictors, with all their constants.

Textbook programs at one point; `test_constants` compares the planned ones with these.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

import hierglm as hg
from hierglm.models import Model
from hierglm.plan.choose import choose
from hierglm.program.write import write
from hierglm.results.constants import left_out, unbounded
from tests.densities import opened
from tests.program.exact import ALL
from tests.program.oracles import simulated
from tests.program.related import adjacency, covariance, data2, rows, scaled_field

N = stats.norm
PRIORS = {"Intercept": hg.prior.normal(0, 2), "b": hg.prior.normal(0, 1)}
SD, SIGMA = hg.prior.exponential(2), hg.prior.exponential(1.5)


def joint(model: Model, values: dict[str, Any]) -> float:
    """Return the log density of the textbook's program, with what it leaves out."""
    plan = choose(model, ALL, "textbook")
    assert unbounded(plan) == ""
    with opened(write(plan)) as density:
        found, _ = density(density.unconstrain(values))
    return found + left_out(plan, dropped=True)


def positive(x: Any, rate: float) -> float:
    """Return the log density of exponential parameters, by their logarithms."""
    return float(np.sum(stats.expon(scale=1 / rate).logpdf(x) + np.log(x)))


def unit(x: float) -> float:
    return float(stats.beta(2, 3).logpdf(x) + math.log(x * (1 - x)))


NU = stats.gamma(3, scale=1 / 0.2)
OWN = {
    "sigma": (0.8, SIGMA, lambda x: positive(x, 1.5)),
    "shape": (1.7, SIGMA, lambda x: positive(x, 1.5)),
    "phi": (3.1, SIGMA, lambda x: positive(x, 1.5)),
    "zi": (0.3, hg.prior.beta(2, 3), unit),
    "hu": (0.4, hg.prior.beta(2, 3), unit),
    "nu": (4.5, hg.prior.gamma(3, 0.2), lambda x: NU.logpdf(x) - NU.logsf(1) + math.log(x - 1)),
}
FAMILIES = {
    "student": "y ~ x", "lognormal": "exposure ~ x", "gamma": "exposure ~ x",
    "beta": "plogis(z) ~ x", "beta_binomial": "s | trials(n) ~ x", "negbinomial": "count ~ x",
    "zero_inflated_poisson": "count ~ x", "zero_inflated_negbinomial": "count ~ x",
    "hurdle_poisson": "count ~ x", "hurdle_negbinomial": "count ~ x",
    "bernoulli(probit)": "hit ~ x", "bernoulli(cloglog)": "hit ~ x",
    "binomial(probit)": "s | trials(n) ~ x", "binomial(cloglog)": "s | trials(n) ~ x",
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name: str) -> None:
    data = simulated()
    family = hg.model(FAMILIES[name], data, name).model.family
    own = {p.name: OWN[p.name] for p in family.parameters}
    priors = PRIORS | {n: prior for n, (_, prior, _) in own.items()}
    model = hg.model(FAMILIES[name], data, name, priors=priors).model
    b, x = np.array([-0.2, 0.1]), data["x"].to_numpy()
    eta = b[0] + (x - x.mean()) * b[1]
    scales = {n: np.array(value) for n, (value, _, _) in own.items()}
    response = model.design.response
    expected = family.log_density(response.values, eta, scales, response.trials).sum()
    expected += N(0, [2, 1]).logpdf(b).sum() + sum(law(v) for v, _, law in own.values())
    values = {"Intercept": b[0], "b": b[1:]} | {n: v for n, (v, _, _) in own.items()}
    assert joint(model, values) == pytest.approx(expected, abs=1e-8)


def test_ordered_categories() -> None:
    data = simulated().assign(level=lambda d: 1 + d["h"] % 4)
    model = hg.model("level ~ x", data, "cumulative", priors=PRIORS).model
    at, b, x = np.array([-1.0, 0.3, 0.9]), 0.2, data["x"].to_numpy()
    below = expit(at - b * (x - x.mean())[:, None])
    chances = np.diff(np.column_stack([np.zeros(60), below, np.ones(60)]), axis=1)
    expected = np.log(chances[np.arange(60), data["level"] - 1]).sum()
    # Three independent normals, given that they are in order: one of six orders.
    expected += N(0, 2).logpdf(at).sum() + math.log(6) + N(0, 1).logpdf(b)
    expected += np.log(np.diff(at)).sum()
    found = joint(model, {"Intercept": at, "b": np.array([b])})
    assert found == pytest.approx(expected, abs=1e-8)


Z = np.random.default_rng(5)
ALPHA = RHO = 0.35
LAW = stats.beta(2, 3)


def field(kind: str) -> tuple[np.ndarray, dict[str, float], float]:
    """Return a factor of the covariance of levels, its parameter and the log density of this."""
    W = adjacency()
    degree = np.where(W.sum(axis=1) == 0, 1, W.sum(axis=1))
    extra = LAW.logpdf(ALPHA) + math.log(ALPHA * (1 - ALPHA))
    if kind == "cov":
        A = covariance()
        names = sorted(A.index)
        return np.linalg.cholesky(A.loc[names, names].to_numpy()), {}, 0.0
    if kind == "car":
        return np.linalg.inv(np.diag(degree) - ALPHA * W), {"alpha": ALPHA}, extra
    if kind == "bym2":
        return (1 - RHO) * np.eye(7) + RHO * scaled_field(), {"rho": RHO}, extra
    C = np.linalg.pinv(np.diag(W.sum(axis=1)) - W, hermitian=True)
    C[6, 6] = 1
    return C, {}, 0.0


@pytest.mark.parametrize("kind", ["cov", "icar", "car", "bym2"])
def test_related_levels(kind: str) -> None:
    d = rows()
    term = "(1 | gr(g, cov=A))" if kind == "cov" else f'graph(1 | g, edges=E, type="{kind}")'
    covariance_, own, extra = field(kind)
    priors = PRIORS | {"sd": SD, "sigma": SIGMA} | dict.fromkeys(own, hg.prior.beta(2, 3))
    model = hg.model(f"y ~ x + {term}", d, priors=priors, data2=data2()).model
    relation = model.groups[0].relation
    z = Z.normal(size=(1, relation.factor.shape[1]))
    sd, sigma, b = 0.7, 0.9, np.array([-0.2, 0.1])
    # Effects as the program makes them; that their covariance is right is tested elsewhere.
    w = np.ones(z.shape[1])
    if kind == "car":
        w = 1 / np.sqrt(1 - ALPHA * relation.spectrum)
    if kind == "bym2":
        w = np.sqrt(1 + RHO * (relation.spectrum - 1))
    root = relation.factor * w
    want = covariance_ @ covariance_.T if kind == "cov" else covariance_
    np.testing.assert_allclose(root @ root.T, want, atol=1e-8)
    u = sd * root @ z[0]
    x, g = d["x"].to_numpy(), model.groups[0].index
    expected = N(b[0] + b[1] * (x - x.mean()) + u[g], sigma).logpdf(d["y"]).sum()
    expected += N.logpdf(z).sum() + N(0, [2, 1]).logpdf(b).sum() + extra
    expected += positive(sd, 2) + positive(sigma, 1.5)
    values = {"Intercept": b[0], "b": b[1:], "sd_1": sd, "sigma": sigma, "z_1": z}
    values |= {f"{n}_1": v for n, v in own.items()}
    assert joint(model, values) == pytest.approx(expected, abs=1e-8)


def test_strata_of_student_levels() -> None:
    d = rows()
    priors = PRIORS | {"sd": SD, "sigma": SIGMA, "cor": hg.prior.lkj(2.5),
                       "df": hg.prior.gamma(3, 0.2)}  # fmt: skip
    term = '(x | gr(g, by=f, dist="student"))'
    model = hg.model(f"y ~ x + {term}", d, priors=priors).model
    z, r, df, sigma = Z.normal(size=(2, 7)), np.array([0.3, -0.5]), 4.5, 0.9
    sd, b = np.array([0.7, 1.2, 0.4, 0.9]), np.array([-0.2, 0.1])
    weight = Z.uniform(0.3, 2, 7)
    L = np.array([[[1, 0], [s, math.sqrt(1 - s**2)]] for s in r])
    stratum = model.groups[0].relation.stratum
    e = np.einsum("jab,bj->ja", L[stratum], z) * sd.reshape(2, 2)[stratum]
    u = e / np.sqrt(weight)[:, None]
    x, g = d["x"].to_numpy(), model.groups[0].index
    mean = b[0] + b[1] * (x - x.mean()) + u[g, 0] + u[g, 1] * x
    expected = N(mean, sigma).logpdf(d["y"]).sum() + N.logpdf(z).sum()
    expected += N(0, [2, 1]).logpdf(b).sum() + positive(sd, 2) + positive(sigma, 1.5)
    # LKJ for two is a beta density of (r + 1) / 2; its Jacobian is that of atanh.
    expected += np.sum(stats.beta(2.5, 2.5).logpdf((r + 1) / 2) - math.log(2) + np.log1p(-(r**2)))
    expected += NU.logpdf(df) - NU.logsf(1) + math.log(df - 1)
    expected += np.sum(stats.gamma(df / 2, scale=2 / df).logpdf(weight) + np.log(weight))
    # Logarithms of weights are in units.
    expected += 7 * math.log(math.sqrt(2 * (df + 1)) / df)
    values = {"Intercept": b[0], "b": b[1:], "sd_1": sd, "sigma": sigma, "z_1": z, "df_1": df,
              "L_1": L, "log_weight_1": np.log(weight)}  # fmt: skip
    assert joint(model, values) == pytest.approx(expected, abs=1e-8)


def test_several_responses() -> None:
    d = simulated()
    parts = [hg.part(["y ~ x + (1 |s| g)", "sigma ~ 1"]), hg.part("hit ~ (1 |s| g)", "bernoulli"),
             hg.part("count ~ 1", "negbinomial")]  # fmt: skip
    priors = PRIORS | {"sd": SD, "cor": hg.prior.lkj(2.5), "shape": SIGMA,
                       "Intercept@y.sigma": hg.prior.normal(0, 1)}  # fmt: skip
    model = hg.model(parts, d, priors=priors).model
    (grouping,) = model.groups
    z, r, sd = Z.normal(size=(2, len(grouping.levels))), 0.3, np.array([0.7, 1.2])
    L = np.array([[1, 0], [r, math.sqrt(1 - r**2)]])
    u = (sd[:, None] * L) @ z
    g = model.parts[0].design.groups[0].index
    x, b, log_sigma, c, m, shape = d["x"].to_numpy(), [0.4, 0.2], 1.9, -0.3, 0.8, 1.7
    mean = b[0] + b[1] * (x - x.mean()) + u[0, g]
    expected = N(mean, math.exp(log_sigma)).logpdf(d["y"]).sum()
    expected += stats.bernoulli(expit(c + u[1, g])).logpmf(d["hit"]).sum()
    law = stats.nbinom(shape, shape / (shape + math.exp(m)))
    expected += law.logpmf(d["count"]).sum() + N.logpdf(z).sum()
    expected += N(0, [2, 2, 2, 1, 1]).logpdf([b[0], c, m, b[1], log_sigma]).sum()
    expected += positive(sd, 2) + positive(shape, 1.5)
    expected += stats.beta(2.5, 2.5).logpdf((r + 1) / 2) - math.log(2) + math.log(1 - r**2)
    values = {"Intercept_y": b[0], "b_y": np.array(b[1:]), "Intercept_sigma_y": log_sigma,
              "Intercept_hit": c, "Intercept_count": m, "shape_count": shape, "sd_1": sd,
              "L_1": L, "z_1": z}  # fmt: skip
    assert joint(model, values) == pytest.approx(expected, abs=1e-8)


def test_the_marginal_likelihood_by_quadrature() -> None:
    # Two parameters: the density with its constants integrates to p(y), whatever its scale.
    d = simulated().iloc[:4]
    priors = {"Intercept": hg.prior.normal(0, 1), "zi": hg.prior.beta(2, 3)}
    model = hg.model("count ~ 1", d, "zero_inflated_poisson", priors=priors).model
    plan = choose(model, ALL, "textbook")
    with opened(write(plan)) as density:
        names = density.unconstrain({"Intercept": 0.25, "zi": 0.4})
        first = int(np.flatnonzero(np.isclose(names, 0.25))[0])
        assert names[1 - first] == pytest.approx(logit(0.4))
        a, t = np.meshgrid(np.linspace(-5, 5, 101), np.linspace(-9, 9, 121), indexing="ij")
        points = np.stack([a.ravel(), t.ravel()], axis=1)[:, :: 1 if first == 0 else -1]
        values = np.array([density(p)[0] for p in points]) + left_out(plan, dropped=True)
    total = np.exp(values).sum() * 0.1 * 0.15
    grid, share = np.linspace(-8, 8, 801), np.linspace(0, 1, 1001)[1:-1]
    y = d["count"].to_numpy()[:, None, None]
    pmf = stats.poisson.pmf(y, np.exp(grid)[None, :, None])
    rows_ = share * (y == 0) + (1 - share) * pmf
    inside = np.prod(rows_, axis=0) * N.pdf(grid)[:, None] * stats.beta(2, 3).pdf(share)
    assert total == pytest.approx(inside.sum() * 0.02 * 0.001, rel=1e-4)
