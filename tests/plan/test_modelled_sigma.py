"""Penalised fits of a mean and its sigma: restricted maximum likelihood where that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.plan.compute import compute
from hierglm.plan.modelled_sigma import known, penalise_both
from hierglm.plan.order import order
from hierglm.plan.rows import factors, gather


def table(levels=30, rows=20, scale=1.0) -> pd.DataFrame:
    r = np.random.default_rng(11)
    g = np.repeat(np.arange(levels), rows)
    x, u = r.normal(size=len(g)), r.normal(size=(levels, 3)) * [1, 0.5, 0.6]
    sigma = np.exp(-0.5 + 0.3 * x + u[g, 2])
    y = 2 + x + u[g, 0] + u[g, 1] * x + sigma * r.normal(size=len(g))
    return pd.DataFrame({"g": g, "x": x, "y": scale * y, "f": np.where(g % 3, "one", "two")})


def fits(formulas, data, close=1e-5):
    return penalise_both(*hg.model(formulas, data).model.parts, close)


def test_sigma_of_each_of_two_groups_is_that_of_its_residuals():
    d = table()
    mean, scale = fits(["y ~ x * f", "sigma ~ f"], d)
    expected = []
    for _, own in d.groupby("f"):
        X = np.column_stack([np.ones(len(own)), own["x"]])
        rss = np.linalg.lstsq(X, own["y"], rcond=None)[1][0]
        expected.append(np.log(rss / (len(own) - 2)) / 2)
    share = (d["f"] == "two").mean()
    log_sigma = scale.common[0] + scale.common[1] * (np.array([0, 1]) - share)
    # Weak priors: within a tenth of the standard error, 1 / sqrt(2 n).
    np.testing.assert_allclose(log_sigma, expected, atol=0.004)
    assert mean.common.shape == (4,)


def test_one_sigma_for_all_is_that_of_the_model_without_a_predictor_for_it():
    d = table()
    mean, scale = fits(["y ~ x + (x | g)", "sigma ~ 1"], d)
    model = hg.model("y ~ x + (x | g)", d).model
    alone = compute(model, order(factors(model.design), [0], [0]), by_rows=True).fit
    assert alone is not None
    assert scale.common[0] == pytest.approx(np.log(alone.sigma), abs=1e-3)
    np.testing.assert_allclose(mean.sds[0], alone.sds[0], rtol=1e-3)
    np.testing.assert_allclose(mean.effects[0], alone.effects[0], atol=1e-3)


@pytest.mark.parametrize("formula", ["sigma ~ x + (1 | g)", "sigma ~ 0 + x + (1 | g)"])
def test_levels_get_the_sigma_of_their_own_residuals(formula):
    """Many rows a level: each tells its own, wherever the fit starts from."""
    d = table(levels=12, rows=400, scale=1e3)
    mean, scale = fits(["y ~ x + (1 + x | g)", formula], d)
    found, expected = [], []
    for level, own in d.groupby("g"):
        a, b = np.polyfit(own["x"], own["y"], 1)[::-1]
        away = own["y"] - a - b * own["x"]
        # That of e exp(0.3 x), by the slope that the data have.
        slope = scale.common[-1]
        rows = away * np.exp(-slope * (own["x"] - d["x"].mean() * (len(scale.common) > 1)))
        expected.append(np.log(np.sum(rows**2) / (len(own) - 2)) / 2)
        found.append(scale.effects[0][level, 0] + (scale.common[0] if len(scale.common) > 1 else 0))
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert mean.converged
    assert scale.converged


def test_what_rows_are_known_by_sums_to_the_trace_of_what_predicts_them():
    d = table(levels=5, rows=40).assign(h=lambda d: np.arange(len(d)) % 4)
    formulas = ["y ~ x + (x | g) + (1 | h)", "sigma ~ x"]
    mean, scale = fits(formulas, d)
    model = hg.model(formulas, d).model.parts[0]
    rows = gather(model.design, equal=False)
    over = np.exp(-2 * (scale.common[0] + scale.common[1] * (d["x"] - d["x"].mean()).to_numpy()))
    Z = np.zeros((len(d), 14))
    at = np.arange(len(d))
    for k in range(2):
        Z[at, 2 * d["g"].to_numpy() + k] = rows.Z[0][:, k]
    Z[at, 10 + d["h"].to_numpy()] = 1
    W = np.column_stack([rows.X, Z])
    precision = W.T @ (W * over[:, None])
    precision[2:12, 2:12] += np.kron(np.eye(5), mean.priors[0])
    precision[12:, 12:] += np.eye(4) * mean.priors[1]
    expected = np.einsum("na,ab,nb->n", W, np.linalg.inv(precision), W) * over
    found = known(model, rows, mean, over)
    # Priors of the coefficients, which are weak, are in the former alone.
    assert found.sum() == pytest.approx(expected.sum(), rel=0.01)
    np.testing.assert_allclose(found, expected, atol=0.25)
    assert np.corrcoef(found, expected)[0, 1] > 0.8


def test_where_there_is_none_it_is_said(monkeypatch):
    exact = table().assign(y=lambda d: 1.0 + d["x"])
    found = fits(["y ~ x + (1 | g)", "sigma ~ x"], exact)
    assert found == "the numbers of the penalised fit of the mean broke down"
    monkeypatch.setattr("hierglm.plan.modelled_sigma._TURNS", 1)
    found = fits(["y ~ x + (1 | g)", "sigma ~ x"], table())
    assert found == "the penalised fits of the mean and of sigma had not converged after 1 turns"


ODD = {
    "one row": (["y ~ 0", "sigma ~ 1 + x"], lambda d: d.head(1)),
    "a constant": (["y ~ x + (1 | g)", "sigma ~ x + (1 | g)"], lambda d: d.assign(y=3.0)),
    "two rows a level": (["y ~ x + iso(x | g)", "sigma ~ (x | g)"], lambda d: d.iloc[::10]),
    "a wild level": (
        ["y ~ x + (x | g)", "sigma ~ (1 | g)"],
        lambda d: d.assign(y=np.where(d["g"] == 3, 1e9, 1) * d["y"])),
    "small numbers": (["y ~ x + (x | g)", "sigma ~ x"], lambda d: d.assign(y=1e-9 * d["y"])),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_data_end_in_a_program_without_a_word(name, capfd):
    formulas, odd = ODD[name]
    program = hg.model(formulas, odd(table(levels=10)))._program
    assert all(np.isfinite(np.asarray(x, dtype=float)).all() for x in program.data.values())
    for place in program.start.values():
        assert np.isfinite(np.asarray(place.value)).all()
        assert (place.spread > 0).all()
    assert capfd.readouterr() == ("", "")
