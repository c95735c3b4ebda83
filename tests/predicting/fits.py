"""Short fits of every family: draws are as good as any others to compute predictions from."""

from functools import cache

import numpy as np
import pandas as pd

import hierglm as hg

RESPONSES = {
    "gaussian": "y", "student": "y", "lognormal": "positive", "gamma": "positive", "beta": "share",
    "bernoulli": "hit", "bernoulli(probit)": "hit", "bernoulli(cloglog)": "hit",
    "binomial": "some | trials(n)", "beta_binomial": "some | trials(n)", "poisson": "count",
    "negbinomial": "count", "zero_inflated_poisson": "count",
    "zero_inflated_negbinomial": "count", "hurdle_poisson": "count",
    "hurdle_negbinomial": "count", "cumulative": "stage", "cumulative(probit)": "stage",
    "categorical": "kind",
}  # fmt: skip
FORMULA = "{} ~ x + f + offset(o) + (x | g)"


def rows(n=40, seed=1):
    """Return a table with responses of every family."""
    r = np.random.default_rng(seed)
    y = r.normal(size=n)
    n_trials, count = r.integers(2, 9, n), r.poisson(2, n)
    return pd.DataFrame(
        {
            "x": r.normal(size=n), "o": r.normal(0, 0.3, n), "n": n_trials,
            "g": np.resize(list("abcd"), n), "f": np.resize(["lo", "hi", "hi"], n),
            "y": y, "positive": np.exp(y), "share": 1 / (1 + np.exp(-y)),
            "hit": (y > 0).astype(int), "count": count, "some": np.minimum(count, n_trials),
            "stage": 1 + np.clip(count, 0, 2), "kind": np.resize(list("pqr"), n),
        }
    )  # fmt: skip


@cache
def fit_of(family="gaussian", formula=FORMULA, draws=20):
    """Return a fit of 2 x 20 draws."""
    one = isinstance(formula, str)
    formulas = [formula] if one else list(formula)
    formulas[0] = formulas[0].format(RESPONSES[family])
    return hg.fit(
        formulas[0] if one else formulas, rows(), family, seed=1, chains=2,
        warmup=40, draws=draws, plan="textbook", progress=False,
        # Effects of hundreds, which so few rows allow, overflow through a log link.
        priors={"sd": hg.prior.normal(0, 0.5)} if one and family != "categorical" else None,
    )  # fmt: skip


def draws_of(fit, name):
    """Return draws of a variable, chains one behind the other."""
    values = fit.draws[name].values
    return values.reshape(-1, *values.shape[2:])
