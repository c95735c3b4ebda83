"""Moment matching against the R package loo, Stan's own log density, and exact densities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import hierglm as hg
from hierglm.comparing.coordinates import coordinates_of
from hierglm.comparing.moment_match import matched
from hierglm.comparing.supports import ORDERED, Support, above, between, correlations
from hierglm.draws.scales import flat, scale
from hierglm.errors import SettingsError
from tests.comparing import fits

Floats = NDArray[np.float64]

SUPPORTS = {
    "above": (above(1.0), 2),
    "between": (between(-0.5, 1.0), 2),
    "ordered": (ORDERED, 4),
    "correlations": (correlations(4), 6),
}


@pytest.mark.parametrize(("support", "size"), SUPPORTS.values(), ids=SUPPORTS)
def test_supports(support: Support, size: int) -> None:
    y = np.random.default_rng(1).normal(0, 0.7, (5, size))
    x, jacobian = support.bound(y)
    assert support.free(x) == pytest.approx(y, rel=1e-10)
    step = 1e-5
    slopes = np.stack(
        [
            (support.bound(y + step * e)[0] - support.bound(y - step * e)[0]) / (2 * step)
            for e in np.eye(size)
        ],
        axis=2,
    )
    assert jacobian == pytest.approx(np.linalg.slogdet(slopes)[1], abs=1e-7)


def table() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    g, x = np.arange(40) % 6, rng.normal(size=40)
    eta = 0.5 * x + rng.normal(0, 0.7, 6)[g]
    return {
        "y": eta + rng.normal(0, 0.8, 40),
        "count": rng.poisson(np.exp(eta)),
        "share": np.clip(1 / (1 + np.exp(-eta)) + rng.normal(0, 0.1, 40), 0.05, 0.95),
        "grade": np.digitize(eta + rng.logistic(size=40), [-1.0, 0.5]) + 1,
        "x": x,
        "z": rng.normal(size=40),
        "g": g,
        "w": rng.uniform(0.5, 2, 40),
    }


# The R package loo 2.5.1 (R 4.2.2), loo_moment_match.default(..., k_threshold = 0.3, split = TRUE)
# of the 11th row of `poisson`: pointwise elpd_loo, pareto_k, and relative_eff(exp(log_lik)).
ROW_11 = (-3.518603562178228, 0.2626979843444127, 0.982166624747167)


def poisson(u: Floats) -> tuple[Floats, Floats]:
    """Return log prior, shape (S,), and log densities, shape (S, 12), of a Poisson regression."""
    x, y = np.linspace(-1, 1, 12), np.array([1, 0, 2, 1, 3, 2, 2, 4, 3, 5, 4, 30])
    eta = u[:, :1] + u[:, 1:] * x
    return -0.5 * np.sum(u**2, axis=1) / 4, stats.poisson.logpmf(y, np.exp(eta))


def test_the_package_loo_says_the_same() -> None:
    z = np.random.default_rng(5).standard_normal((1000, 2))
    draws = np.round([0.95, 1.35] + z @ np.array([[0.19, -0.17], [0.0, 0.2]]), 6)

    def at(u: Floats) -> tuple[Floats, Floats]:
        prior, rows = poisson(u)
        return prior + np.delete(rows, 10, axis=1).sum(axis=1), rows[:, 10]

    elpd, khat, efficiency = ROW_11
    found = matched(draws, at, 0.3, efficiency)
    assert found.moves == 1
    # The package tells that of all draws moved; ours is the larger of that and of half of them.
    assert khat - 1e-9 < found.khat < 0.5
    assert found.elpd == pytest.approx(elpd, abs=1e-9)


MODELS = [
    ("y | weights(w) ~ x + (x | g)", "gaussian"),
    ("count ~ x + cs(x + z | g)", "zero_inflated_poisson"),
    ("share ~ 0 + x + (x || g) + (0 + z | g)", "beta"),
    ("grade ~ x + (1 | g)", "cumulative"),
    ("y ~ x + (1 | g)", "student"),
]


@pytest.mark.parametrize(("formula", "family"), MODELS)
def test_densities_are_those_of_the_program(formula: str, family: str) -> None:
    fit = hg.fit(formula, table(), family, plan="textbook", chains=1, warmup=100, draws=40, seed=1)
    found = coordinates_of(fit, np.array([3]), {"g": np.zeros(6, dtype=bool)})
    x = found.points()
    rest, unit = found.at(x)
    # The program has standardised effects, which are as many times smaller as their covariance.
    sizes = np.zeros(len(x))
    for number, term in enumerate(fit.plan.model.groups):
        F = scale(fit.plan.model.groups, number, fit.draws)
        sizes += len(term.levels) * np.log(np.diagonal(F, axis1=1, axis2=2)).sum(axis=1)
    apart = rest + unit + sizes - fit.draws.stats["lp"].reshape(-1)
    assert np.ptp(apart) < 1e-7
    assert np.ptp(rest + unit) > 1
    draws, _ = found._draws(x)
    for v in fit.draws:
        assert flat(draws, v.name) == pytest.approx(flat(fit.draws, v.name), rel=1e-9)


def test_a_level_left_out_has_its_effects_integrated_out() -> None:
    """The density of everything else is that of the fit less the level's own terms."""
    fit = hg.fit("y ~ x + (1 | g)", table(), chains=1, warmup=100, draws=30, seed=1)
    level = np.arange(6) == 2
    rows = np.flatnonzero(np.asarray(table()["g"]) == 2)
    whole, few = (coordinates_of(fit, rows, {"g": at}) for at in (level & False, level))
    assert few.points().shape[1] == whole.points().shape[1] - 1
    rest, unit = few.at(few.points())
    r, sd = flat(fit.draws, "r_g")[:, 2, 0], flat(fit.draws, "sd_g")[:, 0]
    own = stats.norm.logpdf(r, 0, sd) + 0.5 * np.log(2 * np.pi)
    assert rest + own == pytest.approx(whole.at(whole.points())[0], abs=1e-9)
    sigma = flat(fit.draws, "sigma")
    b, y, x = flat(fit.draws, "b"), np.asarray(table()["y"])[rows], np.asarray(table()["x"])[rows]
    expected = [
        stats.multivariate_normal.logpdf(
            y, b[s, 0] + b[s, 1] * x, sd[s] ** 2 + sigma[s] ** 2 * np.eye(len(rows))
        )
        for s in range(30)
    ]
    assert unit == pytest.approx(expected, abs=1e-8)


def exact(data: dict[str, Any], i: int) -> tuple[float, float]:
    """Return the log density of a row of `fits.pooled` given all others, and its spread.

    The spread is the coefficient of variation of the density among draws of the mean.
    """
    y, se = data["y"][i], data["se"][i]
    rest = np.arange(len(data["y"])) != i
    mean, sd = fits.conjugate(data["y"][rest], data["se"][rest] ** -2.0)
    value = float(stats.norm.logpdf(y, mean, np.hypot(sd, se)))
    # A normal density squared is one of half the variance.
    square = stats.norm.pdf(y, mean, np.hypot(sd, se / 2**0.5)) / (2 * se * np.pi**0.5)
    return value, float(np.sqrt(square / np.exp(2 * value) - 1))


def test_rows_by_moment_matching(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, data = fits.pooled(4000), fits.table()
    monkeypatch.setattr("hierglm.comparing.elpd.FAR", 0.05)
    found, better = fit.loo(), fit.loo(repair="moment_match")
    assert found.pareto_k is not None
    assert better.pareto_k is not None
    assert better.ess_i is not None
    moved = np.flatnonzero(better.pareto_k < found.pareto_k)
    assert len(moved) > 10
    for i in moved:
        value, spread = exact(data, i)
        # Four standard errors of a mean over as many draws as the weighted ones are worth.
        assert abs(better.elpd_i[i] - value) < 4 * spread / np.sqrt(better.ess_i[i])
    assert str(len(moved)) in better.notes[-1]


def test_levels_by_moment_matching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole groups have exact densities too: normal, given the others' responses."""
    fit, data = fits.grouped(4000), fits.table()
    # The effects that are kept follow their distribution given the rest.
    fit = fits.with_effects(fit)
    monkeypatch.setattr("hierglm.comparing.elpd.FAR", -1.0)
    found, better = fit.loo(unit="g"), fit.loo(unit="g", repair="moment_match")
    assert found.pareto_k is not None
    assert better.pareto_k is not None
    assert better.ess_i is not None
    moved = np.flatnonzero(better.pareto_k < found.pareto_k)
    assert len(moved) > 2
    for j in moved:
        own = data["g"] == f"g{j}"
        value, spread = fits.exact(own, ~own)
        assert abs(better.elpd_i[j] - value) < 4 * spread / np.sqrt(better.ess_i[j])


def test_what_has_no_density_is_refused() -> None:
    fit = fits.pooled(100)
    point = replace(fit, settings=replace(fit.settings, method=hg.method.Laplace()))
    with pytest.raises(SettingsError, match="laplace"):
        coordinates_of(point, np.array([0]), {})
