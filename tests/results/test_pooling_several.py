"""How much levels borrow where there are several linear predictors: brute force over draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm import plots
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.results.fitted import Fitted
from hierglm.results.pooling import pooling
from hierglm.results.pooling_summary import pooling_summary
from tests.results.test_pooling import SIZES, schools

NARROW = {"b": hg.prior.normal(0, 1), "Intercept": hg.prior.normal(0, 1),
          "sd": hg.prior.gamma(4, 5)}  # fmt: skip
DRAWS = 40


def drawn(formula: Any, family: str = "gaussian", **more: Any) -> Fitted:
    """Return a model with draws from its priors in the place of a posterior: any will do."""
    data = schools().assign(kind=np.resize(list("aabbc"), 60))
    model = hg.model(formula, data, family, priors=NARROW | more)
    return prior_fitted(model.model, DRAWS, 5)


@pytest.fixture(scope="module")
def joint() -> Fitted:
    parts = [hg.part("y ~ x + (x |s| school)"),
             hg.part("hit ~ z + (1 |s| school)", "bernoulli", weight=2.0)]  # fmt: skip
    return drawn(parts, sigma=hg.prior.gamma(4, 4))


def flat(fit: Fitted, name: str) -> np.ndarray:
    values = fit.draws[name].values[0]
    return values.reshape(DRAWS, *values.shape[1:])


def rows_of(level: str) -> pd.DataFrame:
    data = schools()
    return data[data["school"] == level]


def test_rows_of_all_responses_tell_of_effects_that_these_share(joint: Fitted) -> None:
    found = pooling(joint)
    assert found[["response", "dpar", "term"]].drop_duplicates().to_numpy().tolist() == [
        ["y", "", "Intercept"], ["y", "", "x"], ["hit", "", "Intercept"]]  # fmt: skip
    first, b, r = (flat(joint, n) for n in ("b_y", "b_hit", "r_school_hit"))
    assert first.shape == (DRAWS, 2)
    names = ("sd[school:Intercept]@y", "sd[school:x]@y", "sd[school:Intercept]@hit")
    sd = np.stack([flat_by_name(joint, n) for n in names], axis=1)
    pairs = ("cor[school:Intercept,x]@y", "cor[school:Intercept@y,Intercept@hit]",
             "cor[school:x@y,Intercept@hit]")  # fmt: skip
    cor = np.stack([flat_by_name(joint, n) for n in pairs], axis=1)
    sigma = flat(joint, "sigma_y")
    for j, level in enumerate("ABCDE"):
        own, want = rows_of(level), np.zeros(3)
        Z = np.column_stack([np.ones(len(own)), own["x"]])
        for s in range(DRAWS):
            R = np.eye(3)
            R[0, 1], R[0, 2], R[1, 2] = cor[s]
            C = np.outer(sd[s], sd[s]) * (R + np.triu(R, 1).T)
            A = np.zeros((3, 3))
            A[:2, :2] = Z.T @ Z / sigma[s] ** 2
            p = 1 / (1 + np.exp(-(b[s, 0] + b[s, 1] * own["z"] + r[s, j, 0])))
            A[2, 2] = 2 * np.sum(p * (1 - p))
            want += np.diag(np.linalg.inv(np.linalg.inv(C) + A)) / np.diag(C) / DRAWS
        some = found[found["level"] == level].set_index(["response", "term"])["pooling"]
        np.testing.assert_allclose(some.to_numpy(), want, rtol=1e-6)


def flat_by_name(fit: Fitted, name: str) -> np.ndarray:
    from hierglm.draws.parameters import by_name

    return by_name(fit.draws)[name]


def test_estimates_alone_are_those_of_each_response(joint: Fitted) -> None:
    found = pooling(joint)
    own = rows_of("E")
    X = np.column_stack([np.ones(len(own)), own["x"]])
    beta = np.linalg.lstsq(X, own["y"], rcond=None)[0]
    score = found[(found["level"] == "E") & (found["response"] == "y")]
    np.testing.assert_allclose(score["no_pooling"], beta, rtol=1e-9)
    coef = flat(joint, "b_y") + flat(joint, "r_school_y")[:, 4]
    np.testing.assert_allclose(score["partial_pooling"], coef.mean(axis=0), rtol=1e-12)
    data = schools()
    X = np.column_stack([np.ones(60), data["x"]])
    beta = np.linalg.lstsq(X, data["y"], rcond=None)[0]
    np.testing.assert_allclose(score["complete_pooling"], beta, rtol=1e-9)
    # Weights of a response move neither: it is alone. The score of its estimate is 0.
    passed = found[(found["level"] == "E") & (found["response"] == "hit")].iloc[0]
    z = np.column_stack([np.ones(60), data["z"]])
    at = passed["complete_pooling"]
    gaps = [np.abs(score_at(at, slope, z, data["hit"])).max() for slope in np.linspace(-3, 3, 6001)]
    assert min(gaps) < 0.02


def score_at(intercept: float, slope: float, X: np.ndarray, y: pd.Series) -> np.ndarray:
    return np.asarray(X.T @ (y - 1 / (1 + np.exp(-(intercept + slope * X[:, 1])))))


def test_rows_whose_sigma_has_a_predictor() -> None:
    more = {"b@.sigma": hg.prior.normal(0, 0.3), "sd@.sigma": hg.prior.gamma(4, 20),
            "Intercept@.sigma": hg.prior.normal(0, 0.3)}  # fmt: skip
    fit = drawn(["y ~ x + (x | school)", "sigma ~ z + (1 | school)"], **more)
    found = pooling(fit)
    c, u = flat(fit, "b_sigma"), flat(fit, "r_school_sigma")
    sd, cor = flat(fit, "sd_school"), flat(fit, "cor_school")
    for j, level in enumerate("ABCDE"):
        own = rows_of(level)
        Z, z, want = (
            np.column_stack([np.ones(len(own)), own["x"]]),
            own["z"].to_numpy(),
            np.zeros(2),
        )
        for s in range(DRAWS):
            sigma = np.exp(c[s, 0] + c[s, 1] * z + u[s, j, 0])
            C = np.array([[1, cor[s, 0]], [cor[s, 0], 1]]) * np.outer(sd[s], sd[s])
            A = (Z.T / sigma**2) @ Z
            want += np.diag(np.linalg.inv(np.linalg.inv(C) + A)) / np.diag(C) / DRAWS
        some = found[(found["level"] == level) & (found["dpar"] == "")]
        np.testing.assert_allclose(some["pooling"], want, rtol=1e-6)
    # By its own rows, weighed by sigma where its predictor is on average.
    sigma = np.exp((c[:, :1] + c[:, 1:] * z + u[:, 4]).mean(axis=0))
    beta = np.linalg.lstsq(Z / sigma[:, None], own["y"] / sigma, rcond=None)[0]
    np.testing.assert_allclose(some["no_pooling"], beta, rtol=1e-9)
    rest = found[found["dpar"] == "sigma"]
    assert rest[["no_pooling", "complete_pooling"]].isna().all(axis=None)
    assert set(rest["note"]) == {"sigma is estimated beside the mean"}
    # Without information in closed form: the draws' variance over that of the prior.
    prior = np.mean(flat(fit, "sd_school_sigma") ** 2)
    want = np.minimum(u[:, :, 0].var(axis=0, ddof=1) / prior, 1)
    np.testing.assert_allclose(rest["pooling"], want, rtol=1e-12)


def test_categories() -> None:
    more = {f"{role}@.mu{k}": prior for k in "bc" for role, prior in NARROW.items()}
    fit = drawn("kind ~ x + (1 | school)", "categorical", **more)
    found = pooling(fit)
    assert set(found["note"]) == {"categories are not estimated one by one"}
    own = rows_of("D")
    etas = [np.zeros((DRAWS, len(own)))]
    for k in "bc":
        b, r = flat(fit, f"b_mu{k}"), flat(fit, f"r_school_mu{k}")
        etas.append(b[:, :1] + b[:, 1:] * own["x"].to_numpy() + r[:, 3])
    p = np.exp(etas) / np.exp(etas).sum(axis=0)
    for k, name in enumerate("bc", start=1):
        sd = flat(fit, f"sd_school_mu{name}")[:, 0]
        want = np.mean(1 / (1 + sd**2 * np.sum(p[k] * (1 - p[k]), axis=1)))
        some = found[(found["level"] == "D") & (found["dpar"] == f"mu{name}")]
        assert some["pooling"].item() == pytest.approx(want, rel=1e-9)


def test_explained_variance_of_each_predictor(joint: Fitted) -> None:
    found = pooling_summary(joint)
    assert found[["response", "group", "term", "count"]].to_numpy().tolist() == [
        ["y", "", "y", 60], ["y", "school", "Intercept", 5], ["y", "school", "x", 5],
        ["hit", "", "hit", 60], ["hit", "school", "Intercept", 5]]  # fmt: skip
    r = flat(joint, "r_school_hit")[:, :, 0]
    want = 1 - np.var(r.mean(axis=0), ddof=1) / np.mean(np.var(r, axis=1, ddof=1))
    assert found["pooling"].iloc[-1] == pytest.approx(want, rel=1e-9)
    data, b, u = schools(), flat(joint, "b_y"), flat(joint, "r_school_y")
    school = np.repeat(np.arange(5), SIZES)
    x = data["x"].to_numpy()
    error = data["y"].to_numpy() - (b[:, :1] + b[:, 1:] * x + u[:, school, 0] + u[:, school, 1] * x)
    within = np.mean(np.var(error, axis=1, ddof=1))
    assert found["r2"].iloc[0] == pytest.approx(1 - within / np.var(data["y"], ddof=1), rel=1e-9)


def test_each_predictor_has_panels(joint: Fitted) -> None:
    axes = [a for a in plots.pooling(joint).axes if a.axison]
    titles = [a.get_title(loc="left") or a.get_title() for a in axes]
    assert titles == ["school: Intercept@y", "school: x@y", "school: Intercept@hit"]
    table = pooling(joint)
    some = table[table["response"] == "hit"].sort_values("rows", ascending=False, kind="stable")
    np.testing.assert_array_equal(
        axes[2].collections[2].get_offsets()[:, 0], some["partial_pooling"]
    )
