"""Mixed draws and Rubin's rules against moments and formulas by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hierglm.errors import SettingsError
from hierglm.results.multiple_imputation import combine, mix
from hierglm.results.tidy import tidy
from tests.results.made import made


@pytest.fixture(scope="module")
def fits():
    return {f"data {k}": made(seed=k, chains=2, draws=100) for k in range(1, 6)}


# The R package mice 3.15.0 (R 4.2.2): pool.scalar(estimates, errors^2), sqrt(t) and fmi.
MICE = [
    ((1.02, 0.87, 1.31, 1.10, 0.95), (0.21, 0.19, 0.25, 0.22, 0.20),
     0.283266658821683, 0.469599566701917),
    ((-3.1, -2.2, -4.0), (0.3, 0.4, 0.35), 1.097345281425435, 0.934475429021321),
    ((10, 10.01, 9.99, 10.02), (1, 1.1, 0.9, 1), 1.00260078462633, 2.07282516189689e-04),
]  # fmt: skip


@pytest.mark.parametrize(("estimates", "errors", "error", "missing"), MICE)
def test_mice_says_the_same(estimates, errors, error, missing):
    total, fmi = combine(np.array(estimates)[:, None], np.array(errors)[:, None])
    assert total.item() == pytest.approx(error, rel=1e-13)
    assert fmi.item() == pytest.approx(missing, rel=1e-12)


def test_rubins_rules_by_hand():
    # Five estimates with variance 2.5 between them, each with an error of 2.
    total, fmi = combine(np.arange(1.0, 6.0)[:, None], np.full((5, 1), 2.0))
    ratio = 1.2 * 2.5 / 4
    df = 4 * (1 + 1 / ratio) ** 2
    assert total == pytest.approx(np.sqrt(4 + 1.2 * 2.5))
    assert fmi == pytest.approx((ratio + 2 / (df + 3)) / (1 + ratio))


def test_nothing_is_missing_where_data_sets_agree():
    total, fmi = combine(np.full((3, 1), 7.0), np.full((3, 1), 2.0))
    assert total.item() == pytest.approx(2)
    assert fmi.item() == 0


def test_mixed_draws_have_the_moments_of_a_mixture(fits):
    found = mix(fits).tidy().set_index(["effect", "term"]).loc[("fixed", "x")]
    draws = np.stack([f.draws["b"].values[:, :, 1].ravel() for f in fits.values()])
    assert found["estimate"] == pytest.approx(draws.mean())
    assert found["std_error"] == pytest.approx(draws.std(ddof=1))
    assert found["conf_low"] == pytest.approx(np.quantile(draws, 0.025))
    within, between = draws.var(axis=1, ddof=1).mean(), draws.mean(axis=1).var(ddof=1)
    assert found["rubin_error"] == pytest.approx(np.sqrt(within + 1.2 * between))


def test_chains_are_looked_at_within_each_data_set(fits):
    # One data set far from the others is no lack of convergence.
    first = fits["data 1"]
    b = first.draws["b"]
    draws = replace(
        first.draws, variables={**first.draws.variables, "b": replace(b, values=b.values + 50)}
    )
    moved = mix({**fits, "data 1": replace(first, draws=draws)})
    assert moved.convergence()["rhat"].to_list() == pytest.approx(
        [tidy(f)["rhat"].max() for f in fits.values()], abs=1e-6
    )
    x = moved.tidy().set_index(["effect", "term"]).loc[("fixed", "x")]
    assert x["rhat"] < 1.1
    assert x["fmi"] > 0.99


def test_all_draws_are_there(fits):
    mixed = mix(fits).draws
    assert (mixed.chains, mixed.draws) == (10, 100)
    np.testing.assert_array_equal(
        mixed["r_school"].values[8:], fits["data 5"].draws["r_school"].values
    )


def test_the_summary_has_whole_names_and_says_how_many_data_sets_it_takes(fits):
    pooled = mix(fits)
    lines = str(pooled).splitlines()
    heads = ["parameter", "estimate", "std_error", "conf_low", "conf_high", "fmi", "rhat"]
    assert lines[2].split() == heads
    names = [line.split()[0] for line in lines[3:9]]
    assert names == ["b[Intercept]", "b[x]", "sd[school:Intercept]", "sd[school:x]",
                     "cor[school:Intercept,x]", "sigma"]  # fmt: skip
    table = pooled.tidy()
    share = (table["rubin_error"] / table["std_error"]).max()
    assert "of fewer than 100 data sets" in str(pooled)
    assert f"up to {share:.2f} times std_error" in " ".join(str(pooled).split())


def test_fits_of_different_parameters_are_refused(fits):
    other = made(levels=("A", "B", "D"), chains=2, draws=100)
    with pytest.raises(SettingsError, match="'data 1' and 'other' differ in 'r_school'"):
        mix({**fits, "other": other})
    with pytest.raises(SettingsError, match="100 and 50 draws a chain"):
        mix({**fits, "short": made(chains=2, draws=50)})
    with pytest.raises(SettingsError, match="here is one"):
        mix({"data 1": fits["data 1"]})
