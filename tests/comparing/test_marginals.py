"""Densities of rows with effects integrated out, against normal densities and quadrature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, special, stats

import hierglm as hg
from hierglm.comparing.loo import log_densities
from hierglm.comparing.marginals import marginals, owners
from hierglm.comparing.units import units_of
from hierglm.posterior import Fit
from hierglm.results.pointwise import log_likelihood

Floats = NDArray[np.float64]


def table() -> dict[str, Any]:
    """Return rows of three districts with five schools, each school in one district."""
    rng = np.random.default_rng(8)
    school = np.arange(20) % 5
    return {
        "y": rng.normal(size=20),
        "n": rng.poisson(2.0, 20),
        "z": rng.integers(0, 2, 20),
        "x": rng.normal(size=20),
        "w": rng.uniform(0.5, 2.0, 20),
        "school": np.array(list("abcde"))[school],
        "district": np.array(["A", "A", "B", "B", "C"])[school],
    }


def fitted(formula: str, family: str = "gaussian") -> Fit:
    """Return a short fit: what is tested holds for any draws."""
    return hg.fit(formula, table(), family, chains=1, warmup=50, draws=5, seed=2)


def drawn(fit: Fit) -> dict[str, Floats]:
    """Return the draws of the one chain by name."""
    return {v.name: v.values[0] for v in fit.draws}


def densities(fit: Fit, unit: str) -> Mapping[str, Floats]:
    """Return the densities of each level, shape (draws,), by its name."""
    model = fit.plan.model
    units = units_of(model.design, unit)
    found = log_densities(fit, model, units)
    return {str(units.labels[at[0]]): values[:, 0] for at, values in found}


def factor(sd: Floats, cor: float) -> Floats:
    """Return the triangular factor of the covariance of two effects."""
    return sd[:, None] * np.array([[1, 0], [cor, np.sqrt(1 - cor**2)]])


def test_gaussian_with_slopes_and_weights() -> None:
    fit, data = fitted("y | weights(w) ~ x + (x | school)"), table()
    for level, found in densities(fit, "school").items():
        some = data["school"] == level
        y, w, X = data["y"][some], data["w"][some], np.column_stack([np.ones(20), data["x"]])[some]
        for s in range(5):
            d = {name: values[s] for name, values in drawn(fit).items()}
            L = factor(d["sd_school"], float(d["cor_school"][0]))
            # Weighted log densities of normals with sd sigma are those of normals with
            # sd sigma / sqrt(w), and a constant.
            noise = d["sigma"] / np.sqrt(w)
            V = X @ L @ L.T @ X.T + np.diag(noise**2)
            constant = np.sum(np.log(noise) - w * np.log(d["sigma"]))
            constant += 0.5 * np.log(2 * np.pi) * np.sum(1 - w)
            exact = stats.multivariate_normal.logpdf(y, X @ d["b"], V) + constant
            assert found[s] == pytest.approx(exact, rel=1e-10)


def test_schools_within_a_district_are_integrated_with_it() -> None:
    fit, data = fitted("y ~ 1 + (1 | district) + (1 | school)"), table()
    for level, found in densities(fit, "district").items():
        some = data["district"] == level
        y, school = data["y"][some], data["school"][some]
        for s in range(5):
            d = {name: values[s] for name, values in drawn(fit).items()}
            V = d["sd_district"] ** 2 + d["sd_school"] ** 2 * (school[:, None] == school)
            V = V + np.eye(len(y)) * d["sigma"] ** 2
            exact = stats.multivariate_normal.logpdf(y, np.full(len(y), d["b"][0]), V)
            assert found[s] == pytest.approx(exact, rel=1e-10)


def test_a_district_stays_where_another_school_tells_of_it() -> None:
    fit, data = fitted("y ~ 1 + (1 | district) + (1 | school)"), table()
    found, some = densities(fit, "school")["a"], data["school"] == "a"
    y = data["y"][some]
    for s in range(5):
        d = {name: values[s] for name, values in drawn(fit).items()}
        V = d["sd_school"] ** 2 + np.eye(len(y)) * d["sigma"] ** 2
        mean = np.full(len(y), d["b"][0] + d["r_district"][0, 0])
        exact = stats.multivariate_normal.logpdf(y, mean, V)
        assert found[s] == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(("response", "family"), [("n", "poisson"), ("z", "bernoulli")])
def test_one_effect_by_quadrature(response: str, family: str) -> None:
    fit, data = fitted(f"{response} ~ x + (1 | school)", family), table()

    def likelihood(eta: Floats, y: Floats) -> float:
        if family == "poisson":
            return float(stats.poisson.pmf(y, np.exp(eta)).prod())
        return float(stats.bernoulli.pmf(y, special.expit(eta)).prod())

    for level, found in densities(fit, "school").items():
        some = data["school"] == level
        y, x = data[response][some], data["x"][some]
        for s in (0, 4):
            d = {name: values[s] for name, values in drawn(fit).items()}
            eta, sd = d["b"][0] + d["b"][1] * x, float(d["sd_school"][0])
            exact, _ = integrate.quad(
                lambda v, e=eta, y=y, sd=sd: likelihood(e + sd * v, y) * stats.norm.pdf(v),
                -9, 9, points=[0.0], epsabs=0, epsrel=1e-10,
            )  # fmt: skip
            assert found[s] == pytest.approx(np.log(exact), abs=1e-6)


def test_two_effects_by_quadrature() -> None:
    fit, data = fitted("n ~ x + (x | school)", "negbinomial"), table()
    grid = np.linspace(-7, 7, 281)
    v = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = stats.norm.logpdf(v).sum(axis=1) + 2 * np.log(grid[1] - grid[0])
    some = data["school"] == "b"
    y, X = data["n"][some], np.column_stack([np.ones(20), data["x"]])[some]
    found = densities(fit, "school")["b"]
    for s in range(5):
        d = {name: values[s] for name, values in drawn(fit).items()}
        eta = X @ d["b"] + v @ (X @ factor(d["sd_school"], float(d["cor_school"][0]))).T
        shape = float(np.squeeze(d["shape"]))
        p = shape / (shape + np.exp(eta))
        rows = stats.nbinom.logpmf(y, shape, p).sum(axis=1)
        # A sum over a fine grid is all but exact for what falls off so fast.
        assert found[s] == pytest.approx(special.logsumexp(rows + prior), abs=1e-4)


def test_three_effects_by_importance_sampling() -> None:
    data = table()
    fit = fitted("n ~ 1 + (1 | district) + (1 | school)", "poisson")
    grid = np.linspace(-5, 5, 41)
    v = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    prior = stats.norm.logpdf(v).sum(axis=1) + 3 * np.log(grid[1] - grid[0])
    some = data["district"] == "A"
    y, b = data["n"][some], (data["school"][some] == "b").astype(int)
    found = densities(fit, "district")["A"]
    for s in range(5):
        d = {name: values[s] for name, values in drawn(fit).items()}
        effects = d["sd_district"] * v[:, :1] + d["sd_school"] * v[:, 1:][:, b]
        rows = stats.poisson.logpmf(y, np.exp(d["b"][0] + effects)).sum(axis=1)
        # 64 proposals, whose weights vary by less than half of their mean: four times that.
        assert found[s] == pytest.approx(special.logsumexp(rows + prior), abs=4 * 0.5 / 8)


def test_owners_are_units_that_have_all_rows_of_a_level() -> None:
    design = fitted("y ~ 1 + (1 | district) + (1 | school)").plan.model.design
    by_school = owners(design, units_of(design, "school").of_rows)
    assert by_school["district"].tolist() == [-1, -1, 4]
    assert by_school["school"].tolist() == [0, 1, 2, 3, 4]
    by_district = owners(design, units_of(design, "district").of_rows)
    assert by_district["school"].tolist() == [0, 0, 1, 1, 2]


def test_rows_without_effects_of_their_own_have_the_plain_density() -> None:
    fit, data = fitted("n ~ x + (1 | school)", "poisson"), table()
    design = fit.plan.model.design
    none = {"school": np.zeros(5, dtype=bool)}
    found = marginals(fit, design).density(np.array([3, 4]), none)
    d = drawn(fit)
    r = d["r_school"][:, [3, 4], 0]
    eta = d["b"][:, :1] + d["b"][:, 1:] * data["x"][[3, 4]] + r
    exact = stats.poisson.logpmf(data["n"][[3, 4]], np.exp(eta)).sum(axis=1)
    np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.parametrize(
    ("formula", "unit", "noted"),
    [
        ("n ~ 1 + (1 | gr(school, dist='student'))", "school", True),
        ("n ~ 1 + (1 | gr(school, by=district))", "school", True),
        ("n ~ 1 + (1 | mm(school, other))", "district", True),
        ("n ~ x", "school", False),
    ],
)
def test_levels_that_are_not_alike_are_as_drawn(formula: str, unit: str, noted: bool) -> None:
    data = table()
    data["other"] = np.roll(data["school"], 1)
    # Columns that no term has are known by a term that adds nothing to the question.
    own = formula if unit in formula else f"{formula} + {unit}"
    fit = hg.fit(own, data, "poisson", chains=1, warmup=50, draws=5, seed=2)
    rows = log_likelihood(fit).reshape(5, -1)
    for level, found in densities(fit, unit).items():
        np.testing.assert_allclose(found, rows[:, data[unit] == level].sum(axis=1), rtol=1e-10)
    assert any("as drawn, not integrated out" in note for note in fit.loo(unit).notes) is noted
