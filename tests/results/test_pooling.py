"""How much levels borrow: closed forms, brute force over draws, other optimisers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

import hierglm as hg
from hierglm.errors import SettingsError
from hierglm.results.pooling_factors import _by_draws, pooling_factors
from hierglm.results.pooling_summary import level_predictors, pooling_summary
from tests.designs import design_of

CONSTANT = hg.prior.constant
SIZES = (1, 2, 5, 12, 40)


def schools(seed: int = 3) -> pd.DataFrame:
    """Rows of five schools: x and z vary within them, size does not."""
    r = np.random.default_rng(seed)
    school = np.repeat(np.arange(len(SIZES)), SIZES)
    x = r.normal(size=len(school))
    size = np.array([0.2, 1.0, -0.7, 0.4, -1.1])[school]
    effect = r.normal(0, 0.8, (len(SIZES), 2))
    eta = 0.3 + 0.5 * x + size + effect[school, 0] + effect[school, 1] * x
    return pd.DataFrame(
        {
            "school": np.array(list("ABCDE"))[school],
            "x": x,
            "z": r.normal(size=len(school)),
            "size": size,
            "y": eta + r.normal(size=len(school)),
            "hit": (r.uniform(size=len(school)) < 1 / (1 + np.exp(-eta))).astype(int),
        }
    )


@pytest.fixture(scope="module")
def gaussian() -> hg.Fit:
    """A fit whose predictors of levels are one of intercepts and one of slopes."""
    formula = "y ~ x + size + x:size + z + (x | school)"
    return hg.fit(formula, schools(), seed=2, chains=2, draws=150)


@pytest.fixture(scope="module")
def bernoulli() -> hg.Fit:
    return hg.fit("hit ~ x + (x || school)", schools(), "bernoulli", seed=2, chains=2, draws=150)


def test_factors_of_means_with_known_variances() -> None:
    tau, sigma = 0.7, 1.3
    priors = {"sd": CONSTANT(tau), "sigma": CONSTANT(sigma)}
    fit = hg.fit("y ~ 1 + (1 | school)", schools(), priors=priors, seed=1, chains=2, draws=100)
    found = fit.pooling()
    own = sigma**2 / np.array(SIZES)
    np.testing.assert_allclose(found["pooling"], own / (own + tau**2), rtol=1e-12)
    assert found["rows"].tolist() == list(SIZES)
    means = schools().groupby("school")["y"].mean()
    np.testing.assert_allclose(found["no_pooling"], means, rtol=1e-12)
    np.testing.assert_allclose(found["complete_pooling"], schools()["y"].mean(), rtol=1e-12)
    # The factor is by how much a mean moves: from it to the common intercept.
    common = fit.fixef()["estimate"][0]
    moved = (1 - found["pooling"]) * means.to_numpy() + found["pooling"] * common
    error = 5 * tau * np.sqrt(found["pooling"] / 200)
    assert (np.abs(found["partial_pooling"] - moved) < error).all()


def test_factors_are_the_share_of_the_prior_variance_that_is_left() -> None:
    priors = {"sd": CONSTANT(0.8), "sigma": CONSTANT(1.0), "b": CONSTANT(0.5),
              "Intercept": CONSTANT(0.2)}  # fmt: skip
    fit = hg.fit("y ~ x + (x || school)", schools(), priors=priors, seed=1, chains=4, draws=1000)
    drawn = fit.draws["r_school"].values.reshape(-1, len(SIZES), 2)
    np.testing.assert_allclose(pooling_factors(fit, 0), drawn.var(axis=0) / 0.8**2, rtol=0.1)


def test_factors_average_over_the_posterior(gaussian: hg.Fit) -> None:
    data, draws = schools(), gaussian.draws
    sd, cor, sigma = (draws[n].values.reshape(300, -1) for n in ("sd_school", "cor_school",
                                                                "sigma"))  # fmt: skip
    want = np.zeros((len(SIZES), 2))
    for j, level in enumerate("ABCDE"):
        x = data.loc[data["school"] == level, "x"]
        Z = np.column_stack([np.ones(len(x)), x])
        for s in range(300):
            C = np.array([[1, cor[s, 0]], [cor[s, 0], 1]]) * np.outer(sd[s], sd[s])
            left = np.linalg.inv(np.linalg.inv(C) + Z.T @ Z / sigma[s] ** 2)
            want[j] += np.diag(left) / np.diag(C) / 300
    found = gaussian.pooling()["pooling"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(found, want, rtol=1e-6)


def test_factors_by_the_information_at_each_draw(bernoulli: hg.Fit) -> None:
    data, draws = schools(), bernoulli.draws
    b, r, sd = (draws[n].values.reshape(300, *draws[n].values.shape[2:])
                for n in ("b", "r_school", "sd_school"))  # fmt: skip
    want = np.zeros((len(SIZES), 2))
    for j, level in enumerate("ABCDE"):
        x = data.loc[data["school"] == level, "x"]
        Z = np.column_stack([np.ones(len(x)), x])
        for s in range(300):
            p = 1 / (1 + np.exp(-Z @ (b[s] + r[s, j])))
            left = np.linalg.inv(np.diag(sd[s] ** -2.0) + (Z.T * (p * (1 - p))) @ Z)
            want[j] += np.diag(left) / sd[s] ** 2 / 300
    np.testing.assert_allclose(pooling_factors(bernoulli, 0), want, rtol=1e-9)


def test_factors_by_the_draws_of_the_effects(gaussian: hg.Fit) -> None:
    r = gaussian.draws["r_school"].values.reshape(300, len(SIZES), 2)
    prior = (gaussian.draws["sd_school"].values.reshape(300, 2) ** 2).mean(axis=0)
    want = np.minimum(r.var(axis=0, ddof=1) / prior, 1)
    np.testing.assert_allclose(_by_draws(gaussian, 0), want, rtol=1e-12)


def test_estimates_alone_are_least_squares_of_the_level_s_rows(gaussian: hg.Fit) -> None:
    data, found = schools(), gaussian.pooling()
    b = gaussian.fixef().set_index("term")["estimate"]
    for level, own in data.groupby("school"):
        some = found[found["level"] == level]
        # Neither size nor its product with x varies beside intercept and slope.
        y = own["y"] - b["size"] * own["size"] - b["x:size"] * own["x"] * own["size"]
        X = np.column_stack([np.ones(len(own)), own["x"], own["z"]])
        if len(own) < 2:
            assert some["no_pooling"].isna().all()
            assert set(some["note"]) == {"1 row does not tell Intercept, x"}
            continue
        note = "as in the model: size, x:size"
        if len(own) < 3:
            X, y, note = X[:, :2], y - b["z"] * own["z"], "as in the model: size, x:size, z"
        beta = np.linalg.lstsq(X, y, rcond=None)[0]
        np.testing.assert_allclose(some["no_pooling"], beta[:2], rtol=1e-9)
        assert {frozenset(n.removeprefix("as in the model: ").split(", "))
                for n in some["note"]} == {frozenset(note[17:].split(", "))}  # fmt: skip


def test_the_other_two_are_those_of_the_model_and_of_all_rows(gaussian: hg.Fit) -> None:
    found, data = gaussian.pooling(), schools()
    np.testing.assert_array_equal(found["partial_pooling"], gaussian.coef()["estimate"])
    X = np.column_stack([np.ones(len(data)), data["x"], data["size"], data["x"] * data["size"],
                         data["z"]])  # fmt: skip
    beta = np.linalg.lstsq(X, data["y"], rcond=None)[0]
    np.testing.assert_allclose(found["complete_pooling"], np.tile(beta[:2], len(SIZES)), rtol=1e-9)


def test_estimates_alone_by_another_optimiser(bernoulli: hg.Fit) -> None:
    found, data = bernoulli.pooling(), schools()

    def mode(own: pd.DataFrame) -> np.ndarray:
        X = np.column_stack([np.ones(len(own)), own["x"]])
        y = own["hit"].to_numpy()
        loss = lambda b: np.logaddexp(0, X @ b).sum() - y @ X @ b  # noqa: E731
        return np.asarray(optimize.minimize(loss, np.zeros(2), tol=1e-12).x)

    E = found[found["level"] == "E"]
    np.testing.assert_allclose(E["no_pooling"], mode(data[data["school"] == "E"]), atol=1e-4)
    np.testing.assert_allclose(E["complete_pooling"], mode(data), atol=1e-4)
    few = found[found["level"].isin(["A", "B"])]
    assert few["no_pooling"].isna().all()
    assert few["note"].iloc[-1] == "2 rows without a finite estimate"


def test_rows_without_weight_do_not_count() -> None:
    data = schools()
    priors = {"sd": CONSTANT(0.8), "sigma": CONSTANT(1.0)}
    weighted = hg.fit("y ~ 1 + (1 | school)", data, priors=priors, weights={"D": 0.0, "E": 2.0},
                      seed=1, chains=2, draws=100)  # fmt: skip
    found = weighted.pooling().set_index("level")
    assert found["rows"].tolist() == [1, 2, 5, 0, 40]
    assert found.loc["D", "pooling"] == 1
    assert found.loc["D", "note"] == "0 rows do not tell Intercept"
    assert found.loc["E", "pooling"] == pytest.approx(1 / (1 + 80 * 0.64))


def test_terms_and_groups_of_several_factors() -> None:
    data = schools().assign(year=np.arange(60) % 3)
    formula = "y ~ 1 + (1 | school) + (0 + x | school) + (1 | year)"
    fit = hg.fit(formula, data, seed=1, chains=2, draws=100)
    found = fit.pooling()
    assert found["term"].tolist() == ["Intercept", "x"] * 5 + ["Intercept"] * 3
    # x is not among the common terms.
    assert (found.query("term == 'x'")["complete_pooling"] == 0).all()
    # Levels alone keep their type.
    only = found.query("group == 'year'").reset_index(drop=True)
    pd.testing.assert_frame_equal(fit.pooling("year"), only.astype({"level": int}))
    with pytest.raises(SettingsError, match="no group 'yaer'; did you mean 'year'"):
        fit.pooling("yaer")
    assert len(hg.fit("y ~ x", data, seed=1, chains=2, draws=50).pooling()) == 0


def test_predictors_of_levels() -> None:
    design = design_of("y ~ x + size + x:size + z + (x | school)", schools())
    labels = ["Intercept", *design.common.labels]
    intercepts, size = level_predictors(design, 0, 0)
    slopes, again = level_predictors(design, 0, 1)
    assert [labels[k] for k in intercepts] == ["size"]
    assert [labels[k] for k in slopes] == ["x:size"]
    want = schools().groupby("school")["size"].first().to_numpy()
    for found in (size, again):
        np.testing.assert_allclose(found[:, 0], want - want.mean(), atol=1e-12)


def test_explained_variance_by_brute_force(gaussian: hg.Fit) -> None:
    data, draws = schools(), gaussian.draws
    b = draws["b"].values.reshape(300, -1)
    r = draws["r_school"].values.reshape(300, len(SIZES), 2)
    term = gaussian.fixef()["term"].tolist()
    at = {name: b[:, term.index(name)] for name in term}
    school = data["school"].map(dict(zip("ABCDE", range(5), strict=True))).to_numpy()
    x, z, size = (data[n].to_numpy() for n in ("x", "z", "size"))
    of_level = data.groupby("school")["size"].first().to_numpy()
    theta: dict[str, list[np.ndarray]] = {"y": [], "Intercept": [], "x": []}
    error: dict[str, list[np.ndarray]] = {"y": [], "Intercept": [], "x": []}
    for s in range(300):
        one = {name: value[s] for name, value in at.items()}
        eta = (one["Intercept"] + one["x"] * x + one["size"] * size + one["x:size"] * x * size
               + one["z"] * z + r[s, school, 0] + r[s, school, 1] * x)  # fmt: skip
        theta["y"].append(data["y"].to_numpy())
        error["y"].append(data["y"].to_numpy() - eta)
        for k, (main, cross) in enumerate((("Intercept", "size"), ("x", "x:size"))):
            theta[main].append(one[main] + one[cross] * of_level + r[s, :, k])
            error[main].append(r[s, :, k])
    found = gaussian.pooling_summary()
    assert found[["group", "term", "count"]].to_numpy().tolist() == [
        ["", "y", 60], ["school", "Intercept", 5], ["school", "x", 5]]  # fmt: skip
    for k, name in enumerate(("y", "Intercept", "x")):
        V_error = np.mean([np.var(e, ddof=1) for e in error[name]])
        V_theta = np.mean([np.var(t, ddof=1) for t in theta[name]])
        V_mean = np.var(np.mean(error[name], axis=0), ddof=1)
        assert found.loc[k, "r2"] == pytest.approx(1 - V_error / V_theta, rel=1e-9)
        assert found.loc[k, "pooling"] == pytest.approx(1 - V_mean / V_error, rel=1e-9)


def test_explained_variance_of_a_regression_is_about_adjusted_r2() -> None:
    # Gelman and Pardoe (2006): with flat priors R^2 is the classical adjusted one.
    data = schools()
    fit = hg.fit("y ~ x + z", data, priors="brms", seed=4, chains=4, draws=1000)
    X = np.column_stack([np.ones(60), data["x"], data["z"]])
    left = data["y"] - X @ np.linalg.lstsq(X, data["y"], rcond=None)[0]
    adjusted = 1 - (left @ left / 57) / np.var(data["y"], ddof=1)
    row = fit.pooling_summary().iloc[0]
    assert row["r2"] == pytest.approx(adjusted, abs=0.02)
    # lambda is about p / n: the share of the errors' variance that is uncertain.
    assert 0 < row["pooling"] < 0.1


def test_there_is_no_error_of_the_data_behind_a_link(bernoulli: hg.Fit) -> None:
    first = pooling_summary(bernoulli).iloc[0]
    assert (first["group"], first["term"], first["count"]) == ("", "hit", 60)
    assert math.isnan(first["r2"])
    assert math.isnan(first["pooling"])
