"""Log priors against SciPy's densities; sensitivities against quadrature and ArviZ' psens."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.criticising.sensitivity import distance, sensitivity
from hierglm.errors import SettingsError
from hierglm.results.log_prior import log_priors

R = np.random.default_rng(1)
N = 40
DATA = pd.DataFrame({"y": R.normal(5, 1, N), "x": R.normal(2, 1, N), "g": np.arange(N) % 8,
                     "f": np.arange(N) % 8 % 2,
                     "t": pd.Categorical(R.choice(list("abc"), N), ordered=True)})  # fmt: skip


def drawn(formula, priors=None, family="gaussian", size=200):
    model = hg.model(formula, DATA, family=family, priors=priors)._plan.model
    draws = prior_fitted(model, size, 3).draws
    return model, draws, {v.name: v.values[0] for v in draws}


def same_but_for_a_constant(found, expected):
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-9, atol=1e-8)


def test_log_prior_is_the_sum_of_all():
    priors = {"Intercept": hg.prior.student_t(3, 5, 2), "b": hg.prior.normal(0, 2),
              "sd[g:x]": hg.prior.gamma(2, 1), "sd[g:Intercept]": hg.prior.exponential(1),
              "cor": hg.prior.lkj(2), "sigma": hg.prior.inv_gamma(3, 2)}  # fmt: skip
    model, draws, v = drawn("y ~ x + (x | g)", priors)
    centre = v["b"] @ [1, DATA["x"].mean()]
    parts = {
        "b[Intercept]": stats.t(3, 5, 2).logpdf(centre),
        "b[x]": stats.norm(0, 2).logpdf(v["b"][:, 1]),
        "sd[g:Intercept]": stats.expon().logpdf(v["sd_g"][:, 0]),
        "sd[g:x]": stats.gamma(2).logpdf(v["sd_g"][:, 1]),
        "cor[g]": np.log(1 - v["cor_g"][:, 0] ** 2),
        "sigma": stats.invgamma(3, scale=2).logpdf(v["sigma"]),
    }
    same_but_for_a_constant(log_priors(model, draws), sum(parts.values()))
    for name, expected in parts.items():
        same_but_for_a_constant(log_priors(model, draws, [name]), expected)


def test_log_prior_of_decov():
    model, draws, v = drawn("y ~ 1 + (x | g)", {"sd": hg.prior.decov(2, 3, 2, 1.5)})
    ratio = v["sd_g"] / v["sigma"][:, None]
    tau = np.sqrt((ratio**2).sum(axis=1) / 2)
    shares = ratio**2 / (ratio**2).sum(axis=1, keepdims=True)
    expected = stats.gamma(2, scale=1.5).logpdf(tau)
    expected += [stats.dirichlet([3, 3]).logpdf(s) for s in shares / shares.sum(1)[:, None]]
    same_but_for_a_constant(log_priors(model, draws, ["sd[g:Intercept]", "sd[g:x]"]), expected)


def test_log_prior_of_strata_and_thresholds():
    model, draws, v = drawn("y ~ 1 + (x | gr(g, by=f))", {"cor": hg.prior.lkj(3)})
    expected = 2 * np.log(1 - v["cor_g"] ** 2).sum(axis=1)
    same_but_for_a_constant(log_priors(model, draws, ["cor[g]"]), expected)
    model, draws, v = drawn("t ~ x", {"Intercept": hg.prior.normal(1, 2)}, "cumulative")
    centred = v["Intercept"] - v["b"] * DATA["x"].mean()
    expected = stats.norm(1, 2).logpdf(centred).sum(axis=1)
    same_but_for_a_constant(log_priors(model, draws, ["b[Intercept]"]), expected)


@pytest.mark.parametrize("rank", ["1", "2", "'auto'"])
def test_log_prior_of_loadings(rank):
    model, draws, v = drawn(f"y ~ 1 + rr(x + t | g, rank={rank})")
    d = 4 if rank == "'auto'" else int(rank)
    L = np.zeros((200, 4, d))
    L[:, *np.tril_indices(4, 0, d)] = v["loading_g"]
    A = L * np.sqrt((model.groups[0].effects.matrix ** 2).mean(axis=0))[:, None]
    (prior,) = model.priors.of("loading")
    df, _, s = prior.numbers
    if rank == "'auto'":
        V = np.eye(d) + A.swapaxes(1, 2) @ A / (df * s**2)
        expected = -0.5 * (df + 4 + d - 1) * np.log(np.linalg.det(V))
    else:
        expected = [stats.multivariate_t(np.zeros(4 * d), s**2 * np.eye(4 * d), df).logpdf(
            a.ravel()) for a in A]  # fmt: skip
    same_but_for_a_constant(log_priors(model, draws, ["loading[g]"]), np.array(expected))


def test_distance_is_the_integral_between_distribution_functions():
    # Draws at the quantiles of a normal law, weighted to another one.
    p, q = stats.norm(1, 2), stats.norm(1.4, 1.8)
    x = p.ppf((np.arange(40_000) + 0.5) / 40_000)
    weights = q.pdf(x) / p.pdf(x)
    found = distance(x, np.full(len(x), 1 / len(x)), weights / weights.sum())
    grid = np.linspace(x[0], x[-1], 200_001)

    def from_below(P, Q):
        M = (P + Q) / 2
        return np.trapezoid(P * np.log2(P / M) + Q * np.log2(Q / M), grid) / np.trapezoid(
            P + Q, grid
        )

    both = (from_below(p.cdf(grid), q.cdf(grid)), from_below(p.sf(grid), q.sf(grid)))
    assert found == pytest.approx(np.sqrt(max(both)), rel=1e-3)
    assert distance(x, weights / weights.sum(), weights / weights.sum()) == 0
    assert distance(np.ones(9), np.full(9, 1 / 9), np.arange(9) / 36) == 0


@pytest.fixture(scope="module")
def fit():
    priors = {"b[x]": hg.prior.normal(4, 0.3), "Intercept": hg.prior.normal(5, 20),
              "sd": hg.prior.exponential(1), "sigma": hg.prior.exponential(1)}  # fmt: skip
    return hg.fit("y ~ x + (1 | g)", DATA, seed=1, priors=priors, progress=False)


def test_sensitivities_equal_those_of_arviz(fit):
    az = pytest.importorskip("arviz")
    if not hasattr(az, "psens"):
        pytest.skip("psens has moved to arviz_stats")
    draws = fit.draws
    b, sd = draws["b"].values, draws["sd_g"].values[..., 0]
    sigma = draws["sigma"].values
    centre = b @ np.array([1, DATA["x"].mean()])
    log_prior = (stats.norm(4, 0.3).logpdf(b[..., 1]) + stats.norm(5, 20).logpdf(centre)
                 + stats.expon().logpdf(sd) + stats.expon().logpdf(sigma))  # fmt: skip
    data = fit.to_arviz(log_likelihood=True)
    data.add_groups({"log_prior": {"all": log_prior}})
    found = sensitivity(fit).set_index("parameter")
    for component in ("prior", "likelihood"):
        theirs = az.psens(data, component=component)
        expected = {"b[Intercept]": theirs["b"].to_numpy()[0], "b[x]": theirs["b"].to_numpy()[1],
                    "sd[g:Intercept]": float(theirs["sd_g"].to_numpy()[0]),
                    "sigma": float(theirs["sigma"])}  # fmt: skip
        for name, value in expected.items():
            # ArviZ takes every chain for independent draws, with a shorter tail to smooth.
            assert found.loc[name, component] == pytest.approx(float(value), rel=0.02)


def test_diagnosis_in_words(fit):
    found = sensitivity(fit).set_index("parameter")
    # The prior of the slope says 4 where the data say 0.
    assert found.loc["b[x]", "diagnosis"] in (
        "strong prior or weak likelihood", "prior and data may be in conflict")  # fmt: skip
    # That of the intercept is wide.
    own = sensitivity(fit, priors=["b[Intercept]"]).set_index("parameter")
    assert own.loc["sigma", "likelihood"] > 0.05 > own["prior"].max()
    assert (own["diagnosis"] == "").all()
    both = sensitivity(fit, ["b[x]", "sigma"], priors=["b[x]"])
    assert both["prior"][0] > both["prior"][1]


def test_weights_that_fail_are_not_used(fit):
    wild = dict(fit.draws.variables)
    sigma = wild["sigma"].values.copy()
    sigma[0, 0] = 1e-4
    wild["sigma"] = replace(wild["sigma"], values=sigma)
    found = sensitivity(replace(fit, draws=replace(fit.draws, variables=wild)))
    assert found.attrs["khat"]["likelihood"] > 0.7
    assert found["likelihood"].isna().all()
    assert (found["diagnosis"] == "").all()


def test_mistakes_are_named(fit):
    with pytest.raises(SettingsError, match=r"no parameter 'b\[z\]'"):
        sensitivity(fit, ["b[z]"])
    with pytest.raises(SettingsError, match="no prior 'sigm'; did you mean 'sigma'"):
        sensitivity(fit, priors=["sigm"])


def test_log_prior_of_several_predictors():
    r = np.random.default_rng(2)
    data = DATA.assign(z=r.normal(size=N), k=r.poisson(2, N))
    parts = [hg.part(["y ~ x + (x |s| g)", "sigma ~ z"]), hg.part("k ~ z + (1 |s| g)", "poisson")]
    priors = {"cor": hg.prior.lkj(2), "Intercept": hg.prior.normal(0, 2),
              "b": hg.prior.normal(0, 1), "sd": hg.prior.exponential(2)}  # fmt: skip
    model = hg.model(parts, data, priors=priors)._plan.model
    draws = prior_fitted(model, 150, 4).draws
    b = {v.name: v.values[0] for v in draws if v.effect == "fixed"}
    expected = np.zeros(150)
    for part, x in zip(model.parts, ("x", "z", "z"), strict=True):
        own = b[f"b{part.part.ending}"]
        prior = part.priors.of("Intercept")[0], part.priors.of("b")[0]
        for p, value in zip(prior, (own @ [1, data[x].mean()], own[:, 1]), strict=True):
            if p.kind == "normal":
                expected += stats.norm(*p.numbers).logpdf(value)
            else:
                expected += stats.t(*p.numbers).logpdf(value)
    sd = [v.values[0] for v in draws if v.effect == "ran_sd"]
    expected += stats.expon(scale=0.5).logpdf(np.concatenate(sd, axis=1)).sum(axis=1)
    assert sum(s.shape[1] for s in sd) == 3
    # |C| of three effects: 1 + 2 abc - a^2 - b^2 - c^2.
    cor = np.concatenate([v.values[0] for v in draws if v.effect == "ran_cor"], axis=1)
    expected += np.log(1 + 2 * cor.prod(axis=1) - (cor**2).sum(axis=1))
    same_but_for_a_constant(log_priors(model, draws), expected)
