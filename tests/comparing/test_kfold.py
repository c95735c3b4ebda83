"""Folds, and fits without some units, against closed forms and against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from hierglm.comparing.kfold import folds
from hierglm.comparing.refits import held_out, without
from hierglm.comparing.repair import integrated, refitted
from hierglm.comparing.units import units_of
from hierglm.errors import DataError, SettingsError
from hierglm.posterior import Fit
from tests.comparing import fits


@pytest.fixture(scope="module")
def grouped() -> Fit:
    """Return a sampled fit of groups with a given sd, whose posterior is known."""
    priors = {"Intercept": hg.prior.normal(0, fits.PRIOR), "sd": hg.prior.constant(fits.SPREAD)}
    return hg.fit("y | se(se) ~ 1 + (1 | g)", fits.table(), priors=priors, chains=2, draws=1000,
                  seed=4)  # fmt: skip


def exact(own: Any, rest: Any) -> tuple[float, float]:
    """Return the log density of some rows given others, and a bound of a fit's error in it.

    A fit averages over draws of which 1,000 are independent; four standard errors.
    """
    value, spread = fits.exact(own, rest)
    return value, 4 * spread / np.sqrt(1000)


def test_a_level_without_rows_is_drawn_from_the_population(grouped: Fit) -> None:
    data = fits.table()
    out = data["g"] == "g2"
    again = without(grouped, {"": out})
    r = again.draws["r_g"].values[:, :, 2, 0]
    # 2,000 draws, independent given the rest: their mean and sd within four standard errors.
    assert abs(r.mean()) < 4 * fits.SPREAD / np.sqrt(2000)
    assert r.std() == pytest.approx(fits.SPREAD, abs=4 * fits.SPREAD / np.sqrt(2 * 2000))
    assert again.plan.model.design.rows == len(data["y"]) - out.sum()
    assert again.draws["r_g"].dims == grouped.draws["r_g"].dims
    # What was left to be chosen is chosen for fewer rows too.
    assert again.settings.auto == grouped.settings.auto == ("warmup", "adapt_delta")


def test_groups_that_are_held_out(grouped: Fit) -> None:
    units = units_of(grouped.plan.model.design, "g")
    found, g = held_out(grouped, [(grouped.plan.model, units)], np.array([1, 3])), fits.table()["g"]
    for value, level in zip(found.density, ("g1", "g3"), strict=True):
        # Held out together, each is predicted without the other.
        expected, error = exact(g == level, ~np.isin(g, ["g1", "g3"]))
        assert abs(value - expected) < error


def test_folds_of_single_groups_are_leave_one_group_out(grouped: Fit) -> None:
    found, quick, g = grouped.kfold(6, by="g"), grouped.loo(unit="g"), fits.table()["g"]
    assert found.folds is not None
    assert quick.ess_i is not None
    assert sorted(found.folds.tolist()) == [1, 2, 3, 4, 5, 6]
    for j, level in enumerate(found.units.labels):
        expected, error = exact(g == level, g != level)
        assert abs(found.elpd_i[j] - expected) < error
        # Without fitting again; half of the draws are worth as much as independent ones.
        error = 4 * np.sqrt(2 * (1 / quick.ess_i[j] - 1 / quick.draws))
        assert abs(quick.elpd_i[j] - expected) < error
    assert quick.healthy


@pytest.mark.parametrize("how", ["integrate", "refit"])
def test_hard_rows_are_repaired(grouped: Fit, how: Any) -> None:
    found, model = grouped.loo(), grouped.plan.model
    repaired = integrated(grouped, found) if how == "integrate" else refitted(grouped, model, found)
    assert repaired.pareto_k is not None
    assert repaired.ess_i is not None
    high = np.flatnonzero(found.high)
    assert 0 < len(high) < 6
    off = []
    for i in high:
        expected, error = exact(np.arange(22) == i, np.arange(22) != i)
        if how == "integrate":
            error = 4 * np.sqrt(2 * (1 / repaired.ess_i[i] - 1 / found.draws))
        assert abs(repaired.elpd_i[i] - expected) < error
        off.append(abs(found.elpd_i[i] - expected))
    # A high k-hat was no false alarm.
    assert max(off) > 0.2
    others = np.setdiff1d(np.arange(22), high)
    np.testing.assert_array_equal(repaired.elpd_i[others], found.elpd_i[others])
    assert repaired.healthy
    expected_note = {
        "integrate": f"{len(high)} rows left out with the effects of their level integrated out",
        "refit": f"{len(high)} fits without the units whose Pareto k-hat was above 0.70",
    }
    assert repaired.notes == (expected_note[how],)
    # The cheaper way comes first.
    both = grouped.loo(repair="refit")
    np.testing.assert_array_equal(both.elpd_i, integrated(grouped, found).elpd_i)


def design_of(groups: int) -> Any:
    """Return a design of three rows a group, groups in two halves."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(groups), 3)
    data = {"y": rng.normal(size=len(g)), "g": g, "half": np.where(g % 2, "odd", "even")}
    return hg.model("y ~ half + (1 | g)", data).plan().model.design


@pytest.mark.parametrize(("by", "count"), [(None, 60), ("g", 20)])
def test_folds_are_even_and_seeded(by: str | None, count: int) -> None:
    design = design_of(20)
    units = units_of(design, by)
    found = folds([(design, units)], 7, None, seed=3)
    sizes = np.bincount(found, minlength=8)[1:]
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(found, folds([(design, units)], 7, None, seed=3))
    assert (found != folds([(design, units)], 7, None, seed=4)).any()


@pytest.mark.parametrize("by", [None, "g"])
def test_each_fold_has_its_share_of_each_stratum(by: str | None) -> None:
    design = design_of(20)
    units, half = units_of(design, by), units_of(design, "half")
    found = folds([(design, units)], 5, "half", seed=3)
    stratum = np.zeros(len(units), dtype=int)
    stratum[units.of_rows] = half.of_rows
    shares = np.zeros((2, 5))
    np.add.at(shares, (stratum, found - 1), 1)
    assert np.all(shares == len(units) / 10)


def test_what_folds_cannot_be(grouped: Fit) -> None:
    with pytest.raises(SettingsError, match="from 2 to 6, the number of levels of g, not 7"):
        grouped.kfold(7, by="g")
    with pytest.raises(SettingsError, match=r"by: .* column 'h'; there are"):
        grouped.kfold(2, by="h")
    design = design_of(4)
    with pytest.raises(SettingsError, match="'even' of 'half' has rows in several"):
        folds([(design, units_of(design, "half"))], 2, "g", 1)


def test_several_linear_predictors_are_fitted_again() -> None:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=30), np.array(list("abcde"))[np.arange(30) % 5]
    data = {"y": rng.normal(size=30) + 0.5 * x, "x": x, "g": g}
    formulas = ["y ~ x + (1 |s| g)", "sigma ~ x + (1 |s| g)"]
    fit = hg.fit(formulas, data, chains=1, warmup=100, draws=100, adapt_delta=0.93, seed=5)
    units, out = units_of(fit.plan.model.design, "g"), np.isin(g, ["b", "d"])
    found = held_out(fit, [(fit.plan.model.responses[0], units)], np.array([1, 3]))
    again = without(fit, {"": out})
    assert {m.design.rows for m in again.plan.model.parts} == {18}
    assert (again.settings.warmup, again.settings.adapt_delta) == (100, 0.93)
    d = {v.name: v.values.reshape(100, *v.values.shape[2:]) for v in again.draws}
    names = sorted(name for name in d if name.startswith("b"))
    mean, log_sd = (d[name][:, :1] + d[name][:, 1:] * x for name in names)
    effects = {name: d[name][:, np.arange(30) % 5, 0] for name in d if name.startswith("r_")}
    (first, second) = (effects[name] for name in sorted(effects))
    rows = stats.norm.logpdf(data["y"], mean + first, np.exp(log_sd + second))
    for value, level in zip(found.density, ("b", "d"), strict=True):
        by_hand = np.logaddexp.reduce(rows[:, g == level].sum(axis=1)) - np.log(100)
        assert value == pytest.approx(by_hand, rel=1e-10)
    table = fit.kfold(2).pointwise()
    assert table["fold"].value_counts().to_dict() == {1: 15, 2: 15}


@pytest.fixture(scope="module")
def two() -> Fit:
    """Return a fit of two responses, one with a table of its own, whose groups share effects."""
    rng = np.random.default_rng(3)
    g = np.arange(24) % 6
    effect = rng.normal(size=6)
    score = {"score": effect[g] + rng.normal(size=24), "g": g}
    passed = {"passed": rng.integers(0, 2, 10), "g": g[:10]}
    parts = [
        hg.part("score ~ 1 + (1 |s| g)", data=score),
        hg.part("passed ~ 1 + (1 |s| g)", "bernoulli", data=passed, weight=2.0),
    ]
    return hg.joint(parts, chains=1, warmup=100, draws=100, seed=5)


def by_hand(fit: Fit, response: str, rows: Any) -> Any:
    """Return the log density of rows of one response of `two`, one by one, for each draw."""
    model = next(m for m in fit.plan.model.responses if m.part.response == response)
    d = {v.name: v.values.reshape(100, *v.values.shape[2:]) for v in fit.draws}
    g, y = model.design.groups[0].index[rows], model.design.response.values[rows]
    eta = d[f"b_{response}"][:, :1] + d[f"r_g_{response}"][:, g, 0]
    if response == "score":
        return stats.norm.logpdf(y, eta, d["sigma_score"][:, None])
    return 2 * stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-eta)))


def test_levels_are_left_out_of_all_responses_at_once(two: Fit) -> None:
    found = two.kfold(3, by="g")
    assert found.folds is not None
    parts = two.plan.model.responses
    assert found.units.labels.tolist() == list(range(6))
    some = np.flatnonzero(found.folds == 2)
    out = {m.part.response: np.isin(m.design.groups[0].index, some) for m in parts}
    again = without(two, out)
    assert [m.design.rows for m in again.plan.model.responses] == [
        int((~out[m.part.response]).sum()) for m in parts
    ]
    # The draws of the fit without the fold, laid beside all rows.
    whole = replace(again, plan=replace(again.plan, model=two.plan.model))
    for level in some:
        total = sum(
            by_hand(whole, m.part.response, m.design.groups[0].index == level).sum(axis=1)
            for m in parts
        )
        expected = np.logaddexp.reduce(total) - np.log(100)
        assert found.elpd_i[level] == pytest.approx(expected, rel=1e-9)
    # 100 draws of one chain are too few, in the fits without folds as in any other.
    problems = [str(f) for f in again.check() if f.severity == "problem"]
    assert found.troubles["fold 2"] == problems[0]
    assert not found.healthy


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 fit cannot be trusted: without fold 1. R-hat of 1. They have the settings"),
        (2, "2 fits cannot be trusted: without fold 1, fold 2. Without fold 1: R-hat of 1. They"),
        (9, "without fold 1, fold 2, fold 3, fold 4, fold 5, fold 6 and 3 more. Without fold 1:"),
    ],
)
def test_fits_that_cannot_be_trusted_are_named(two: Fit, count: int, said: str) -> None:
    found = two.waic("score")
    troubles = {f"fold {k}": f"R-hat of {k}." for k in range(1, count + 1)}
    found = replace(found, method="10-fold", troubles=troubles)
    (finding,) = found.check()
    assert said in str(finding)
    assert not found.healthy
    assert replace(found, troubles={}).healthy


def test_rows_of_one_response_are_left_out_alone(two: Fit) -> None:
    found = two.kfold(2, response="passed")
    assert found.folds is not None
    out = found.folds == 1
    again = without(two, {"passed": out})
    assert [m.design.rows for m in again.plan.model.responses] == [24, int((~out).sum())]
    whole = replace(again, plan=replace(again.plan, model=two.plan.model))
    rows = by_hand(whole, "passed", out)
    assert found.elpd_i[out] == pytest.approx(np.logaddexp.reduce(rows) - np.log(100), rel=1e-9)
    with pytest.raises(SettingsError, match="give response=, one of 'score', 'passed'"):
        two.kfold(2)


def test_nothing_left_to_fit_is_refused(two: Fit) -> None:
    with pytest.raises(DataError, match="no rows of 'passed' would be left"):
        without(two, {"passed": np.ones(10, dtype=bool)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "family"),
    [("n ~ x + (1 | g)", "poisson"), ("z ~ x + (x | g)", "bernoulli")],
)
def test_levels_of_other_families_are_left_out_as_by_fits(formula: str, family: str) -> None:
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(10), 8)
    x = rng.normal(size=80)
    eta = 0.5 + 0.4 * x + rng.normal(0, 0.8, 10)[g]
    passed = (rng.random(80) < 1 / (1 + np.exp(-eta))).astype(int)
    data = {"n": rng.poisson(np.exp(eta)), "z": passed, "x": x, "g": g}
    fit = hg.fit(formula, data, family, seed=2, draws=2000)
    quick, slow = fit.loo(unit="g"), fit.kfold(10, by="g")
    assert quick.ess_i is not None
    assert quick.healthy
    # Weighted draws are worth ess_i; the fits' own errors are those of 8,000 draws, about.
    error = 4 * np.sqrt(2 * (2 / quick.ess_i - 1 / quick.draws))
    assert np.all(np.abs(quick.elpd_i - slow.elpd_i) < error)
