"""Every family's linear predictors, means and responses by brute force over the draws."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, ndtr

from tests.predicting.fits import RESPONSES, draws_of, fit_of, rows

NEW = rows(6, seed=5)


def linear(fit, ending="", effects=True):
    """Return b, x, f, the offset and the effects of each row's level, row by row."""
    variable = fit.draws[f"b{ending}"]
    b = draws_of(fit, f"b{ending}")
    place = {term: b[:, k] for k, term in enumerate(variable.dims[0][1])}
    r = draws_of(fit, f"r_g{ending}")
    out = np.zeros((len(b), len(NEW)))
    for i, row in enumerate(NEW.itertuples()):
        out[:, i] = place["x"] * row.x + row.o + place.get("Intercept", 0)
        out[:, i] += place["f[T.lo]"] * (row.f == "lo")
        if effects:
            j = "abcd".index(row.g)
            out[:, i] += r[:, j, 0] + r[:, j, 1] * row.x
    return out


def hurdled(mu, hu, zero):
    return (1 - hu) * mu / (1 - zero)


N = NEW["n"].to_numpy()
MEANS = {
    "gaussian": lambda eta, p: eta,
    "student": lambda eta, p: eta,
    "lognormal": lambda eta, p: stats.lognorm(p["sigma"], scale=np.exp(eta)).mean(),
    "gamma": lambda eta, p: np.exp(eta),
    "beta": lambda eta, p: expit(eta),
    "bernoulli": lambda eta, p: expit(eta),
    "bernoulli(probit)": lambda eta, p: ndtr(eta),
    "bernoulli(cloglog)": lambda eta, p: 1 - np.exp(-np.exp(eta)),
    "binomial": lambda eta, p: N * expit(eta),
    "beta_binomial": lambda eta, p: N * expit(eta),
    "poisson": lambda eta, p: np.exp(eta),
    "negbinomial": lambda eta, p: np.exp(eta),
    "zero_inflated_poisson": lambda eta, p: (1 - p["zi"]) * np.exp(eta),
    "zero_inflated_negbinomial": lambda eta, p: (1 - p["zi"]) * np.exp(eta),
    "hurdle_poisson": lambda eta, p: hurdled(np.exp(eta), p["hu"], np.exp(-np.exp(eta))),
    "hurdle_negbinomial": lambda eta, p: hurdled(
        np.exp(eta),
        p["hu"],
        # SciPy's nbinom.pmf keeps nine digits where the shape is large.
        np.exp(-p["shape"] * np.log1p(np.exp(eta) / p["shape"])),
    ),
}
WITH_CATEGORIES = ("cumulative", "cumulative(probit)", "categorical")


def parameters(fit):
    return {v.name: draws_of(fit, v.name)[:, None] for v in fit.draws if v.effect == "family"}


def probabilities(family):
    """Return those of the categories, shape (draws, rows, 3)."""
    fit = fit_of(family)
    if family == "categorical":
        odds = np.exp(np.stack([linear(fit, e) for e in ("_muq", "_mur")], axis=-1))
        odds = np.concatenate([np.ones((*odds.shape[:2], 1)), odds], axis=-1)
        return odds / odds.sum(axis=-1, keepdims=True)
    F = ndtr if "probit" in family else expit
    below = F(draws_of(fit, "Intercept")[:, None, :] - linear(fit)[..., None])
    return np.stack([below[..., 0], below[..., 1] - below[..., 0], 1 - below[..., 1]], axis=-1)


@pytest.mark.parametrize("family", MEANS)
def test_linear_predictors_and_means(family):
    fit = fit_of(family)
    eta = linear(fit)
    found = fit.predict(NEW, "linear", summary=False)
    assert found.dims == ("chain", "draw", "row")
    np.testing.assert_allclose(found.values.reshape(40, -1), eta, rtol=1e-12, atol=1e-12)
    mean = MEANS[family](eta, parameters(fit))
    np.testing.assert_allclose(
        fit.predict(NEW, summary=False).values.reshape(40, -1), mean, rtol=1e-10
    )
    # Of the draws a table tells mean, sd and quantiles, beside what was given.
    table = fit.predict(NEW, conf_level=0.8)
    assert table[list(NEW)].equals(NEW)
    np.testing.assert_allclose(table["estimate"], mean.mean(axis=0))
    np.testing.assert_allclose(table["std_error"], mean.std(axis=0, ddof=1))
    ends = np.quantile(mean, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(table[["conf_low", "conf_high"]].T, ends)


@pytest.mark.parametrize("family", WITH_CATEGORIES)
def test_categories_have_a_row_each(family):
    fit = fit_of(family)
    p = probabilities(family)
    found = fit.predict(NEW, summary=False)
    assert found.dims == ("chain", "draw", "row", "category")
    np.testing.assert_allclose(found.values.reshape(p.shape), p, rtol=1e-9, atol=1e-12)
    table = fit.predict(NEW)
    assert table["category"].tolist() == list("pqr" if family == "categorical" else "123") * 6
    assert table["x"].tolist() == np.repeat(NEW["x"], 3).tolist()
    np.testing.assert_allclose(table["estimate"], p.mean(axis=0).ravel())
    np.testing.assert_allclose(table["std_error"], p.std(axis=0, ddof=1).ravel())
    eta = fit.predict(NEW, "linear", summary=False)
    if family == "categorical":
        assert eta["category"].values.tolist() == ["q", "r"]
        np.testing.assert_allclose(eta.values[..., 1].reshape(40, -1), linear(fit, "_mur"))
    else:
        np.testing.assert_allclose(eta.values.reshape(40, -1), linear(fit))


@pytest.mark.parametrize("family", RESPONSES)
def test_responses_scatter_about_their_means(family):
    """2,000 responses for each draw: their mean is the mean of the draw, up to sampling error."""
    fit, count = fit_of(family), 2000
    many = NEW.iloc[np.repeat([0, 3], count)]
    drawn = fit.predict(many, "response", summary=False)
    values = drawn.values.reshape(40, 2, count)
    if family in WITH_CATEGORIES:
        assert drawn.attrs["categories"] == list("pqr" if family == "categorical" else "123")
        p = probabilities(family)[:, [0, 3]]
        share = np.stack([(values == k).mean(axis=-1) for k in range(3)], axis=-1)
        error = np.sqrt(p * (1 - p) / count)
        assert (np.abs(share - p) < 5 * error + 1e-3).all()
        table = fit.predict(many, "response")
        assert table["estimate"].iloc[1] == pytest.approx((values[:, 0, 0] == 1).mean())
        return
    mean = MEANS[family](linear(fit), parameters(fit))[:, [0, 3]]
    error = values.std(axis=-1) / np.sqrt(count)
    # Heavy tails of some draws make a few of the 80 means miss by more.
    z = np.abs(values.mean(axis=-1) - mean) / np.maximum(error, 1e-12)
    assert np.quantile(z, 0.9) < 2.5
    if "trials" in RESPONSES[family]:
        assert values.max() <= many["n"].max()
        assert (values == np.floor(values)).all()


def test_noise_is_that_of_the_draw():
    fit = fit_of("gaussian")
    many = NEW.iloc[np.zeros(4000, int)]
    drawn = fit.predict(many, "response", summary=False).values.reshape(40, -1)
    sigma = draws_of(fit, "sigma")
    # The relative error of an sd of 4,000 numbers is 1.1 %.
    np.testing.assert_allclose(drawn.std(axis=1), sigma, rtol=0.06)


def test_the_rows_of_the_fit_are_the_default():
    fit = fit_of("binomial")
    own = fit.predict()
    np.testing.assert_allclose(own["estimate"], fit.predict(rows())["estimate"])
    pd.testing.assert_series_equal(own["some"], rows()["some"], check_index_type=False)
    assert own["g"].astype(str).tolist() == rows()["g"].tolist()


def test_some_of_the_draws():
    fit = fit_of("gaussian")
    every = fit.predict(NEW, "linear", summary=False).values.reshape(40, -1)
    some = fit.predict(NEW, "linear", summary=False, draws=8)
    assert some.shape == (1, 8, 6)
    np.testing.assert_array_equal(some.values[0], every[::5])
