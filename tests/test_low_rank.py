"""Fits of rr(x | g, rank=d): against maximum likelihood, planted subspaces, files, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import subspace_angles

import hierglm as hg
from hierglm.errors import FormulaError, PriorError, SettingsError
from hierglm.results.subspace import principal_angles
from tests.program.test_low_rank import COEFFICIENTS, FORMULA, LOADINGS, SIGMA, TABLE

PLANTED = np.array([[0.2, 0.1], [1.0, 0.3], [-0.8, 0.5], [0.3, 0.9], [0.5, -0.6]])
"""Loadings from which tests/data/low_rank.csv was simulated."""


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(TABLE)


@pytest.fixture(scope="module")
def fit(table):
    return hg.fit(FORMULA.format(2), table, seed=1, draws=500, progress=False)


def test_the_posterior_lies_about_the_maximum_likelihood_estimates(fit):
    # glmmTMB's, within a posterior sd: of 60 tasks, priors and skewness move means that far.
    assert fit.healthy
    b = fit.fixef()
    np.testing.assert_array_less(
        abs(b["estimate"] - np.array(COEFFICIENTS[2])) / b["std_error"], 0.3
    )
    U = np.array(LOADINGS[2])
    sd = fit.tidy("ran_sd")
    away = (sd["estimate"] - np.linalg.norm(U, axis=1)) / sd["std_error"]
    np.testing.assert_array_less(abs(away), 1.0)
    (sigma,) = fit.tidy("family")["estimate"]
    assert sigma == pytest.approx(SIGMA[2], abs=0.01)
    correlation = fit.tidy("ran_cor").set_index(["term", "term2"])
    C = U @ U.T / np.outer(*[np.linalg.norm(U, axis=1)] * 2)
    expected = [C[i, j] for i in range(5) for j in range(i + 1, 5)]
    away = (correlation["estimate"] - expected) / correlation["std_error"]
    np.testing.assert_array_less(abs(away), 1.0)


def test_loadings_make_the_covariance_and_have_names(fit):
    rows = fit.tidy("ran_loading")
    assert rows["term"].tolist() == ["Intercept", "x1", "x1", "x2", "x2", "x3", "x3", "x4", "x4"]
    assert rows["term2"].tolist() == ["1", "1", "2", "1", "2", "1", "2", "1", "2"]
    assert rows["rhat"].max() < 1.01
    values = fit.draws["loading_task"].values.reshape(-1, 9)
    U = np.zeros((len(values), 5, 2))
    U[:, *np.tril_indices(5, 0, 2)] = values
    assert (U[:, 0, 0] > 0).all()
    assert (U[:, 1, 1] > 0).all()
    sd = fit.draws["sd_task"].values.reshape(-1, 5)
    np.testing.assert_allclose(np.linalg.norm(U, axis=2), sd, rtol=1e-6)
    np.testing.assert_allclose(
        fit.covariances()["task"], (U @ U.swapaxes(1, 2)).mean(axis=0), rtol=1e-6
    )
    names = fit.tidy("ran_loading", style="brms")["variable"]
    assert names[2] == "loading_task__x1__2"
    assert fit.tidy("ran_loading", style="broom")["term"][2] == "loading__x1.2"


def test_effects_lie_in_the_subspace_of_their_draw(fit):
    effects = fit.draws["r_task"].values.reshape(-1, 60, 5)[::50]
    U = fit.draws["loading_task"].values.reshape(-1, 9)[::50]
    for u, own in zip(effects, U, strict=True):
        L = np.zeros((5, 2))
        L[np.tril_indices(5, 0, 2)] = own
        off = u.T - L @ np.linalg.lstsq(L, u.T, rcond=None)[0]
        np.testing.assert_allclose(off, 0, atol=1e-5)


def test_the_planted_subspace_is_found_better_than_without_pooling(fit, table):
    found = fit.subspace()
    ours = subspace_angles(found.basis, PLANTED)
    # Task by task least squares, then the two leading directions of their covariance.
    alone = []
    for _, own in table.groupby("task"):
        X = np.column_stack([np.ones(len(own)), own[["x1", "x2", "x3", "x4"]]])
        alone.append(np.linalg.lstsq(X, own["y"], rcond=None)[0])
    theirs = subspace_angles(np.linalg.eigh(np.cov(np.array(alone).T))[1][:, -2:], PLANTED)
    assert np.degrees(ours.max()) < 10
    assert ours.max() < theirs.max()
    # The planted space is about as far from the centre as draws are.
    assert ours.max() < np.quantile(found.angles[:, 0], 0.999)


def test_a_subspace_says_what_it_is(fit):
    found = fit.subspace()
    assert (found.dimension, found.terms) == (2, ("Intercept", "x1", "x2", "x3", "x4"))
    assert np.trace(found.projection) == pytest.approx(2)
    np.testing.assert_allclose(found.projection, found.projection.T, atol=1e-12)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)
    assert found.count == {1: 0.0, 2: 1.0}
    rows = found.tidy()
    assert rows["share"].sum() == pytest.approx(1)
    assert "in 2 directions" in repr(found)
    assert found.projections().loc["x1", "x2"] == pytest.approx(found.projection[1, 2])
    with pytest.raises(SettingsError, match=r"no term rr\(\.\.\. \| tsk\); did you mean 'task'\?"):
        fit.subspace("tsk")
    with pytest.raises(SettingsError, match="threshold must lie between 0 and 1, not 2"):
        fit.subspace(threshold=2)


def test_principal_angles_are_scipy_s():
    r = np.random.default_rng(1)
    one, two = (np.linalg.qr(r.normal(size=(6, 3)))[0] for _ in range(2))
    np.testing.assert_allclose(principal_angles(one, two), subspace_angles(one, two))
    nearly = np.linalg.qr(one + 1e-9 * two)[0]
    angles = principal_angles(nearly, one)
    np.testing.assert_allclose(angles, subspace_angles(nearly, one), rtol=1e-5)


def test_new_levels_and_pooling_know_the_few_factors(fit, table):
    pooled = fit.pooling()
    assert pooled["pooling"].between(0, 1).all()
    new = table[table["task"] == 7].assign(task=99)
    adapted = fit.adapt(new, seed=1).coef()
    same = fit.coef()
    same = same[same["level"] == 7]
    away = adapted["estimate"].to_numpy() - same["estimate"].to_numpy()
    np.testing.assert_array_less(abs(away), 0.5 * same["std_error"].to_numpy())


def test_a_saved_fit_has_the_same_loadings(fit, tmp_path):
    again = hg.load(fit.save(tmp_path / "fit.hierglm"))
    pd.testing.assert_frame_equal(again.tidy("ran_loading"), fit.tidy("ran_loading"))
    pd.testing.assert_frame_equal(again.ranef(), fit.ranef())
    np.testing.assert_array_equal(again.subspace().shares, fit.subspace().shares)


def test_a_rank_that_is_found(table):
    few = table[table["task"] <= 25]
    fit = hg.fit(FORMULA.format("'auto'"), few, seed=1, draws=500, progress=False)
    assert fit.healthy
    found = fit.subspace()
    assert found.shares.shape[1] == 5
    assert found.dimension == 2
    assert found.count[2] > 0.9
    assert np.degrees(subspace_angles(found.basis, PLANTED).max()) < 10


def test_the_order_of_columns_does_not_matter(fit, table):
    formula = "y ~ x1 + x2 + x3 + x4 + rr(x4 + x2 + x3 + x1 | task, d=2)"
    again = hg.fit(formula, table, seed=3, draws=500, progress=False)
    one, two = (f.tidy("ran_sd").set_index("term") for f in (fit, again))
    away = (one["estimate"] - two["estimate"]) / one["std_error"]
    # Monte Carlo errors of two runs with effective sizes above 1,000.
    np.testing.assert_array_less(abs(away), 0.2)
    assert again.tidy("ran_loading")["term"].tolist()[:3] == ["Intercept", "x4", "x4"]


@pytest.mark.slow
def test_the_textbook_s_chains_meet_whatever_rotation_they_are_at(table):
    few = table[table["task"] <= 25]
    fit = hg.fit(FORMULA.format(2), few, seed=1, draws=200, warmup=400, plan="textbook",
                 progress=False)  # fmt: skip
    assert fit.tidy(("ran_loading", "ran_sd"))["rhat"].max() < 1.05


REFUSED = {
    "rr(x1 + x2 | task, rank=4)": "rank 4 is more than the 3 effects of rr(x1 + x2 | task, rank=4)"
    ": at full rank write (x1 + x2 | task)",
    "rr(1 | task, d=2)": "rank 2 is more than the 1 effect of",
    "rr(x1 | task, d=0)": "rank must be 1 or more; for no variation leave the term out",
    "rr(x1 | task, rank=2, d=2)": "rank and d are two names of one number: give one of them",
    "rr(x1 | task, rank='all')": "rank must be a whole number or \"auto\", not 'all'",
}


@pytest.mark.parametrize("term", REFUSED)
def test_ranks_that_cannot_be_are_refused(term, table):
    with pytest.raises(FormulaError) as caught:
        hg.model(f"y ~ x1 + {term}", table)
    assert REFUSED[term] in str(caught.value)
    assert "^" * len(term) in str(caught.value)


def test_priors_of_loadings(table):
    formula = FORMULA.format(2)
    shown = hg.model(formula, table).priors().set_index("parameter")["prior"]
    assert shown["loading[task]"] == "student_t(3, 0, 2.5)"
    auto = hg.model(FORMULA.format("'auto'"), table).priors().set_index("parameter")["prior"]
    assert auto["loading[task]"] == "student_t(1, 0, 0.25)"
    for wrong in (hg.prior.cauchy(0, 1), hg.prior.normal(1, 1), hg.prior.constant(1)):
        with pytest.raises(PriorError, match="loadings are the same under rotations"):
            hg.model(formula, table, priors={"loading[task]": wrong})
    with pytest.raises(PriorError, match=r"no parameter 'sd\[task\]'; did you mean 'loading"):
        hg.model(formula, table, priors={"sd[task]": hg.prior.normal(0, 1)})


def test_what_has_no_low_rank_says_so(table):
    with pytest.raises(SettingsError, match=r"its covariances have full rank, those of rr"):
        hg.model(FORMULA.format(2), table).approx()
    plain = hg.fit("y ~ x1 + (1 | task)", table, seed=1, draws=100, progress=False)
    with pytest.raises(SettingsError, match=r"no term rr\(...\), and so no subspace"):
        plain.subspace()
