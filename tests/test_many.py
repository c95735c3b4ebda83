"""Many fits in one call are the fits that single calls give."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import HierglmError, ResponseError, SettingsError

SMALL = {"chains": 2, "draws": 100, "warmup": 150, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=48), np.repeat(np.arange(6), 8)
    y = x + rng.normal(size=6)[g] + rng.normal(size=48)
    return pd.DataFrame({"y": y, "w": y + rng.normal(size=48), "x": x, "g": g})


@pytest.fixture(scope="module")
def imputed(table) -> list[pd.DataFrame]:
    """Return data sets where a third of x is drawn given y, as an imputation would."""
    out = []
    for k in range(3):
        rng = np.random.default_rng(10 + k)
        x = table["x"].to_numpy().copy()
        x[::3] = 0.4 * table["y"].to_numpy()[::3] + rng.normal(0, 0.8, 16)
        out.append(table.assign(x=x))
    return out


@pytest.fixture(scope="module")
def fits(imputed):
    return hg.fit_many("y ~ x + (1 | g)", imputed, **SMALL)


def test_data_sets_are_fitted_each_with_a_seed_of_its_own(fits, imputed):
    assert list(fits) == ["1", "2", "3"]
    seeds = {one.settings.seed for one in fits.values()}
    assert len(seeds) == 3
    own = SMALL | {"seed": fits["2"].settings.seed}
    alone = hg.fit("y ~ x + (1 | g)", imputed[1], **own)
    assert alone.tidy().equals(fits["2"].tidy())
    found = fits.tidy()
    rows = found[found["data"] == "2"].drop(columns="data").reset_index(drop=True)
    assert rows.equals(alone.tidy())


def test_pooled_data_sets(fits):
    pooled = fits.pooled()
    found = pooled.tidy().set_index(["effect", "term"])
    means = fits.tidy().query("effect == 'fixed' and term == 'x'")["estimate"]
    assert found.loc[("fixed", "x"), "estimate"] == pytest.approx(means.mean())
    assert 0 < found.loc[("fixed", "x"), "fmi"] < 1
    assert pooled.draws["r_g"].values.shape == (6, 100, 6, 1)
    assert pooled.convergence()["data"].tolist() == ["1", "2", "3"]


def test_the_same_numbers_in_other_processes(fits, imputed):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = hg.fit_many("y ~ x + (1 | g)", imputed, executor=pool, **SMALL)
    assert there.tidy(("fixed", "ran_vals")).equals(fits.tidy(("fixed", "ran_vals")))
    # What comes back is a whole fit.
    new = {"x": [0.5], "g": [2]}
    assert there["1"].predict(new).equals(fits["1"].predict(new))


def test_formulas(table):
    found = hg.fit_many({"flat": "y ~ x", "groups": "y ~ x + (1 | g)"}, table, **SMALL)
    assert [one.formula for one in found.values()] == ["y ~ x", "y ~ x + (1 | g)"]
    assert found.tidy()["formula"].tolist() == ["flat"] * 3 + ["groups"] * 4
    with pytest.raises(SettingsError, match="differ in formula"):
        found.pooled()
    with pytest.raises(SettingsError, match="no fit 'flt'"):
        found["flt"]


def test_responses(table):
    with ThreadPoolExecutor(2) as pool:
        found = hg.fit_many(". ~ x", table, responses=["y", "log(w + 9)"], executor=pool, **SMALL)
    assert [one.formula for one in found.values()] == ["y ~ x", "log(w + 9) ~ x"]
    assert found.tidy()["response"].unique().tolist() == ["y", "log(w + 9)"]
    lines = str(found).splitlines()
    assert (lines[0], lines[3].split()[:2]) == ("2 fits by response", ["y", "48"])


def test_errors_name_the_fit(table):
    bad = table.assign(y=-1.0)
    with pytest.raises(ResponseError) as caught:
        hg.fit_many("y ~ x", {"bad": bad, "worse": bad}, "poisson", **SMALL)
    assert caught.value.__notes__ == ["in the fit of data 'bad'"]


@pytest.mark.parametrize(
    ("formula", "data", "options", "match"),
    [
        ("y ~ x", "one", {}, "none of them: call hg.fit"),
        (["y ~ x", "y ~ 1"], "two", {}, "several in formula and data"),
        (["y ~ x", "y ~ x"], "one", {}, "'y ~ x' twice"),
        ([["y ~ x", "sigma ~ x"]], "one", {}, "by name"),
        ("y ~ x", "one", {"responses": ["y", "w"]}, "a dot in their place"),
        (". ~ x", "one", {"responses": "y"}, "a list of names"),
        (["y ~ x"], "one", {"method": "approx"}, "gives posteriors"),
        (["y ~ x"], "one", {"seed": -1}, "seed must lie between 0 and"),
        (["y ~ x"], "one", {"seed": "a"}, "seed must be a whole number, not 'a'"),
    ],
)
def test_what_cannot_be_many(table, formula, data, options, match):
    given = table if data == "one" else [table, table]
    with pytest.raises(HierglmError, match=match):
        hg.fit_many(formula, given, **(SMALL | options))
