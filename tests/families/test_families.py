"""Each family against scipy.stats: density, draws, and the check of the response."""

import numpy as np
import pytest
import scipy.stats as st

from hierglm.design.design import Response
from hierglm.errors import ResponseError, SettingsError
from hierglm.families import FAMILIES, family

ETA = np.linspace(-4, 4, 41)


def response(values, trials=None, se=None, levels=None, rows=None):
    values = np.asarray(values, dtype=float)
    rows = np.arange(len(values)) if rows is None else np.asarray(rows)
    trials = None if trials is None else np.asarray(trials, dtype=float)
    return Response("y", values, rows, trials=trials, se=se, levels=levels)


def test_gaussian_density():
    y = np.linspace(-10, 10, 41)
    sigma = np.full(41, 1.7)
    got = FAMILIES["gaussian"].log_density(y, ETA, {"sigma": sigma}, None)
    np.testing.assert_allclose(got, st.norm.logpdf(y, ETA, 1.7), rtol=1e-13)


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_bernoulli_density(y):
    got = FAMILIES["bernoulli"].log_density(np.full(41, y), ETA, {}, None)
    np.testing.assert_allclose(got, st.bernoulli.logpmf(y, 1 / (1 + np.exp(-ETA))), rtol=1e-12)


def test_bernoulli_density_far_out():
    # log(1 / (1 + exp(700))) = -700 to the last bit; scipy gives -inf here.
    got = FAMILIES["bernoulli"].log_density(
        np.array([0.0, 1.0]), np.array([700.0, -700.0]), {}, None
    )
    np.testing.assert_array_equal(got, [-700.0, -700.0])


def test_binomial_density():
    n = np.arange(41.0) + 1
    y = np.floor(n / 3)
    got = FAMILIES["binomial"].log_density(y, ETA, {}, n)
    np.testing.assert_allclose(got, st.binom.logpmf(y, n, 1 / (1 + np.exp(-ETA))), rtol=1e-10)


def test_poisson_density():
    y = np.arange(41.0)
    got = FAMILIES["poisson"].log_density(y, ETA, {}, None)
    np.testing.assert_allclose(got, st.poisson.logpmf(y, np.exp(ETA)), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "eta", "scales", "trials", "mean", "sd"),
    [
        ("gaussian", 1.5, {"sigma": 2.0}, None, 1.5, 2.0),
        ("bernoulli", 0.4, {}, None, 0.598687660, np.sqrt(0.598687660 * 0.401312340)),
        ("binomial", -0.4, {}, 7.0, 7 * 0.401312340, np.sqrt(7 * 0.598687660 * 0.401312340)),
        ("poisson", 1.2, {}, None, np.exp(1.2), np.exp(0.6)),
    ],
)
def test_draws_have_the_family_s_mean_and_sd(name, eta, scales, trials, mean, sd):
    count = 200_000
    n = None if trials is None else np.full(count, trials)
    y = FAMILIES[name].draw(np.random.default_rng(1), np.full(count, eta), scales, n)
    # Five standard errors of the mean, and of the sd for at most moderate kurtosis.
    assert y.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(count))
    assert y.std() == pytest.approx(sd, rel=0.02)


def test_links_invert():
    for f in FAMILIES.values():
        inside = ETA if f.link.name == "identity" else f.link.invert(ETA)
        np.testing.assert_allclose(f.link.apply(inside), ETA, atol=1e-12)


def test_logit_does_not_overflow():
    link = FAMILIES["bernoulli"].link
    np.testing.assert_array_equal(link.invert(np.array([-800.0, 800.0])), [0.0, 1.0])


REFUSED = [
    ("poisson", response([1, 2.5, 3], rows=[4, 16, 20]),
     "Poisson needs whole numbers >= 0; row 17 of 'y' has 2.5"),
    ("poisson", response([1, -1, -2]), "row 2 of 'y' has -1 (and 1 more row)"),
    ("poisson", response([1, np.inf]), "row 2 of 'y' has inf"),
    ("poisson", response([1, 3e9]), "at most 2,147,483,647"),
    ("poisson", response([1], trials=[2]), "family='binomial'"),
    ("bernoulli", response([0, 1, 2]), "Bernoulli needs 0 or 1; row 3 of 'y' has 2"),
    ("bernoulli", response([0, 1, 2], levels=("a", "b", "c")), "needs two levels; 'y' has 3"),
    ("bernoulli", response([0, 1], se=np.ones(2)), "se() is for family='gaussian'"),
    ("binomial", response([1, 2]), "y | trials(n)"),
    ("binomial", response([1, 5], trials=[2, 4]), "row 2 has 5 successes in 4 trials"),
    ("binomial", response([1, 0.5], trials=[2, 4]), "row 2 of 'y' has 0.5"),
    ("binomial", response([1, 1], trials=[2, 1.5]), "row 2 has 1.5 trials"),
    ("binomial", response([1, 1], trials=[2, -1]), "row 2 has -1 trials"),
    ("gaussian", response([0, 1], levels=("no", "yes")), "use family='bernoulli'"),
    ("gaussian", response([0, np.inf]), "row 2 of 'y' has inf"),
    ("gaussian", response([0], trials=[2]), "family='binomial'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "said"), REFUSED)
def test_impossible_responses_are_refused(name, bad, said):
    with pytest.raises(ResponseError) as error:
        FAMILIES[name].check(bad)
    assert said in str(error.value)


def test_family_by_name_or_object():
    assert family(" Gaussian ") is FAMILIES["gaussian"]
    assert family(FAMILIES["poisson"]) is FAMILIES["poisson"]
    with pytest.raises(SettingsError, match="did you mean 'poisson'"):
        family("poison")
