"""Prior draws and prior predictions against closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.criticising.drawable import with_levels
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.criticising.prior_predict import prior_predict
from hierglm.names import Parameter

N, SIZE = 60, 4000
R = np.random.default_rng(1)
DATA = pd.DataFrame(
    {
        "y": R.normal(size=N),
        "k": R.poisson(2, N),
        "x": R.normal(3, 1, N),
        "z": R.normal(size=N),
        "g": np.arange(N) % 6,
        "f": np.where(np.arange(N) % 6 < 3, "a", "b"),
        "t": (np.arange(N) // 6 % 4).astype(str),
    }
)


def model(formula, priors=None, family="gaussian", **more):
    return hg.model(formula, DATA, family=family, priors=priors, **more)._plan.model


def drawn(formula, priors=None, **more):
    return {
        v.name: v.values[0] for v in prior_fitted(model(formula, priors, **more), SIZE, 5).draws
    }


def close(found, expected, size=SIZE):
    """Compare a covariance matrix with the one that draws should have, to 5 standard errors."""
    se = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / size)
    assert (np.abs(found - expected) / se).max() < 5


def test_linear_predictor_has_the_covariance_of_its_parts():
    priors = {"Intercept": hg.prior.normal(2, 1), "b": hg.prior.normal(0, 0.5),
              "sd": hg.prior.constant(0.7), "cor": hg.prior.lkj(1),
              "sigma": hg.prior.constant(0.3)}  # fmt: skip
    m = model("y ~ x + (x | g)", priors)
    x, g = DATA["x"].to_numpy(), DATA["g"].to_numpy()
    c = x - x.mean()
    # Correlations are 0 on average, so they leave the covariance as it is.
    same = (g[:, None] == g) * 0.49
    expected = 1 + 0.25 * np.outer(c, c) + same * (1 + np.outer(x, x))
    found = prior_predict(m, SIZE, 3, "linear").to_numpy()[0]
    assert abs(found.mean(axis=0) - 2).max() < 5 * np.sqrt(np.diag(expected).max() / SIZE)
    # Correlations that vary make fourth moments larger than normal ones.
    close(np.cov(found.T), expected, SIZE / 2)
    response = prior_predict(m, SIZE, 3, "response").to_numpy()[0]
    close(np.cov((response - found).T), 0.09 * np.eye(N))


STRUCTURES = {
    "ar1": ("y ~ 1 + ar1(0 + t | g)", {"cor": hg.prior.constant(0.6)},
            lambda a, b: (a.g == b.g) * 0.6 ** abs(int(a.t) - int(b.t))),
    "cs": ("y ~ 1 + cs(0 + t | g)", {"cor": hg.prior.constant(0.4)},
           lambda a, b: (a.g == b.g) * (1.0 if a.t == b.t else 0.4)),
    "strata": ("y ~ 1 + (1 | gr(g, by=f))", {"sd[g:Intercept:fb]": hg.prior.constant(2)},
               lambda a, b: (a.g == b.g) * (4.0 if a.f == "b" else 1.0)),
    "student": ("y ~ 1 + (1 | gr(g, dist='student'))", {"df": hg.prior.constant(30)},
                lambda a, b: (a.g == b.g) * 30 / 28),
    "members": ("y ~ 1 + (1 | mm(g, h))", {},
                lambda a, b: sum(0.25 for i in (a.g, a.h) for j in (b.g, b.h) if i == j)),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_of_effects(name):
    formula, own, covariance = STRUCTURES[name]
    data = DATA.assign(h=(DATA["g"] + 1 + np.arange(N) // 6 % 3) % 6)
    priors = {"Intercept": hg.prior.constant(1), "sd": hg.prior.constant(1),
              "sigma": hg.prior.constant(1), **own}  # fmt: skip
    m = hg.model(formula, data, priors=priors)._plan.model
    found = prior_predict(m, SIZE, 4, "linear").to_numpy()[0]
    rows = list(data.itertuples())
    expected = np.array([[covariance(a, b) for b in rows] for a in rows], dtype=float)
    close(np.cov(found.T), expected)


def test_related_levels():
    A = 0.5 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    frame = pd.DataFrame(A, index=range(6), columns=range(6))
    priors = {"Intercept": hg.prior.constant(0), "sd": hg.prior.constant(2),
              "sigma": hg.prior.constant(1)}  # fmt: skip
    m = model("y ~ 1 + (1 | gr(g, cov=A))", priors, data2={"A": frame})
    r = prior_fitted(m, SIZE, 6).draws["r_g"].values[0, :, :, 0]
    close(np.cov(r.T), 4 * A)


SEVERAL = [
    hg.part(["y ~ x + (x |s| g)", "sigma ~ (1 |s| g)"]),
    hg.part("k ~ 1 + (1 |s| g) + (1 | t)", "poisson"),
]


@pytest.mark.parametrize("formula", ["y ~ x + (x | g) + (1 | t)", SEVERAL, "y ~ ar1(0 + t | g)"])
def test_parameters_do_not_need_the_levels(formula):
    whole = model(formula)
    few = with_levels(whole, [Parameter("ran_vals", "g", level=4)])
    assert [g.levels.tolist() for g in few.groups] == [[0, 4], ["0"]][: len(few.groups)]
    one, two = ({v.name: v for v in prior_fitted(m, 50, seed=3).draws} for m in (whole, few))
    for name, v in one.items():
        if v.effect != "ran_vals":
            np.testing.assert_array_equal(v.values, two[name].values)


def test_decov_splits_one_scale():
    found = drawn("y ~ x + (x | g)", "rstanarm")
    tau = np.sqrt((found["sd_g"] ** 2).sum(axis=1) / 2) / found["sigma"]
    assert stats.kstest(tau, stats.gamma(1).cdf).pvalue > 0.005
    share = found["sd_g"][:, 0] ** 2 / (found["sd_g"] ** 2).sum(axis=1)
    assert stats.kstest(share, "uniform").pvalue > 0.005


def test_intercept_is_at_the_means_of_the_columns():
    found = drawn("y ~ x + z", {"Intercept": hg.prior.normal(1, 2)})
    centre = found["b"] @ [1, DATA["x"].mean(), DATA["z"].mean()]
    assert stats.kstest(centre, stats.norm(1, 2).cdf).pvalue > 0.005


def test_thresholds_are_in_order_with_the_law_of_order_statistics():
    ordered = DATA.assign(t=pd.Categorical(DATA["t"], ordered=True))
    m = hg.model("t ~ x", ordered, "cumulative", priors={"Intercept": hg.prior.normal(0, 2)})
    draws = prior_fitted(m._plan.model, SIZE, 5).draws
    found = draws["Intercept"].values[0] - draws["b"].values[0] * DATA["x"].mean()
    assert (np.diff(found, axis=1) > 0).all()
    # F of the k-th of three independent numbers is beta(k, 4 - k).
    for k in range(3):
        p = stats.norm(0, 2).cdf(found[:, k])
        assert stats.kstest(p, stats.beta(k + 1, 3 - k).cdf).pvalue > 0.005


def test_rotated_loadings_keep_the_covariance():
    found = drawn("y ~ 1 + rr(x + z | g, rank=2)")
    L = np.zeros((SIZE, 3, 2))
    L[:, *np.tril_indices(3, 0, 2)] = found["loading_g"]
    assert (L[:, [0, 1], [0, 1]] > 0).all()
    sd = found["sd_g"]
    np.testing.assert_allclose(np.sqrt((L**2).sum(axis=2)), sd, rtol=1e-9)
    C = L @ L.swapaxes(1, 2) / (sd[:, :, None] * sd[:, None, :])
    np.testing.assert_allclose(C[:, *np.triu_indices(3, 1)], found["cor_g"], atol=1e-9)


def test_several_responses_share_levels():
    priors = {"sd": hg.prior.constant(1), "cor": hg.prior.lkj(2)}
    joint = [hg.part("y ~ 1 + (1 |p| g)"), hg.part("k ~ x + (1 |p| g)", "poisson")]
    m = hg.model(joint, DATA, priors=priors)._plan.model
    found = prior_predict(m, 500, 7, response="k")
    assert (found.to_numpy() % 1 == 0).all()
    draws = prior_fitted(m, SIZE, 7).draws
    r = np.stack([draws[n].values[0, :, :, 0] for n in ("r_g_y", "r_g_k")], axis=-1)
    assert r.std(axis=(0, 1)) == pytest.approx([1, 1], rel=0.03)
    # The product of two effects of a level follows their correlation.
    cor = next(v.values[0, :, 0] for v in draws if v.effect == "ran_cor")
    assert stats.kstest(cor, stats.beta(2, 2, loc=-1, scale=2).cdf).pvalue > 0.005
    product = (r[:, :, 0] * r[:, :, 1]).mean(axis=1)
    assert np.polyfit(cor, product, 1)[0] == pytest.approx(1, abs=0.08)


WIDE = ["poisson", "negbinomial", "zero_inflated_poisson", "hurdle_poisson", "hurdle_negbinomial"]


@pytest.mark.parametrize("family", WIDE)
def test_wide_priors_on_a_logarithm_give_counts(family):
    m = model("k ~ x + (x | g)", {"b": hg.prior.normal(0, 100)}, family=family)
    found = prior_predict(m, 200, 1).to_numpy()
    assert not np.isnan(found).any()
    assert found.min() >= 0
    assert found.max() > 1e18


def test_same_seed_same_numbers_and_a_seed_is_told():
    m = model("y ~ x + (1 | g)")
    one, two = (prior_predict(m, 50, seed=9) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    own = prior_predict(m, 50)
    np.testing.assert_array_equal(own, prior_predict(m, 50, seed=own.attrs["seed"]))


def test_flat_priors_are_named():
    with pytest.raises(hg.errors.PriorError, match=r"flat priors: b\[x\]; give proper ones"):
        prior_predict(model("y ~ x + (1 | g)", "brms"))
