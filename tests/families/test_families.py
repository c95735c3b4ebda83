"""Each family against scipy.stats: density, draws, and the check of the response."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

from hierglm.design.design import Response
from hierglm.errors import PriorError, ResponseError, SettingsError
from hierglm.families import FAMILIES, LINKED, family
from hierglm.families.cumulative import ordered_categories
from hierglm.families.parameters import BOUNDS
from hierglm.models import specify
from hierglm.priors import distributions as prior
from tests.designs import design_of
from tests.families import laws


def response(values, trials=None, se=None, levels=None, rows=None):
    values = np.asarray(values, dtype=float)
    rows = np.arange(len(values)) if rows is None else np.asarray(rows)
    trials = None if trials is None else np.asarray(trials, dtype=float)
    return Response("y", values, rows, trials=trials, se=se, levels=levels)


@pytest.mark.parametrize("f", laws.FAMILIES, ids=repr)
@pytest.mark.parametrize("eta", [-2.5, -0.3, 0.4, 1.7])
def test_density_is_scipy_s(f, eta):
    found = laws.law(f, eta)
    if laws.discrete(f):
        y = laws.support(f)[:60]
        expected = found.logpmf(y)
    else:
        y = found.ppf(np.linspace(0.001, 0.999, 41))
        expected = found.logpdf(y)
    eta = np.full(len(y), eta)
    got = f.log_density(y, eta, laws.scales(f), laws.trials(f, len(y)))
    # SciPy's own log probabilities of a negative binomial are good to 11 digits or so.
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


FAR = [
    # log(1 / (1 + exp(700))) = -700 to the last digit; scipy gives -inf here.
    ("bernoulli(logit)", 0.0, 700.0, -700.0),
    ("bernoulli(logit)", 1.0, -700.0, -700.0),
    # log Phi(-40), mpmath 1.3: log(ncdf(-40)).
    ("bernoulli(probit)", 1.0, -40.0, -804.60844201375378),
    ("bernoulli(probit)", 0.0, 40.0, -804.60844201375378),
    ("bernoulli(cloglog)", 1.0, -700.0, -700.0),
    ("bernoulli(cloglog)", 0.0, 6.0, -np.exp(6.0)),
    # With mu far below the shape: y (eta - log shape) + log of (shape)_y / y!.
    ("negbinomial(log)", 1.0, -700.0, -700.0),
    ("zero_inflated_poisson(log)", 0.0, 700.0, np.log(0.25)),
    ("zero_inflated_negbinomial(log)", 1.0, -700.0, np.log(0.75) - 700.0),
    # A count that is not 0 has probability 1 of being 1 where mu is next to nothing.
    ("hurdle_poisson(log)", 1.0, -30.0, np.log(0.6)),
    ("hurdle_negbinomial(log)", 1.0, -30.0, np.log(0.6)),
    # exp(-700 + 0.2) - exp(-700 - 1.1), and the same at the other end.
    ("cumulative(logit)", 1.0, 700.0, -700.0 + 0.2 + np.log1p(-np.exp(-1.3))),
    ("cumulative(logit)", 3.0, -700.0, -700.0 - 0.9 + np.log1p(-np.exp(-1.6))),
    ("cumulative(logit)", 0.0, 700.0, -701.1),
    ("cumulative(probit)", 4.0, -37.5, -804.60844201375378),
]


@pytest.mark.parametrize(("name", "y", "eta", "expected"), FAR)
def test_density_far_out(name, y, eta, expected):
    f = family(name)
    got = f.log_density(np.array([y]), np.array([eta]), laws.scales(f), None)
    np.testing.assert_allclose(got, [expected], rtol=1e-12)


COUNT = 100_000


@pytest.mark.parametrize("f", laws.FAMILIES, ids=repr)
@pytest.mark.parametrize("eta", [-0.6, 1.1])
def test_draws_are_distributed_as_the_density_says(f, eta):
    rng = np.random.default_rng(1)
    y = f.draw(rng, np.full(COUNT, eta), laws.scales(f), laws.trials(f, COUNT))
    if not laws.discrete(f):
        assert st.kstest(y, laws.law(f, eta).cdf).pvalue > 0.001
        return
    values = laws.support(f)
    expected = COUNT * laws.law(f, eta).pmf(values)
    seen = np.bincount(y.astype(int), minlength=len(values))[: len(values)].astype(float)
    often = expected > 20
    seen, expected = (np.append(x[often], COUNT - x[often].sum()) for x in (seen, expected))
    if expected[-1] < 20:
        seen, expected = (np.append(x[:-2], x[-2:].sum()) for x in (seen, expected))
    assert st.chisquare(seen, expected * (COUNT / expected.sum())).pvalue > 0.001


def moment(f, eta, function):
    """Return the expectation of a function of the response, by SciPy's law alone."""
    found = laws.law(f, eta)
    if laws.discrete(f):
        y = laws.support(f)
        return float(np.sum(found.pmf(y) * function(y)))
    return float(found.expect(lambda y: float(function(np.array([y]))[0]), epsabs=1e-12))


@pytest.mark.parametrize("f", laws.FAMILIES, ids=repr)
@pytest.mark.parametrize("eta", [-1.2, 0.5, 1.6])
def test_mean_and_variance(f, eta):
    at, scales, n = np.array([eta]), laws.scales(f), laws.trials(f, 1)
    mean = moment(f, eta, lambda y: y)
    variance = moment(f, eta, lambda y: (y - mean) ** 2)
    assert f.mean(at, scales, n) == pytest.approx([mean], rel=1e-6)
    assert f.variance(at, scales, n) == pytest.approx([variance], rel=1e-5)


def test_student_has_no_variance_below_two_degrees_of_freedom():
    scales = {"sigma": np.array(1.0), "nu": np.array([1.5, 2.0, 4.0])}
    got = FAMILIES["student"].variance(np.zeros(3), scales, None)
    np.testing.assert_array_equal(got, [np.inf, np.inf, 2.0])


SLOPED = [f for f in laws.FAMILIES if f.slopes is not None]


@pytest.mark.parametrize("f", SLOPED, ids=repr)
@pytest.mark.parametrize("eta", [-1.2, 0.5, 1.6])
def test_score_is_the_slope_of_the_density(f, eta):
    found = laws.law(f, eta)
    y = laws.support(f)[:30] if laws.discrete(f) else found.ppf(np.linspace(0.01, 0.99, 15))
    scales, n = laws.scales(f), laws.trials(f, len(y))
    step = 1e-5
    up, down = (f.log_density(y, np.full(len(y), eta + s), scales, n) for s in (step, -step))
    got = f.slopes.score(y, np.full(len(y), eta), scales, n)
    np.testing.assert_allclose(got, (up - down) / (2 * step), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f", SLOPED, ids=repr)
@pytest.mark.parametrize("eta", [-1.2, 0.5, 1.6])
def test_information_is_the_variance_of_the_score(f, eta):
    scales = laws.scales(f)

    def squared(y):
        return f.slopes.score(y, np.full(len(y), eta), scales, laws.trials(f, len(y))) ** 2

    got = f.slopes.information(np.array([eta]), scales, laws.trials(f, 1))
    expected = moment(f, eta, squared)
    if f.name == "beta_binomial":  # quasi-likelihood's is a lower bound
        assert 0.9 * expected < got < expected
    else:
        assert got == pytest.approx([expected], rel=1e-6)


@pytest.mark.parametrize("f", LINKED, ids=repr)
def test_links_invert(f):
    # At the upper end of cloglog the mean is 1 to the last digit.
    eta = np.linspace(-4, 1.5, 41)
    np.testing.assert_allclose(f.link.apply(f.link.invert(eta)), eta, atol=1e-12)


@pytest.mark.parametrize("f", LINKED, ids=repr)
def test_links_of_parameters_invert(f):
    eta = np.linspace(-4, 1.5, 41)
    for p in f.parameters:
        low, high = BOUNDS[p.support]
        value = p.link.invert(eta)
        assert ((value > low) & (value < high)).all()
        np.testing.assert_allclose(p.link.apply(value), eta, atol=1e-12)


def test_thresholds_of_many_draws():
    # A dimension of length 1 stands where rows are, as in log likelihoods of draws.
    f, y = family("cumulative"), np.array([0.0, 2.0, 4.0])
    eta, c = np.array([[0.1, -1.0, 2.0], [0.3, 0.0, 0.7]]), np.array([laws.THRESHOLDS] * 2)
    c = c + np.array([[0.0], [0.4]])
    got = f.log_density(y, eta, {"Intercept": c[:, None]}, None)
    alone = [f.log_density(y, e, {"Intercept": x}, None) for e, x in zip(eta, c, strict=True)]
    np.testing.assert_array_equal(got, alone)
    p = f.mean(eta, {"Intercept": c[:, None]}, None)
    np.testing.assert_allclose(p[1], f.mean(eta[1], {"Intercept": c[1]}, None), rtol=1e-14)


ORDINAL = [
    ([1, 2.5], "ordered categories, or whole numbers from 1 on; row 2 of 'y' has 2.5"),
    ([0, 1], "row 1 of 'y' has 0"),
    ([1, 1], "cumulative needs 2 to 100 categories, numbered from 1; 'y' goes up to 1"),
    ([1, 5000], "goes up to 5,000"),
]


@pytest.mark.parametrize(("values", "said"), ORDINAL)
def test_responses_without_ordered_categories_are_refused(values, said):
    with pytest.raises(ResponseError) as error:
        ordered_categories(response(values))
    assert said in str(error.value)


def test_ordered_categories_count_from_the_lowest():
    found = ordered_categories(response([3, 1, 4, 1]))
    assert found.values.tolist() == [2, 0, 3, 0]
    assert found.levels == ("1", "2", "3", "4")
    named = response([0, 1, 2], levels=("low", "mid", "high"))
    assert ordered_categories(named) is named


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
    ("student", response([0, np.nan]), "Student needs finite numbers; row 2 of 'y' has nan"),
    ("student", response([0], se=np.ones(1)), "se() is for family='gaussian'"),
    ("lognormal", response([3, 0]), "lognormal needs finite numbers > 0; row 2 of 'y' has 0"),
    ("gamma", response([3, -1, 2, -4]), "row 2 of 'y' has -1 (and 1 more row)"),
    ("gamma", response([0, 1], levels=("a", "b")), "gamma needs numbers > 0; 'y' has the levels"),
    ("beta", response([0.5, 1]), "between 0 and 1, neither included; row 2 of 'y' has 1"),
    ("beta", response([0.5, 0, 0]), "row 2 of 'y' has 0 (and 1 more row)"),
    ("beta_binomial", response([1, 2]), "beta_binomial needs the number of trials: write 'y | "),
    ("beta_binomial", response([1, 5], trials=[2, 4]), "row 2 has 5 successes in 4 trials"),
    ("negbinomial", response([1, 2.5]), "negbinomial needs whole numbers >= 0; row 2 of 'y' has"),
    ("negbinomial", response([1], trials=[2]), "family='binomial'"),
    ("zero_inflated_poisson", response([0, -1]), "zero_inflated_poisson needs whole numbers >= 0"),
    ("hurdle_negbinomial", response([0, np.inf]), "row 2 of 'y' has inf"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "said"), REFUSED)
def test_impossible_responses_are_refused(name, bad, said):
    with pytest.raises(ResponseError) as error:
        FAMILIES[name].check(bad)
    assert said in str(error.value)


def test_family_by_name_or_object():
    assert family(" Gaussian ") is FAMILIES["gaussian"]
    assert family(FAMILIES["poisson"]) is FAMILIES["poisson"]
    assert family("Beta-Binomial") is FAMILIES["beta_binomial"]
    with pytest.raises(SettingsError, match="did you mean 'poisson'"):
        family("poison")


@pytest.mark.parametrize("f", LINKED, ids=repr)
def test_family_is_read_back_as_it_is_shown(f):
    assert family(repr(f)) is f
    assert family(f.name, link=f.link.name) is f


def test_family_with_a_link():
    assert repr(family("bernoulli(probit)")) == "bernoulli(probit)"
    assert family("binomial", link="cloglog") is family(" Binomial ( cloglog ) ")
    assert family(family("bernoulli"), link="probit") is family("bernoulli(probit)")


@pytest.mark.parametrize(
    ("name", "link", "said"),
    [
        ("bernoulli(log)", None, "bernoulli has no link 'log'; it has logit, probit, cloglog"),
        ("poisson", "identity", "poisson has no link 'identity'; it has log"),
        ("bernoulli(probit)", "logit", "has a link already; found link='logit' besides"),
        ("bernoulli(probit", None, "no family 'bernoulli(probit'"),
    ],
)
def test_links_that_a_family_does_not_have(name, link, said):
    with pytest.raises(SettingsError) as error:
        family(name, link)
    assert said in str(error.value)


STAGES = pd.DataFrame({"stage": [1, 2, 3, 1, 2, 3], "x": [0.1, 1.0, 2.0, 3.0, 1.5, 0.7]})


def test_order_of_categories_is_told():
    declared = pd.Categorical(["mid", "low", "high"] * 2, ["low", "mid", "high"])
    design = specify(design_of("stage ~ x", STAGES.assign(stage=declared)), "cumulative").design
    assert design.response.values.tolist() == [1, 0, 2, 1, 0, 2]
    assert "response 'stage': its categories are in the order low < mid < high" in design.notes
    assert specify(design_of("stage ~ x", STAGES), "cumulative").design.notes == ()


THRESHOLDS = [
    ("stage ~ 0 + x", None, SettingsError, "thresholds in place of an intercept"),
    ("stage ~ x", "rstanarm", PriorError, "use priors='default' or 'brms'"),
    ("stage ~ x", {"Intercept": prior.constant(1)}, PriorError, "thresholds cannot be given"),
]


@pytest.mark.parametrize(("formula", "priors", "kind", "said"), THRESHOLDS)
def test_thresholds_that_cannot_be(formula, priors, kind, said):
    with pytest.raises(kind) as error:
        specify(design_of(formula, STAGES), "cumulative", priors)
    assert said in str(error.value)
