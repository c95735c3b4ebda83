"""Leave-one-out, WAIC and influence against the R package loo and closed forms."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from hierglm.comparing.loo import loo, waic
from hierglm.comparing.repair import moment_matched
from hierglm.comparing.weights import base, left_out
from hierglm.draws.pareto import pareto_smoothed
from hierglm.engines.methods import Laplace
from hierglm.errors import DataError, SettingsError
from hierglm.posterior import Fit
from hierglm.predicting import predictions
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import log_likelihood
from tests.comparing import fits
from tests.results.made import made

# The R package loo 2.5.1 (R 4.2.2) on the matrix of `matrices()[0]`, 15 digits:
# loo(l, r_eff = rep(0.7, 8))$pointwise, columns elpd_loo, p_loo, influence_pareto_k
LOO = np.array(
    [
        [-1.00969607635134, 0.0154244659710301, 0.3117774090750026],
        [-1.14128267340427, 0.0488469277300911, 0.1872119699224417],
        [-1.81966564363021, 0.2150976962578977, 0.2049634883353894],
        [-4.58872087378148, 1.0026912244521156, 0.4933582186137900],
        [-8.05810524281832, 1.7099521136808793, 0.3996315318852313],
        [-1.04818297634931, 0.0243438385383570, 0.2618888790297140],
        [-18.89280324221608, 4.8968311560381572, 0.9841131608573910],
        [-1.01133577194680, 0.0138360523768144, -0.0642331012944746],
    ]
)
# loo(l, r_eff = rep(1, 8))$pointwise, columns elpd_loo, influence_pareto_k
LOO_INDEPENDENT = np.array(
    [
        [-1.00972864080215, 0.2805675205361948],
        [-1.14128335218383, 0.1985795813395054],
        [-1.82012523931118, 0.1562430753728405],
        [-4.58644118153480, 0.4553021121372876],
        [-8.05778955061689, 0.3800289205956981],
        [-1.04810051438284, 0.3086241377779864],
        [-18.85373180885354, 0.8237361261014455],
        [-1.01132848947909, -0.0599167211509685],
    ]
)
# loo_approximate_posterior(l, log_p = lp, log_g = lq)$pointwise with `approximate()`
LOO_APPROXIMATE = np.array(
    [
        [-1.00939894229392, 0.3836351092182033],
        [-1.14440428972114, 0.2144310682431462],
        [-1.82053495127589, 0.2825018385255011],
        [-4.57948932098904, 0.4601766530114307],
        [-8.07660929634301, 0.4779302380860108],
        [-1.04648411450069, 0.3434164306312850],
        [-18.80229329441079, 0.7887076581648387],
        [-1.01349677192763, 0.0587243657578758],
    ]
)
# waic(l)$estimates
WAIC = np.array([[-37.74908683781875, 17.85368564569323], [8.10631781236626, 4.94357115240599]])


def matrices() -> list[Any]:
    """Return log likelihoods of autocorrelated draws, shape (1000, 8), of three models."""
    rng = np.random.default_rng(12)
    found = []
    for scale, shift in ((0.4, 0), (0.6, 0.3), (0.3, -1)):
        noise = rng.normal(size=(4, 250, 8))
        x = np.empty_like(noise)
        x[:, 0] = noise[:, 0]
        for t in range(1, 250):
            x[:, t] = 0.4 * x[:, t - 1] + np.sqrt(1 - 0.16) * noise[:, t]
        y = np.array([0.1, -0.5, 1.2, 2.5, -3.5, 0.3, 5.5, 0.0]) + shift
        found.append((-0.5 * (y - scale * x) ** 2 - 0.9189385332046727).reshape(1000, 8))
    return found


def approximate() -> tuple[Any, Any]:
    """Return log densities of draws: of the posterior, and of what they were drawn from."""
    rng = np.random.default_rng(5)
    log_q = rng.normal(size=1000)
    return log_q + rng.normal(0, 0.3, 1000), log_q


class Given:
    """Predictions whose log likelihoods are a given matrix, a few rows at a time."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def log_likelihood(self) -> Any:
        for low in range(0, self.values.shape[1], 3):
            at = np.arange(low, min(low + 3, self.values.shape[1]))
            yield at, self.values[:, at]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a fit of 1,000 draws that are not of chains, whose log likelihoods are given."""

    def fit_of(values: Any, **statistics: Any) -> Fitted:
        monkeypatch.setattr("hierglm.comparing.loo.predictions", lambda *_, **__: Given(values))
        fit = made(terms=("Intercept",), levels=("A", "B"))
        design = fit.plan.model.design
        few = hg.model("y ~ 1", {"y": np.arange(float(values.shape[1]))}).plan().model
        assert design.rows >= values.shape[1]
        draws = replace(fit.draws, stats={k: x[None] for k, x in statistics.items()} or
                        fit.draws.stats)  # fmt: skip
        plan = replace(fit.plan, model=few)
        return replace(fit, plan=plan, draws=draws,
                       settings=replace(fit.settings, method=Laplace()))  # fmt: skip

    return fit_of


def test_weights_are_those_of_the_r_package() -> None:
    values = matrices()[0]
    for i, (elpd, p, khat) in enumerate(LOO):
        weights, found = pareto_smoothed(-values[:, i], 0.7)
        own = np.logaddexp.reduce(values[:, i] + weights)
        lpd = np.logaddexp.reduce(values[:, i]) - np.log(1000)
        np.testing.assert_allclose([own, lpd - own, found], [elpd, p, khat], rtol=1e-10)


def test_loo_is_that_of_the_r_package(given: Any) -> None:
    found = loo(given(matrices()[0]))
    np.testing.assert_allclose(found.elpd_i, LOO_INDEPENDENT[:, 0], rtol=1e-10)
    np.testing.assert_allclose(found.pareto_k, LOO_INDEPENDENT[:, 1], rtol=1e-9)
    assert found.high.tolist() == [False] * 6 + [True, False]
    sums = found.table()
    assert sums["estimate"].iloc[2] == pytest.approx(-2 * LOO_INDEPENDENT[:, 0].sum())
    assert found.se == pytest.approx(np.sqrt(8) * np.std(LOO_INDEPENDENT[:, 0], ddof=1))


def test_draws_of_an_approximation_are_weighted_towards_the_posterior(given: Any) -> None:
    log_p, log_q = approximate()
    found = loo(given(matrices()[0], lp=log_p, log_q=log_q))
    np.testing.assert_allclose(found.elpd_i, LOO_APPROXIMATE[:, 0], rtol=1e-10)
    np.testing.assert_allclose(found.pareto_k, LOO_APPROXIMATE[:, 1], rtol=1e-9)


def test_waic_is_that_of_the_r_package(given: Any) -> None:
    found = waic(given(matrices()[0]))
    sums = found.table()[["estimate", "std_error"]].to_numpy()
    np.testing.assert_allclose(sums[:2], WAIC, rtol=1e-10)
    assert [f.kind for f in found.check()] == ["waic"]


def test_chains_that_mix_slowly_get_a_longer_tail() -> None:
    fit = made()
    walk = np.cumsum(np.random.default_rng(2).normal(size=(4, 250)), axis=1)
    values = 0.5 * walk / walk.std()
    weights, khat = left_out(fit, values.reshape(-1, 1), base(fit))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz
    efficiency = float(arviz.ess(np.exp(values), method="mean")) / 1000
    assert efficiency < 0.1
    expected, own = pareto_smoothed(-values.ravel(), efficiency)
    np.testing.assert_allclose(weights[:, 0], expected, rtol=1e-9)
    assert khat[0] == pytest.approx(own, rel=1e-9)


def test_blocks_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = made(family="bernoulli")
    whole = log_likelihood(fit).reshape(1000, -1)
    monkeypatch.setattr(predictions, "_BLOCK", 5000)
    weights, khat = left_out(fit, whole, base(fit))
    found = loo(fit)
    np.testing.assert_allclose(found.elpd_i, np.logaddexp.reduce(whole + weights), rtol=1e-12)
    np.testing.assert_allclose(found.pareto_k, khat, rtol=1e-9)


@pytest.fixture(scope="module")
def pooled() -> Fit:
    return fits.pooled()


@pytest.fixture(scope="module")
def grouped() -> Fit:
    return fits.grouped()


def exact_without(i: int) -> tuple[float, float]:
    """Return mean and sd of the conjugate posterior without a row."""
    data = fits.table()
    others = np.arange(len(data["y"])) != i
    return fits.conjugate(data["y"][others], data["se"][others] ** -2.0)


def test_rows_of_a_conjugate_model(pooled: Fit) -> None:
    data, found = fits.table(), pooled.loo()
    for i, (y, se) in enumerate(zip(data["y"], data["se"], strict=True)):
        mean, sd = exact_without(i)
        exact = stats.norm.logpdf(y, mean, np.hypot(sd, se))
        # 1 / elpd is a mean of 1 / p over the draws, whose relative variance the weights tell.
        error = np.sqrt(1 / found.ess_i[i] - 1 / found.draws)
        assert abs(found.elpd_i[i] - exact) < 5 * error
    assert np.all(found.pareto_k < 0.7)


def test_influence_of_rows_of_a_conjugate_model(pooled: Fit) -> None:
    table = pooled.influence()
    whole = fits.conjugate(fits.table()["y"], fits.table()["se"] ** -2.0)
    for row in table.itertuples():
        mean, _ = exact_without(row.row)
        # Four standard errors of a mean of 20,000 draws, of which a tenth are worth as much.
        assert abs(row.shift - (mean - whole[0]) / whole[1]) < 4 * np.sqrt(10 / 20_000)
        assert row.estimate == pytest.approx(mean, abs=0.02)
    assert abs(table["shift"]).is_monotonic_decreasing
    assert table["row"].iloc[0] == 1
    assert table["parameter"].unique().tolist() == ["b[Intercept]"]


def mean_without(out: Any) -> tuple[float, float]:
    """Return mean and variance of the posterior of the common mean of `grouped` without rows."""
    data = fits.table()
    W = np.linalg.inv(fits.covariance(data)[np.ix_(~out, ~out)])
    variance = 1 / (W.sum() + fits.PRIOR**-2)
    return float(variance * (W @ data["y"][~out]).sum()), float(variance)


def test_influence_of_groups_of_a_gaussian_model(grouped: Fit) -> None:
    """Their effects, which these draws have wrong, are integrated out."""
    g, left_out = fits.table()["g"], grouped.loo(unit="g")
    table = grouped.influence("g").set_index("g")
    whole = mean_without(np.zeros(len(g), dtype=bool))
    for level, ess in zip(left_out.units.labels, left_out.ess_i, strict=True):
        mean, variance = mean_without(g == level)
        error = np.sqrt(variance * (1 / ess + 1 / left_out.draws))
        assert abs(table["estimate"][level] - mean) < 5 * error
        shift = (mean - whole[0]) / np.sqrt(whole[1])
        assert abs(table["shift"][level] - shift) < 5 * error / np.sqrt(whole[1])
    assert set(table["parameter"]) == {"b[Intercept]"}
    assert table["shift"].abs().is_monotonic_decreasing


def test_groups_of_a_gaussian_model(grouped: Fit) -> None:
    data, found = fits.table(), grouped.loo(unit="g")
    V = fits.covariance(data)
    for j, level in enumerate(found.units.labels):
        out = data["g"] == level
        mean, variance = mean_without(out)
        exact = stats.multivariate_normal.logpdf(
            data["y"][out], np.full(out.sum(), mean), V[np.ix_(out, out)] + variance
        )
        error = np.sqrt(1 / found.ess_i[j] - 1 / found.draws)
        assert abs(found.elpd_i[j] - exact) < 5 * error
    assert found.units.labels.tolist() == [f"g{k}" for k in range(6)]


def test_a_high_khat_names_its_units_and_the_next_step(given: Any) -> None:
    found = loo(given(matrices()[0]))
    text = repr(found)
    assert "Pareto k-hat is at most 0.67 for 7 of 8 (largest 0.82)." in text
    assert "1 of 8 units move the posterior further" in text
    assert "row 6. Their densities are guesses. fit.loo(repair='refit')" in text
    assert not found.healthy


def test_numbers_come_back_from_a_file(tmp_path: Path, pooled: Fit) -> None:
    pooled.save(tmp_path / "fit")
    again = hg.load(tmp_path / "fit")
    np.testing.assert_array_equal(again.loo().elpd_i, pooled.loo().elpd_i)
    assert again.loo().data == pooled.loo().data


def test_what_cannot_be_left_out_is_refused(grouped: Fit) -> None:
    with pytest.raises(SettingsError, match=r"unit: .* column 'half'; there are 'g', 'y', 'se'"):
        grouped.loo(unit="half")
    with pytest.raises(
        SettingsError, match="repair cannot be 'mend'; there are 'integrate', 'moment_match'"
    ):
        grouped.loo(repair="mend")  # type: ignore[arg-type]
    one = made(chains=1, draws=1)
    with pytest.raises(SettingsError, match=r"loo\(\) needs draws"):
        loo(one)


def test_levels_that_rows_share_cannot_be_left_out() -> None:
    data = {"y": [1.0, 2, 4, 3], "a": list("xyxz"), "b": list("yzzy")}
    fit = hg.fit("y ~ 1 + (1 | mm(a, b))", data, chains=1, warmup=10, draws=10, seed=1)
    group = fit.plan.model.design.groups[0].group
    with pytest.raises(DataError, match="rows belong to several of its levels"):
        fit.loo(unit=group)


def test_one_of_several_responses() -> None:
    rng = np.random.default_rng(1)
    data = {"y": rng.normal(size=12), "n": rng.poisson(2, 12), "g": list("abcd") * 3}
    parts = [hg.part("y ~ 1 + (1 |s| g)"), hg.part("n ~ 1 + (1 |s| g)", "poisson")]
    fit = hg.joint(parts, data, chains=2, warmup=50, draws=50, seed=1)
    counts = next(m for m in fit.plan.model.responses if m.part.response == "n")
    values = log_likelihood(fit, counts).reshape(100, -1)
    weights, _ = left_out(fit, values, base(fit))
    found = fit.loo(response="n")
    np.testing.assert_allclose(found.elpd_i, np.logaddexp.reduce(values + weights), rtol=1e-12)
    with pytest.raises(SettingsError, match="several responses; give response=, one of 'y', 'n'"):
        fit.loo()
    whole = fit.loo(unit="g", response="n")
    sums = np.stack([values[:, np.array(data["g"]) == g].sum(axis=1) for g in "abcd"], axis=1)
    weights, khat = left_out(fit, sums, base(fit))
    np.testing.assert_allclose(whole.elpd_i, np.logaddexp.reduce(sums + weights), rtol=1e-12)
    np.testing.assert_allclose(whole.pareto_k, khat, rtol=1e-9)
    assert "as drawn, not integrated out" in whole.notes[0]
    with pytest.raises(
        SettingsError, match=r"a model with several linear predictors; repair='refit'"
    ):
        moment_matched(fit, replace(found, pareto_k=np.ones(12)))


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("level ~ x + (1 | g)", "cumulative"),
        ("kind ~ x + (1 | g)", "categorical"),
        ("n | weights(w) ~ x + (1 | g)", "zero_inflated_poisson"),
        ("y ~ x + (1 | mm(g, h))", "student"),
    ],
)
def test_every_kind_of_family(formula: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    data = {
        "level": np.arange(40) % 3 + 1,
        "kind": np.array(list("uvw"))[rng.integers(0, 3, 40)],
        "n": rng.poisson(1, 40),
        "y": rng.normal(size=40),
        "x": rng.normal(size=40),
        "w": rng.uniform(1, 2, 40),
        "g": np.array(list("abcd"))[np.arange(40) % 4],
        "h": np.array(list("abcd"))[np.arange(40) // 10],
    }
    fit = hg.fit(formula, data, family, chains=1, warmup=50, draws=30, seed=1)
    whole = log_likelihood(fit).reshape(30, -1)
    monkeypatch.setattr(predictions, "_BLOCK", 200)
    weights, _ = left_out(fit, whole, base(fit))
    np.testing.assert_allclose(fit.loo().elpd_i, np.logaddexp.reduce(whole + weights), rtol=1e-12)
