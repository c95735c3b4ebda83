"""Data that break penalised fits and samplers: the posterior is the textbook's all the same."""

import numpy as np
import pandas as pd
import pytest

import hierglm as hg


def table():
    r = np.random.default_rng(1)
    n = 60
    d = pd.DataFrame({"x": r.normal(size=n), "g": np.arange(n), "h": np.repeat(np.arange(6), 10)})
    d["one"], d["noise"] = 1.0, r.normal(size=n)
    d["huge"] = 1e8 * (1 + d["noise"])
    d["above"], d["early"], d["zero"] = (d["x"] > 0).astype(int), (d["h"] < 3).astype(int), 0
    d["count"] = r.poisson(1.0, n)
    d["half"] = np.arange(n) % 2
    # A variance that maximum likelihood puts at zero: level means closer than chance.
    d["flat"] = d["noise"] - d.groupby("h")["noise"].transform("mean")
    return d


CASES = {
    "a variance at zero": ("flat ~ 1 + (1 | h)", "gaussian"),
    "a variance at zero, crossed": ("flat ~ x + (1 | h) + (1 | half)", "gaussian"),
    "one row a group": ("noise ~ x + (1 | g)", "gaussian"),
    "one response a group": ("above ~ 1 + (1 | g)", "bernoulli"),
    "one count a group": ("count ~ x + (1 | g) + (1 | h)", "poisson"),
    "large numbers": ("huge ~ x + (x | h)", "gaussian"),
    "separated by a column": ("above ~ x + (1 | h)", "bernoulli"),
    "separated by the groups": ("early ~ x + (1 | h)", "bernoulli"),
    "no successes": ("zero ~ x + (1 | h)", "bernoulli"),
    "no counts": ("zero ~ x + (1 | h)", "poisson"),
}


def distances(one, other):
    """Return how far two fits' means are apart, in Monte Carlo standard errors of both."""
    a, b = one.tidy(), other.tidy()
    error = np.hypot(
        a["std_error"] / np.sqrt(a["ess_bulk"]), b["std_error"] / np.sqrt(b["ess_bulk"])
    )
    return (a["estimate"] - b["estimate"]) / error


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_posterior_is_the_textbook_s(case):
    formula, family = CASES[case]
    auto = hg.fit(formula, table(), family, seed=1, draws=4000, progress=False)
    textbook = hg.fit(
        formula, table(), family, plan="textbook", seed=2, draws=8000, adapt_delta=0.98,
        progress=False,
    )  # fmt: skip
    # Heavy tails make the textbook's own errors uncertain; a wrong density is much farther.
    assert distances(auto, textbook).abs().max() < 4.5


@pytest.mark.parametrize("case", ["a variance at zero", "separated by a column"])
def test_it_samples_without_trouble(case):
    formula, family = CASES[case]
    fit = hg.fit(formula, table(), family, seed=1, draws=1500, progress=False)
    assert fit.healthy


def test_a_constant_column_is_named_or_kept_by_its_prior():
    fit = hg.fit("noise ~ x + one + (1 | h)", table(), seed=1, progress=False)
    one = fit.tidy("fixed").set_index("term").loc["one"]
    prior = fit.plan.model.priors.of("b")[1]
    # The data say nothing about it: its posterior is its prior.
    assert one["std_error"] == pytest.approx(prior.numbers[1], rel=0.1)
