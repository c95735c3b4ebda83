"""Ranks, correlations, priors beside posteriors: what is drawn are the numbers of the draws."""

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from hierglm import plots
from hierglm.criticising.prior_posterior import prior_posterior
from hierglm.errors import SettingsError
from tests.results.made import made

FIT = made()


def test_ranks_of_each_chain_are_counted() -> None:
    figure = plots.rank(FIT, ["sigma", "b[x]"])
    found = figure.data
    assert found is not None
    sigma = FIT.draws["sigma"].values
    # How many draws of a chain lie between two quantiles of all draws.
    ranks = stats.rankdata(sigma).reshape(sigma.shape) - 1
    expected = [np.histogram(c, np.linspace(0, 1000, 21))[0] for c in ranks]
    own = found[found["parameter"] == "sigma"].pivot(index="chain", columns="bin", values="count")
    np.testing.assert_array_equal(own, expected)
    assert [a.get_title(loc="left") for a in figure.axes[:2]] == ["sigma", "b[x]"]


def test_correlations_are_those_of_the_draws() -> None:
    found = plots.correlation(FIT, ["b[x]", "sigma", "sd[school:x]"]).data
    assert found is not None
    x, s = FIT.draws["b"].values[..., 1].ravel(), FIT.draws["sigma"].values.ravel()
    expected = np.mean((x - x.mean()) * (s - s.mean())) / (x.std() * s.std())
    assert found.loc["b[x]", "sigma"] == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(np.diag(found), 1)


def test_of_many_the_strongest_are_shown() -> None:
    fit = made(terms=("Intercept", *(f"x{i}" for i in range(50))), varying=("Intercept",))
    figure = plots.correlation(fit)
    assert figure.data is not None
    assert figure.data.shape == (40, 40)
    assert "40 of 53 parameters" in figure.get_suptitle()
    assert figure.get_size_inches()[0] <= 7
    assert len(plots.rank(fit).data["parameter"].unique()) == 24


@pytest.fixture(scope="module")
def fit() -> hg.Fit:
    r = np.random.default_rng(1)
    data = {"y": r.normal(2, 1, 60), "x": r.normal(size=60), "g": np.arange(60) % 6}
    priors = {"b": hg.prior.normal(0, 0.5), "sd": hg.prior.constant(0.5)}
    return hg.fit("y ~ x + (1 | g)", data, seed=1, priors=priors, progress=False)


def test_priors_have_their_own_density(fit: hg.Fit) -> None:
    found = prior_posterior(fit).data
    assert found is not None
    # What is given has no density.
    assert found["parameter"].unique().tolist() == ["b[Intercept]", "b[x]", "sigma"]
    prior = found[(found["parameter"] == "b[x]") & (found["of"] == "prior")]
    inside = prior[prior["x"].abs() < 0.7]
    exact = stats.norm(0, 0.5).pdf(inside["x"])
    assert np.abs(inside["density"] - exact).max() < 0.06
    posterior = found[(found["parameter"] == "b[x]") & (found["of"] == "posterior")]
    mean = np.average(posterior["x"], weights=posterior["density"])
    assert mean == pytest.approx(fit.draws["b"].values[..., 1].mean(), abs=0.01)


def test_methods_of_a_fit_draw(fit: hg.Fit) -> None:
    for figure in (fit.plot.rank(), fit.plot.correlation(), fit.plot.prior_posterior("sigma")):
        assert figure._repr_png_()[0].startswith(b"\x89PNG")


def test_mistakes_are_named(fit: hg.Fit) -> None:
    with pytest.raises(SettingsError, match="ranks compare chains, and the fit has one"):
        plots.rank(made(chains=1))
    with pytest.raises(SettingsError, match="need two parameters that vary"):
        plots.correlation(FIT, "sigma")
    with pytest.raises(SettingsError, match=r"no parameter 'b\[z\]'"):
        prior_posterior(fit, "b[z]")


def test_flat_priors_leave_the_posterior_alone() -> None:
    data = {"y": np.arange(9.0), "x": np.arange(9) % 4 * 1.0}
    flat = hg.fit("y ~ x", data, priors="brms", seed=1, chains=1, draws=50, progress=False)
    figure = prior_posterior(flat)
    assert figure.data is not None
    shown = figure.data.groupby("parameter", sort=False)["of"].unique().map(sorted).to_dict()
    # The prior of the intercept is that at the mean of x: at 0 it depends on the flat slope.
    both = ["posterior", "prior"]
    assert shown == {"b[Intercept]": both[:1], "b[x]": both[:1], "sigma": both}
    said = {a.get_title(loc="left"): [t.get_text() for t in a.texts] for a in figure.axes}
    assert said["b[x]"] == ["flat prior"]
    assert said["sigma"] == []


def test_figures_have_their_data(fit: hg.Fit) -> None:
    tables = {
        "trace": fit.plot.trace("sigma").data,
        "intervals": fit.plot.intervals().data,
        "ranef": fit.plot.ranef().data,
        "effects": fit.plot.effects("x").data,
        "pooling": fit.plot.pooling().data,
        "loo": fit.loo().plot().data,
    }
    found = {name: table for name, table in tables.items() if table is not None}
    assert found.keys() == tables.keys()
    sigma = fit.draws["sigma"].values
    trace = found["trace"]
    assert np.array_equal(trace["value"].to_numpy().reshape(sigma.shape), sigma)
    assert trace["chain"].to_numpy().reshape(sigma.shape)[:, 0].tolist() == [0, 1, 2, 3]
    tidy = fit.tidy()
    intervals = found["intervals"].set_index("parameter")
    assert intervals.loc["sigma", "conf_low"] == tidy.set_index("term").loc["sigma", "conf_low"]
    assert len(intervals) == len(tidy)
    levels = fit.ranef().sort_values("estimate", ascending=False, kind="stable")
    ends = ["estimate", "conf_low", "conf_high"]
    assert found["ranef"]["level"].tolist() == levels["level"].tolist()
    assert found["ranef"][ends].to_numpy() == pytest.approx(levels[ends].to_numpy())
    assert found["effects"].equals(fit.effects("x"))
    assert found["pooling"].equals(fit.pooling())
    assert np.array_equal(found["loo"]["pareto_k"], fit.loo().pareto_k)
