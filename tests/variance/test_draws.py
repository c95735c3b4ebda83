"""Shares of the variance and R^2, by brute force on every draw and row."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hierglm.errors import SettingsError
from hierglm.parts import ResponsePart
from hierglm.posterior import Fit, load
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import flatten, linear_predictor, scales_of
from hierglm.variance.components import components
from hierglm.variance.icc import icc, proportion_table, proportions
from hierglm.variance.r2 import r2
from tests.variance.given import CHAINS, DRAWS, given_fit


def _table(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "y": rng.normal(2, 3, rows),
            "x": rng.normal(1, 2, rows),
            "z": rng.normal(size=rows),
            "g": np.array(list("abcdef"))[np.arange(rows) % 6],
            "f": np.array(list("uuuvvv"))[np.arange(rows) % 6],
            "g2": np.array(list("bcdefa"))[np.arange(rows) % 6],
            "h": np.array(list("pqrs"))[rng.integers(0, 4, rows)],
            "count": rng.poisson(3, rows),
            "positive": rng.gamma(2, size=rows),
            "share": rng.beta(2, 3, rows),
            "won": rng.integers(0, 4, rows),
            "played": 4 + rng.integers(0, 5, rows),
            "yes": rng.integers(0, 2, rows),
            "grade": pd.Categorical(
                np.array(["low", "mid", "top"])[rng.integers(0, 3, rows)], ordered=True
            ),
            "log_time": rng.normal(size=rows),
        }
    )


TABLE = _table()


def _brute(fit: Fitted) -> np.ndarray:
    """Return Bayesian R^2 of each draw, row by row from the definition."""
    model, every = fit.plan.model, flatten(fit.draws)
    first = model.responses[0]
    predictors = model.predictors(first)
    out = np.empty(every.size)
    for s in range(every.size):
        some = slice(s, s + 1)
        eta = linear_predictor(first.design, every, some, first.part.ending)
        scales = scales_of(first, every, some, predictors[1:])
        trials = first.design.response.trials
        mean = first.family.mean(eta, scales, trials)[0]
        noise = np.broadcast_to(first.family.variance(eta, scales, trials), (1, len(mean)))
        out[s] = mean.var(ddof=1) / (mean.var(ddof=1) + noise.mean())
    return out


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x + (x | g) + (1 | h)", "gaussian"),
        ("y ~ x + (1 | g)", "student"),
        ("positive ~ x + (1 | g)", "gamma"),
        ("positive ~ x + (1 | g)", "lognormal"),
        ("share ~ x + (1 | g)", "beta"),
        ("yes ~ x + (x | g)", "bernoulli(probit)"),
        ("won | trials(played) ~ x + (1 | g)", "binomial"),
        ("won | trials(played) ~ x + (1 | g)", "beta_binomial"),
        ("count ~ x + (1 | g) + offset(log_time)", "poisson"),
        ("count ~ x + (1 | g)", "negbinomial"),
        ("count ~ x + (1 | g)", "zero_inflated_poisson"),
        ("count ~ x + (1 | g)", "hurdle_negbinomial"),
    ],
)
def test_bayesian_r2_of_every_family(formula: str, family: str) -> None:
    fit = given_fit(formula, TABLE, family)
    drawn: Any = r2(fit, summary=False)
    assert drawn.dims == ("chain", "draw", "quantity")
    assert drawn["r2"].values.tolist() == ["bayesian"] * 2 + ["nakagawa"] * 2
    np.testing.assert_allclose(drawn.values[:, :, 0].ravel(), _brute(fit), rtol=1e-10)
    assert ((drawn.values >= 0) & (drawn.values <= 1)).all()
    assert (drawn.values[:, :, 2] >= drawn.values[:, :, 3]).all()


def test_parameters_with_a_predictor_of_their_own() -> None:
    part = ResponsePart(("y ~ x + (1 | g)", "sigma ~ z + (1 | g)"), "gaussian")
    fit = given_fit([part], TABLE)
    drawn: Any = r2(fit, summary=False)
    np.testing.assert_allclose(drawn.values[:, :, 0].ravel(), _brute(fit), rtol=1e-10)
    every = flatten(fit.draws)
    mean, sigma = fit.plan.model.parts
    log_sigma = linear_predictor(sigma.design, every, slice(None), sigma.part.ending)
    np.testing.assert_allclose(
        components(fit).residual, np.exp(2 * log_sigma).mean(axis=1), rtol=1e-12
    )
    b = every.values[f"b{mean.part.ending}"]
    np.testing.assert_allclose(components(fit).fixed, b[:, 1] ** 2 * TABLE["x"].var(), rtol=1e-10)


def test_marginal_r2_of_a_gaussian_is_of_the_common_part() -> None:
    fit = given_fit("y ~ x + (1 | g)", TABLE)
    every = flatten(fit.draws)
    b, r, sigma = (every.values[n] for n in ("b", "r_g", "sigma"))
    alone = b[:, 1:] * TABLE["x"].to_numpy()
    u = r[:, np.arange(60) % 6, 0]
    whole = alone.var(axis=1, ddof=1) + u.var(axis=1, ddof=1) + sigma**2
    drawn: Any = r2(fit, summary=False)
    np.testing.assert_allclose(
        drawn.values[:, :, 1].ravel(), alone.var(axis=1, ddof=1) / whole, rtol=1e-10
    )


def test_blocks_of_rows_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = given_fit("count ~ x + (x | g)", TABLE, "poisson")
    whole: Any = r2(fit, summary=False)
    monkeypatch.setattr("hierglm.predicting.predictions._BLOCK", 7 * CHAINS * DRAWS)
    monkeypatch.setattr("hierglm.variance.components._BLOCK", 7 * 60)
    parts: Any = r2(fit, summary=False)
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-12)


def test_proportions_are_the_mean_variance_over_the_rows() -> None:
    fit = given_fit("y ~ x + (x + z | g) + (1 | h)", TABLE, values={"cor_g": [0.3, -0.5, 0.2]})
    every = flatten(fit.draws)
    sd, cor, other, sigma = (every.values[n] for n in ("sd_g", "cor_g", "sd_h", "sigma"))
    Z = np.column_stack([np.ones(60), TABLE["x"], TABLE["z"]])
    terms = np.empty((CHAINS * DRAWS, 60))
    for s in range(len(terms)):
        C = np.eye(3)
        C[[0, 0, 1], [1, 2, 2]] = C[[1, 2, 2], [0, 0, 1]] = cor[s]
        Sigma = sd[s][:, None] * C * sd[s]
        terms[s] = np.einsum("ia,ab,ib->i", Z, Sigma, Z)
    drawn = proportions(fit)
    values = drawn.values.reshape(-1, drawn.shape[2])
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-12)
    whole = terms.mean(axis=1) + other[:, 0] ** 2 + sigma**2
    np.testing.assert_allclose(values[:, :6].sum(axis=1), terms.mean(axis=1) / whole)
    table = proportion_table(fit)
    assert table["term"].tolist() == ["Intercept", "x", "z", "Intercept", "Intercept", "x",
                                      "Intercept", "residual"]  # fmt: skip
    assert table["term2"].tolist() == ["", "", "", "x", "z", "z", "", ""]
    assert table["group"].tolist() == ["g"] * 6 + ["h", ""]
    assert table["variance"].iloc[-1] == pytest.approx((sigma**2).mean())
    shares = icc(fit)
    assert shares["group"].tolist() == ["g", "h", ""] * 2
    assert shares["estimate"][0] == pytest.approx(table["estimate"][:6].sum())


def test_levels_with_known_covariances_strata_members_and_student_effects() -> None:
    A = np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) + 0.2
    A = pd.DataFrame(A, index=list("abcdef"), columns=list("abcdef"))
    fit = given_fit("y ~ x + (1 | gr(g, cov=A))", TABLE, data2={"A": A})
    sd = flatten(fit.draws).values["sd_g"][:, 0]
    np.testing.assert_allclose(components(fit).group("g"), sd**2 * 3.7, rtol=1e-9)
    fit = given_fit("y ~ x + (1 | gr(g, by=f))", TABLE)
    sds = flatten(fit.draws).values["sd_g"]
    np.testing.assert_allclose(components(fit).group("g"), (sds**2).mean(axis=1), rtol=1e-9)
    fit = given_fit("y ~ x + (1 | mm(g, g2))", TABLE)
    (name,) = components(fit).groups
    sd = flatten(fit.draws).values[f"sd_{name}"][:, 0]
    np.testing.assert_allclose(components(fit).group(), sd**2 / 2, rtol=1e-9)
    fit = given_fit("y ~ x + (1 | gr(g, dist='student'))", TABLE, values={"df_g": 6.0})
    sd = flatten(fit.draws).values["sd_g"][:, 0]
    np.testing.assert_allclose(components(fit).group(), sd**2 * 6 / 4, rtol=1e-9)
    fit = given_fit("y ~ x + (1 | gr(g, dist='student'))", TABLE, values={"df_g": 1.5})
    assert icc(fit)["estimate"].tolist() == [1, 1]
    assert r2(fit).query("r2 == 'nakagawa'")["estimate"].tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["car", "bym2"])
def test_levels_on_a_graph(kind: str) -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"), ("a", "d")]
    fit = given_fit(f"y ~ 1 + graph(x | g, edges=E, type='{kind}')", TABLE, data2={"E": edges})
    (grouping,) = fit.plan.model.groups
    relation, every = grouping.relation, flatten(fit.draws)
    sd, share = every.values["sd_g"], every.values[f"{relation.parameter}_g"]
    Z = np.column_stack([np.ones(60), TABLE["x"]])
    cor = every.values["cor_g"] if "cor_g" in every.values else np.zeros((len(sd), 1))
    expected = np.empty(len(sd))
    for s in range(len(sd)):
        L = np.linalg.cholesky(np.array([[1, cor[s, 0]], [cor[s, 0], 1]]))
        F = sd[s][:, None] * L
        if kind == "car":
            w = (1 - share[s] * relation.spectrum[:, None]) ** -0.5
        else:
            w = (1 - share[s] + share[s] * relation.spectrum[:, None]) ** 0.5
        total = 0.0
        for i in range(60):
            # u = factor (w * z) F': its covariance for the level of row i, by its own weights.
            G = F[None, :, :] * (relation.factor[grouping.index[i]][:, None] * w)[:, None, :]
            total += float(np.sum((np.einsum("a,kar->kr", Z[i], G)) ** 2))
        expected[s] = total / 60
    np.testing.assert_allclose(components(fit).group(), expected, rtol=1e-10)


def test_ordered_categories_have_the_latent_scale_alone() -> None:
    fit = given_fit("grade ~ x + (1 | g)", TABLE, "cumulative(probit)")
    table = r2(fit)
    assert table["r2"].tolist() == ["nakagawa", "nakagawa"]
    every = flatten(fit.draws)
    fixed = every.values["b"][:, 0] ** 2 * TABLE["x"].var()
    group = every.values["sd_g"][:, 0] ** 2
    expected = (fixed + group) / (fixed + group + 1)
    assert table["estimate"][0] == pytest.approx(expected.mean())


def test_mean_of_counts_is_over_rows_and_levels() -> None:
    # The lognormal approximation at lambda = mean of exp(x b + sd^2 / 2).
    fit = given_fit("count ~ x + (1 | g) + offset(log_time)", TABLE, "poisson")
    every = flatten(fit.draws)
    b, sd = every.values["b"], every.values["sd_g"]
    eta = b[:, :1] + b[:, 1:] * TABLE["x"].to_numpy() + TABLE["log_time"].to_numpy()
    mean = np.exp(eta + sd**2 / 2).mean(axis=1)
    np.testing.assert_allclose(components(fit).residual, np.log1p(1 / mean), rtol=1e-12)


def test_several_responses_come_one_below_the_other() -> None:
    parts = [
        ResponsePart(("y ~ x + (1 |s| g)",), "gaussian"),
        ResponsePart(("yes ~ x + (1 |s| g)",), "bernoulli"),
    ]
    fit = given_fit(parts, TABLE)
    every = flatten(fit.draws)
    table = icc(fit)
    assert table["response"].tolist() == ["y", "y", "yes", "yes"]
    sd = next(v for n, v in every.values.items() if n.startswith("sd_g") and "yes" in n)[:, 0]
    expected = sd**2 / (sd**2 + np.pi**2 / 3)
    assert table["estimate"][2] == pytest.approx(expected.mean())
    assert icc(fit, response="yes")["estimate"].tolist() == table["estimate"][2:].tolist()
    assert set(r2(fit)["response"]) == {"y", "yes"}
    with pytest.raises(SettingsError, match="no response 'yess'; did you mean 'yes'"):
        r2(fit, response="yess")


def test_without_groups_there_is_one_r2_and_no_icc() -> None:
    fit = given_fit("y ~ x", TABLE)
    assert r2(fit)[["r2", "part"]].to_numpy().tolist() == [
        ["bayesian", "conditional"], ["nakagawa", "conditional"],
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="the model has no group effects"):
        icc(fit)


def test_unordered_categories_are_refused_in_words() -> None:
    fit = given_fit([ResponsePart(("grade ~ x + (1 | g)",), "categorical")], TABLE)
    with pytest.raises(SettingsError, match="a linear predictor for each category"):
        r2(fit)


def test_methods_of_a_fit(tmp_path: Path) -> None:
    made = given_fit("y ~ x + (x | g)", TABLE)
    fit = Fit(**{f.name: getattr(made, f.name) for f in fields(made)})
    pd.testing.assert_frame_equal(fit.icc(), icc(made))
    pd.testing.assert_frame_equal(fit.r2(hdi=True), r2(made, hdi=True))
    pd.testing.assert_frame_equal(fit.varcorr(proportions=True), proportion_table(made))
    drawn: Any = fit.varcorr(proportions=True, summary=False)
    np.testing.assert_array_equal(drawn.values, proportions(made).values)
    with pytest.raises(SettingsError, match="is for proportions=True"):
        fit.varcorr(summary=False)
    opened = load(fit.save(tmp_path / "fit.hg"))
    pd.testing.assert_frame_equal(opened.r2(), fit.r2())
