"""Means over the distribution of group effects: quadrature by SciPy, and simulation."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, ndtr

import hierglm as hg
from hierglm.errors import SettingsError
from hierglm.families.links import CLOGLOG, IDENTITY, LOG, LOGIT, PROBIT
from hierglm.predicting.averages import averaged_inverse, averaged_value, triangular
from tests.predicting.fits import draws_of, fit_of, rows

NEW = rows(4, seed=5).drop(columns="g")


GRID = np.linspace(-12, 12, 20_001)
DENSITY = stats.norm.pdf(GRID) / stats.norm.pdf(GRID).sum()


def by_quad(value, eta, sd):
    """Return the mean of a function of eta + sd z by the trapezoidal rule.

    Its error is far below that of rounding: the integrands are analytic in a strip many steps
    wide (Trefethen and Weideman 2014).
    """
    return float(value(eta + sd * GRID) @ DENSITY)


# What the documentation says: of the mixture for logit, of quadrature for cloglog.
@pytest.mark.parametrize(
    ("link", "widest", "close"),
    [(IDENTITY, 8, 1e-9), (LOG, 2, 1e-9), (PROBIT, 8, 1e-9), (LOGIT, 8, 2.2e-9),
     (CLOGLOG, 1, 1e-10), (CLOGLOG, 2, 3e-6), (CLOGLOG, 3, 1e-4)],
)  # fmt: skip
def test_averages_over_one_normal_variable(link, widest, close):
    with np.errstate(over="ignore"):
        for eta, share in product(np.linspace(-8.0, 4.0, 25), (0.0, 0.1, 0.5, 1.0)):
            sd = share * widest
            expected = by_quad(link.invert, eta, sd)
            found = averaged_inverse(link, np.array([eta]), np.array([sd**2]))[0]
            assert abs(found - expected) < close * max(1.0, abs(expected))


def deviation(fit, ending=""):
    """Return eta without effects and the sd of the effects, row by row."""
    variable = fit.draws[f"b{ending}"]
    b = draws_of(fit, f"b{ending}")
    place = {term: b[:, k] for k, term in enumerate(variable.dims[0][1])}
    sd, cor = draws_of(fit, f"sd_g{ending}"), draws_of(fit, f"cor_g{ending}")[:, 0]
    eta, spread = np.zeros((2, len(b), len(NEW)))
    for i, row in enumerate(NEW.itertuples()):
        eta[:, i] = place["x"] * row.x + row.o + place.get("Intercept", 0)
        eta[:, i] += place["f[T.lo]"] * (row.f == "lo")
        cross = 2 * row.x * cor * sd[:, 0] * sd[:, 1]
        spread[:, i] = np.sqrt(sd[:, 0] ** 2 + (row.x * sd[:, 1]) ** 2 + cross)
    return eta, spread


def values(fit, *args, **kwargs):
    found = fit.predict(NEW, *args, summary=False, **kwargs).values
    return found.reshape(-1, *found.shape[2:])


N = NEW["n"].to_numpy()


def hurdle(x, hu):
    mu = np.exp(x)
    return (1 - hu) * mu / -np.expm1(-mu)


CURVES = {
    "gaussian": lambda x, p, i: x,
    "lognormal": lambda x, p, i: np.exp(x + p["sigma"] ** 2 / 2),
    "beta_binomial": lambda x, p, i: N[i] * expit(x),
    "bernoulli(probit)": lambda x, p, i: ndtr(x),
    "bernoulli(cloglog)": lambda x, p, i: -np.expm1(-np.exp(x)),
    "zero_inflated_poisson": lambda x, p, i: (1 - p["zi"]) * np.exp(x),
    "hurdle_poisson": lambda x, p, i: hurdle(x, p["hu"]),
}


@pytest.mark.parametrize("family", CURVES)
def test_means_of_families_over_levels(family):
    fit = fit_of(family)
    eta, sd = deviation(fit)
    found = values(fit, "mean", "average")
    for s, i in ((0, 0), (17, 1), (39, 3)):
        p = {v.name: draws_of(fit, v.name)[s] for v in fit.draws if v.effect == "family"}
        expected = by_quad(lambda x, p=p, i=i: CURVES[family](x, p, i), eta[s, i], sd[s, i])
        assert found[s, i] == pytest.approx(expected, rel=1e-5, abs=3e-9)
    # On a straight link nothing moves; linear predictors never do.
    np.testing.assert_allclose(values(fit, "linear", "average"), eta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(values(fit, "linear", "zero"), eta, rtol=1e-9, atol=1e-12)
    if family == "gaussian":
        np.testing.assert_allclose(found, eta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("family", "F"), [("cumulative", expit), ("cumulative(probit)", ndtr)])
def test_probabilities_of_ordered_categories_over_levels(family, F):
    fit = fit_of(family)
    eta, sd = deviation(fit)
    found = values(fit, "mean", "average")
    assert found.sum(axis=-1) == pytest.approx(1)
    cuts = draws_of(fit, "Intercept")
    for s, i in ((3, 0), (30, 2)):
        below = by_quad(lambda x, s=s: F(cuts[s, 0] - x), eta[s, i], sd[s, i])
        above = by_quad(lambda x, s=s: F(x - cuts[s, 1]), eta[s, i], sd[s, i])
        np.testing.assert_allclose(found[s, i, [0, 2]], [below, above], atol=3e-9)


def test_probabilities_of_categories_over_levels():
    fit = fit_of("categorical")
    found = values(fit, "mean", "average")
    (one, sd_one), (two, sd_two) = (deviation(fit, e) for e in ("_muq", "_mur"))
    s, i = 11, 2
    z, w = np.polynomial.hermite_e.hermegauss(80)
    odds_one = np.exp(one[s, i] + sd_one[s, i] * z)[:, None]
    odds_two = np.exp(two[s, i] + sd_two[s, i] * z)
    expected = w @ (odds_one / (1 + odds_one + odds_two)) @ w / w.sum() ** 2
    assert found[s, i, 1] == pytest.approx(expected, abs=1e-6)
    assert found.sum(axis=-1) == pytest.approx(1)


def test_three_and_more_predictors_by_points():
    """A probability that four predictors decide: 1 % off in a draw, 0.1 % in their mean."""
    r = np.random.default_rng(3)
    B = r.normal(size=(4, 4))
    V = B @ B.T / 4
    ones = np.ones((400, 1))
    factor = triangular({(a, b): V[a, b] * ones for a in range(4) for b in range(a + 1)}, range(4))
    np.testing.assert_allclose([x[0, 0] for x in factor[3]], np.linalg.cholesky(V)[3])
    etas = [0.3 * k * ones for k in range(4)]

    def value(x):
        odds = np.exp(np.stack(x))
        return odds[1] / (1 + odds.sum(axis=0))

    found = averaged_value(value, etas, factor, range(4), r.random((400, 4)))[:, 0]
    z, w = np.polynomial.hermite_e.hermegauss(18)
    nodes = np.stack(np.meshgrid(z, z, z, z, indexing="ij")).reshape(4, -1)
    weights = np.prod(np.meshgrid(w, w, w, w, indexing="ij"), axis=0).ravel()
    odds = np.exp(np.linalg.cholesky(V) @ nodes + 0.3 * np.arange(4)[:, None])
    expected = weights @ (odds[1] / (1 + odds.sum(axis=0))) / weights.sum()
    assert found.std() < 0.01 * expected
    assert found.mean() == pytest.approx(expected, rel=1e-3)


def test_a_singular_covariance_has_a_factor():
    ones = np.ones((2, 3))
    factor = triangular({(0, 0): 0 * ones, (1, 0): 0 * ones, (1, 1): 4 * ones}, (0, 1))
    assert [float(x[0, 0]) for row in factor for x in row] == [0.0, 0.0, 2.0]


SHARED = ("{} ~ x + (1 |s| g)", "zi ~ 1 + (1 |s| g)")


def test_a_mean_and_a_probability_of_zeros_that_vary_together():
    fit = fit_of("zero_inflated_poisson", SHARED)
    found = values(fit, "mean", "average")
    b, a = draws_of(fit, "b"), draws_of(fit, "b_zi")[:, 0]
    table = fit.posterior
    sd = [table[n].values.reshape(40) for n in ("sd_g", "sd_g_zi")]
    cor = next(v.values.reshape(40) for v in fit.draws if v.effect == "ran_cor")
    s, i = 7, 1
    z, w = np.polynomial.hermite_e.hermegauss(60)
    u = sd[0][s] * z[:, None]
    v = sd[1][s] * (cor[s] * z[:, None] + np.sqrt(1 - cor[s] ** 2) * z)
    mean = np.exp(b[s, 0] + b[s, 1] * NEW["x"].iloc[i] + u) * expit(-(a[s] + v))
    expected = w @ mean @ w / w.sum() ** 2
    assert found[s, i] == pytest.approx(expected, rel=1e-6)


def test_levels_that_move_what_the_mean_does_not_depend_on():
    fit = fit_of("gaussian", ("{} ~ x + (1 | g)", "sigma ~ 1 + (1 | g)"))
    np.testing.assert_allclose(values(fit, "mean", "average"), values(fit, "linear", "zero"))
    drawn = values(fit, "response", "average")
    assert np.isfinite(drawn).all()


def test_a_mean_that_is_infinite_is_refused():
    fit = fit_of("lognormal", ("{} ~ x", "sigma ~ 1 + (1 | g)"))
    with pytest.raises(SettingsError, match="sigma is infinite"):
        fit.predict(NEW, groups="average")


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "categorical"])
def test_averages_are_those_over_many_new_levels(family):
    fit = fit_of(family)
    count = 4000
    many = NEW.iloc[np.zeros(count, int)].assign(g=[f"new {k}" for k in range(count)])
    every = fit.predict(many, summary=False).values.reshape(40, count, -1)
    average = values(fit, "mean", "average")[:, 0].reshape(40, -1)
    error = every.std(axis=1) / np.sqrt(count)
    # 40 or 120 differences: by chance one in 120 is over 2.6 errors.
    assert (np.abs(every.mean(axis=1) - average) < 4.5 * error + 1e-3).all()


def test_responses_of_an_average_row_have_levels_of_their_own():
    fit = fit_of("gaussian")
    many = NEW.iloc[np.zeros(4000, int)]
    drawn = fit.predict(many, "response", "average", summary=False).values.reshape(40, -1)
    _, sd = deviation(fit)
    whole = np.sqrt(sd[:, 0] ** 2 + draws_of(fit, "sigma") ** 2)
    np.testing.assert_allclose(drawn.std(axis=1), whole, rtol=0.06)


def test_one_factor_averaged_over_and_one_included():
    data = rows().assign(h=np.resize(["u", "v", "w"], 40))
    fit = hg.fit(
        "hit ~ x + (1 | g) + (1 | h)", data, "bernoulli", seed=2, chains=1, warmup=40, draws=20,
        progress=False,
    )  # fmt: skip
    found = fit.predict({"x": [0.5], "h": ["v"]}, groups={"g": "average"}, summary=False)
    b, r, sd = draws_of(fit, "b"), draws_of(fit, "r_h")[:, 1, 0], draws_of(fit, "sd_g")[:, 0]
    for s in (0, 12):
        expected = by_quad(expit, b[s, 0] + 0.5 * b[s, 1] + r[s], sd[s])
        assert found.values[0, s, 0] == pytest.approx(expected, abs=3e-9)


def test_weights_of_memberships_share_the_variance():
    data = rows().assign(h=np.resize(list("bcda"), 40), w=0.75, v=0.25)
    fit = hg.fit(
        "y ~ x + (1 | mm(g, h, weights=cbind(w, v)))", data, seed=2, chains=1, warmup=40,
        draws=20, progress=False,
    )  # fmt: skip
    many = {"x": np.zeros(20_000), "w": np.full(20_000, 3.0), "v": np.full(20_000, 1.0)}
    drawn = fit.predict(many, "response", "average", summary=False).values[0]
    variance = draws_of(fit, "sd_mm(g, h)")[:, 0] ** 2 * (0.75**2 + 0.25**2)
    expected = np.sqrt(variance + draws_of(fit, "sigma") ** 2)
    np.testing.assert_allclose(drawn.std(axis=1), expected, rtol=0.03)
