"""Averages over levels that are related, in strata or Student t: by brute force, level by level."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import hierglm as hg
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.draws.draws import Draws
from hierglm.draws.parameters import by_name
from hierglm.errors import SettingsError
from hierglm.predicting.mixtures import tail_rule
from hierglm.results.fitted import Fitted
from tests.predicting.test_averages import by_quad
from tests.program.related import LEVELS, adjacency, covariance, data2, rows, scaled_field

PRIORS = {"Intercept": hg.prior.normal(0, 1), "b": hg.prior.normal(0, 0.3)}
NEW = pd.DataFrame({"x": [-1.0, 0.5, 2.0]})


def drawn(term: str, left: str = "hit", family: str = "bernoulli", **more: Any) -> Fitted:
    """Return draws from the priors in the place of a posterior."""
    priors = PRIORS | {"sd": hg.prior.gamma(4, 3)} | more
    model = hg.model(f"{left} ~ x + {term}", rows(), family, priors=priors, data2=data2())
    return prior_fitted(model.model, 12, 2)


def found(fit: Fitted, target: Any = "mean", new: pd.DataFrame = NEW) -> np.ndarray:
    whole = hg.posterior.Fit(**{name: getattr(fit, name) for name in Fitted.__slots__})
    answer: Any = whole.predict(new, target, groups="average", summary=False, seed=1)
    return np.asarray(answer)[0]


def linear(fit: Fitted) -> np.ndarray:
    b = fit.draws["b"].values[0]
    return b[:, :1] + b[:, 1:] * NEW["x"].to_numpy()


VARIANCES = {
    "(1 | gr(g, cov=A))": lambda s: np.diag(covariance().loc[LEVELS, LEVELS]),
    'graph(1 | g, edges=E, type="icar")': lambda s: np.append(
        np.diag(np.linalg.pinv(np.diag(adjacency().sum(axis=1)) - adjacency()))[:6], 1.0
    ),
    'graph(1 | g, edges=E, type="car")': lambda s: np.diag(
        np.linalg.inv(np.diag(np.maximum(adjacency().sum(axis=1), 1)) - s * adjacency())
    ),
    'graph(1 | g, edges=E, type="bym2")': lambda s: 1 - s + s * np.diag(scaled_field()),
}


@pytest.mark.parametrize("term", VARIANCES)
def test_levels_of_different_variance(term: str) -> None:
    name = {"car": "alpha", "bym2": "rho"}.get(term.split('"')[1] if '"' in term else "", "")
    fit = drawn(term, **({name: hg.prior.beta(2, 2)} if name else {}))
    known = by_name(fit.draws)
    sd = known["sd[g:Intercept]"]
    share = known[f"{name}[g:Intercept]"] if name else np.zeros(12)
    eta = linear(fit)
    want = [
        [
            np.mean([by_quad(expit, e, sd[s] * np.sqrt(v)) for v in VARIANCES[term](share[s])])
            for e in eta[s]
        ]
        for s in range(12)
    ]
    np.testing.assert_allclose(found(fit), want, atol=1e-8)


def test_strata_of_different_covariance() -> None:
    fit = drawn("(x | gr(g, by=f))", cor=hg.prior.lkj(2))
    sd, cor = fit.draws["sd_g"].values[0].reshape(12, 2, 2), fit.draws["cor_g"].values[0]
    # a, b and c are in the stratum "lo", four levels in "hi", which comes first.
    eta, want = linear(fit), np.zeros((12, 3))
    for s in range(12):
        for share, d, r in zip((4 / 7, 3 / 7), sd[s], cor[s], strict=True):
            for i, x in enumerate(NEW["x"]):
                spread = np.sqrt(d[0] ** 2 + (x * d[1]) ** 2 + 2 * x * r * d[0] * d[1])
                want[s, i] += share * by_quad(expit, eta[s, i], spread)
    np.testing.assert_allclose(found(fit), want, atol=1e-8)


def test_student_levels() -> None:
    fit = drawn('(1 | gr(g, dist="student"))', df=hg.prior.gamma(4, 0.7))
    known = by_name(fit.draws)
    df, sd, eta = known["df[g:Intercept]"], known["sd[g:Intercept]"], linear(fit)
    grid = np.sinh(np.linspace(-15, 15, 20_001))
    step = np.gradient(grid)
    want = np.empty((12, 3))
    for s in range(12):
        density = stats.t(df[s]).pdf(grid) * step
        want[s] = [expit(e + sd[s] * grid) @ density / density.sum() for e in eta[s]]
    np.testing.assert_allclose(found(fit), want, atol=2e-5)
    # Means of a Gaussian response do not move; behind a logarithm there are none.
    normal = drawn('(1 | gr(g, dist="student"))', "y", "gaussian", sigma=hg.prior.gamma(2, 2))
    np.testing.assert_allclose(found(normal), linear(normal), atol=1e-12)
    counts = drawn('(1 | gr(g, dist="student"))', "count", "poisson")
    with pytest.raises(SettingsError, match="Student t effects is infinite"):
        found(counts)


@pytest.mark.parametrize("df", [1.2, 3.0, 12.0, 200.0])
def test_weights_of_student_effects(df: float) -> None:
    w, shares = tail_rule(np.array([df]))
    for at in (0.3, 2.0):
        # A chi-squared's moment generating function.
        want = (1 + 2 * at / df) ** (-df / 2)
        assert np.sum(shares * np.exp(-at * w)) == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("tail", ["", ', dist="student"'])
def test_responses_of_rows_that_have_each_drawn_a_level(tail: str) -> None:
    more = {"df": hg.prior.constant(6.0)} if tail else {}
    fit = drawn(f"(1 | gr(g, cov=A{tail}))", "y", "gaussian", sigma=hg.prior.gamma(2, 2), **more)
    count = 40_000
    variables = {
        v.name: replace(v, values=np.repeat(v.values[:, :1], count, axis=1)) for v in fit.draws
    }
    many = replace(fit, draws=Draws(variables, {"lp": np.zeros((1, count))}))
    values = found(many, "response", NEW.iloc[:1])[:, 0]
    known = by_name(fit.draws)
    scale = 6 / 4 if tail else 1.0
    mean = np.mean(np.diag(covariance()))
    want = known["sigma"][0] ** 2 + scale * known["sd[g:Intercept]"][0] ** 2 * mean
    squares = (values - linear(fit)[0, 0]) ** 2
    assert abs(squares.mean() - want) < 5 * squares.std() / np.sqrt(count)
