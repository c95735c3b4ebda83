"""Predictive checks: tables against counts by hand, calibration and PIT against their laws."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierglm as hg
from hierglm.criticising.calibration import calibration, rising
from hierglm.criticising.pit import loo_pit, uniform_ecdf
from hierglm.criticising.ppc import KINDS, ppc
from hierglm.errors import SettingsError
from hierglm.predicting.predictions import predictions
from tests.results.made import made

FAST = {"seed": 2, "chains": 2, "draws": 250, "progress": False}


def table(n=300):
    r = np.random.default_rng(5)
    x, g = r.normal(size=n), r.integers(0, 12, n)
    return pd.DataFrame({"x": x, "g": g, "y": 1 + x + 0.5 * (g % 3) + r.normal(size=n),
                         "k": r.poisson(np.exp(0.5 + 0.4 * x)),
                         "b": r.random(n) < 1 / (1 + np.exp(-x)),
                         "c": r.choice(list("uvw"), n)})  # fmt: skip


@pytest.fixture(scope="module")
def gaussian():
    return hg.fit("y ~ x + (1 | g)", table(), **FAST)


@pytest.fixture(scope="module")
def poisson():
    return hg.fit("k ~ x", table(), "poisson", **FAST)


@pytest.fixture(scope="module")
def bernoulli():
    return hg.fit("b ~ x", table(), "bernoulli", **FAST)


@pytest.fixture(scope="module")
def categorical():
    return hg.fit("c ~ x", table(), "categorical", **FAST)


def replicates(fit):
    found = predictions(fit, target="response")
    out = np.empty((found.size, 300))
    for at, values in found.blocks():
        out[:, at] = values
    return out


def test_statistics_are_those_of_replicates(gaussian):
    y, again = table()["y"].to_numpy(), replicates(gaussian)
    found = ppc(gaussian, "statistic", statistic=["sd", "max"]).data.set_index("statistic")
    for name, of in {"sd": lambda v: v.std(-1, ddof=1), "max": lambda v: v.max(-1)}.items():
        assert found.loc[name, "observed"] == pytest.approx(of(y), rel=1e-12)
        assert found.loc[name, "estimate"] == pytest.approx(of(again).mean(), rel=1e-12)
        assert found.loc[name, "p_above"] == np.mean(of(again) > of(y))
        np.testing.assert_allclose(
            found.loc[name, ["conf_low", "conf_high"]].to_numpy(float),
            np.quantile(of(again), [0.025, 0.975]), rtol=1e-9,
        )  # fmt: skip


def test_statistics_of_the_user(gaussian):
    y, again = table()["y"].to_numpy(), replicates(gaussian)
    own = {"range": np.ptp, "third": lambda rows: rows[2]}
    found = ppc(gaussian, "statistic", statistic=own).data.set_index("statistic")
    assert found["observed"].to_dict() == {"range": np.ptp(y), "third": y[2]}
    assert found.loc["range", "estimate"] == pytest.approx(np.ptp(again, axis=1).mean())
    assert found.loc["third", "p_above"] == np.mean(again[:, 2] > y[2])
    by = ppc(gaussian, "grouped", by="g", statistic=np.ptp).data
    rows = again[:, table()["g"] == by["level"][0]]
    assert by["estimate"][0] == pytest.approx(np.ptp(rows, axis=1).mean())


def test_a_statistic_cannot_change_the_responses(gaussian):
    before = gaussian.plan.model.design.response.values.copy()
    ppc(gaussian, "statistic", statistic=lambda rows: rows.sort() or rows[0])
    assert np.array_equal(gaussian.plan.model.design.response.values, before)


@pytest.mark.parametrize(
    ("statistic", "message"),
    [
        ({"a": 3}, "'a' is 3"),
        (lambda rows: rows, "must return one finite number for the responses of a data set"),
        (lambda rows: 1 / 0, "'<lambda>' failed on 300 responses: division by zero"),
        ([np.ptp, np.ptp], "two statistics are called 'ptp'; give them names"),
    ],
)
def test_statistics_that_are_none(gaussian, statistic, message):
    with pytest.raises(SettingsError, match=message):
        ppc(gaussian, "statistic", statistic=statistic)


def test_grouped_is_by_level(gaussian):
    data, again = table(), replicates(gaussian)
    found = ppc(gaussian, by="g", kind="grouped").data
    means = data.groupby("g")["y"].mean()
    assert found["level"].tolist() == means.index.tolist()
    np.testing.assert_allclose(found["observed"], means)
    own = again[:, data["g"] == 3].mean(axis=1)
    assert found.loc[3, "estimate"] == pytest.approx(own.mean())


def test_ecdf_and_rootogram_count(poisson):
    k, again = table()["k"], replicates(poisson)
    found = ppc(poisson).data
    assert (found["count"] == found["count_to"]).all()
    assert found["observed"].tolist() == [(k == c).sum() for c in found["count"]]
    expected = [(again == c).sum(axis=1).mean() for c in found["count"]]
    np.testing.assert_allclose(found["estimate"], expected)
    found = ppc(poisson, "ecdf").data
    assert found["observed"].tolist() == pytest.approx([(k <= c).mean() for c in found["x"]])
    expected = [(again <= c).mean() for c in found["x"]]
    np.testing.assert_allclose(found["estimate"], expected)


def test_large_counts_are_gathered():
    r = np.random.default_rng(3)
    data = {"k": r.poisson(2000, 80)}
    found = ppc(hg.fit("k ~ 1", data, "poisson", **FAST)).data
    assert len(found) <= 61
    assert found["observed"].sum() == 80
    assert (found["count"].to_numpy()[1:] == found["count_to"].to_numpy()[:-1] + 1).all()


def test_bars_are_shares(categorical):
    found = ppc(categorical).data.set_index("category")
    expected = table()["c"].value_counts(normalize=True)
    for level in "uvw":
        assert found.loc[level, "observed"] == pytest.approx(expected[level])
        assert found.loc[level, "conf_low"] < expected[level] < found.loc[level, "conf_high"]


def test_densities_integrate_to_one(gaussian):
    found = ppc(gaussian).data
    assert found["replicate"].nunique() == 51
    for _, curve in found.groupby("replicate"):
        assert np.trapezoid(curve["density"], curve["x"]) == pytest.approx(1, abs=0.01)


def test_rising_is_the_isotonic_fit():
    r = np.random.default_rng(1)
    y, w = r.normal(size=60) + np.linspace(0, 2, 60), r.uniform(0.5, 2, 60)
    # The greatest convex minorant of the cumulative sums has it as its slopes: max of min of means.
    sums, mass = np.concatenate([[0], np.cumsum(w * y)]), np.concatenate([[0], np.cumsum(w)])
    expected = [
        max(min((sums[b] - sums[a]) / (mass[b] - mass[a]) for b in range(i + 1, 61))
            for a in range(i + 1)) for i in range(60)
    ]  # fmt: skip
    np.testing.assert_allclose(rising(y, w), expected, rtol=1e-10)


def test_band_holds_calibrated_predictions_and_not_others():
    r = np.random.default_rng(4)
    p = r.uniform(0.05, 0.95, 2000)
    y = (r.random(2000) < p).astype(float)
    good = calibration(p, y, np.ones(2000), np.random.default_rng(1))
    inside = (good["estimate"] >= good["conf_low"]) & (good["estimate"] <= good["conf_high"])
    assert inside.mean() > 0.85
    assert good["trials"].sum() == 2000
    off = 1 / (1 + np.exp(-3 * np.log(p / (1 - p))))
    bad = calibration(off, y, np.ones(2000), np.random.default_rng(1))
    inside = (bad["estimate"] >= bad["conf_low"]) & (bad["estimate"] <= bad["conf_high"])
    assert inside.mean() < 0.5


def test_calibration_of_trials_is_of_shares():
    r = np.random.default_rng(6)
    x, n = r.normal(size=200), r.integers(1, 9, 200)
    data = {"x": x, "n": n, "s": r.binomial(n, 1 / (1 + np.exp(-x)))}
    found = ppc(hg.fit("s | trials(n) ~ x", data, "binomial", **FAST)).data
    assert found["trials"].sum() == n.sum()
    assert found["predicted"].between(0, 1).all()
    # An isotonic fit keeps the total.
    total = float((found["trials"] * found["estimate"]).sum())
    assert total == pytest.approx(data["s"].sum())


def test_loo_pit_is_the_conditional_distribution():
    # y ~ N(mu, 1), flat mu: without row i, new responses are N(mean of the others, 1 + 1/(n-1)).
    r = np.random.default_rng(8)
    y = r.normal(3, 1, 40)
    fit = hg.fit("y ~ 1", {"y": y}, priors={"sigma": hg.prior.constant(1),
                 "Intercept": hg.prior.flat()}, seed=3, draws=4000, progress=False)  # fmt: skip
    pit, khat = loo_pit(fit, fit.plan.model, 1)
    others = (y.sum() - y) / 39
    expected = stats.norm(others, np.sqrt(1 + 1 / 39)).cdf(y)
    # 16,000 draws, correlated by at most their ESS of some thousands.
    assert np.abs(pit - expected).max() < 4 * np.sqrt(0.25 / 4000)
    assert khat.max() < 0.7


def test_band_of_uniform_values_holds_with_its_probability():
    r = np.random.default_rng(9)
    band = uniform_ecdf(r.random(150), 0.9, 1)
    z = band["pit"].to_numpy()
    inside = 0
    for _ in range(1000):
        curve = np.searchsorted(np.sort(r.random(150)), z, side="right") / 150 - z
        inside += ((curve >= band["conf_low"] - 1e-12) & (curve <= band["conf_high"] + 1e-12)).all()
    assert inside / 1000 == pytest.approx(0.9, abs=0.035)


def test_discrete_values_are_uniform_too(bernoulli):
    pit, _ = loo_pit(bernoulli, bernoulli.plan.model, 1)
    assert stats.kstest(pit, "uniform").pvalue > 0.01


def test_every_kind_draws_for_its_sort(gaussian, poisson, bernoulli, categorical):
    fits = {"numbers": gaussian, "counts": poisson, "shares": bernoulli, "categories": categorical}
    drawn = set()
    for sort, fit in fits.items():
        for kind, sorts in KINDS.items():
            if sort in sorts:
                by = "x" if kind == "grouped" else None
                figure = ppc(fit, kind, by, draws=20)
                assert len(figure.data) > 0
                if kind not in drawn:
                    assert figure._repr_png_()[0].startswith(b"\x89PNG")
                drawn.add(kind)
            else:
                with pytest.raises(SettingsError, match=f"ppc\\('{kind}'\\) is not for {sort}"):
                    ppc(fit, kind)


def test_thousands_of_levels_are_a_band():
    fit = made(terms=("Intercept",), levels=range(3000), draws=20)
    figure = ppc(fit, "grouped", "school")
    assert figure.get_size_inches()[1] < 8
    assert len(figure.data) == 3000


def test_same_seed_same_numbers(gaussian):
    one, two = (ppc(gaussian, "ecdf", seed=4).data for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_mistakes_are_named(gaussian):
    for arguments, said in [
        (("rootgram",), "no check 'rootgram'; did you mean 'rootogram'"),
        (("statistic", None, "men"), "no statistic 'men'; did you mean 'mean'"),
        (("grouped",), "give by="),
        (("ecdf", "g"), "by='g' is for ppc"),
        (("grouped", "h"), "no grouping factor or column 'h'"),
    ]:
        with pytest.raises(SettingsError, match=said):
            ppc(gaussian, *arguments)
    mode = replace(gaussian, draws=made(chains=1, draws=1).draws)
    with pytest.raises(SettingsError, match="needs draws"):
        ppc(mode)
