"""The draws in xarray and ArviZ, whichever ArviZ it is."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as distributions

from hierglm.draws.diagnostics import diagnose, ebfmi
from hierglm.draws.draws import Draws
from hierglm.errors import SettingsError
from hierglm.results import pointwise
from hierglm.results.arrays import posterior, to_arviz
from tests.results.made import made


@pytest.fixture(scope="module")
def az() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

        yield arviz


def test_posterior_is_labelled() -> None:
    fit = made(levels=(10, 20, 30))
    found = posterior(fit)
    assert found["r_school"].dims == ("chain", "draw", "school", "school_term")
    assert found["cor_school"].coords["school_pair"].values.tolist() == ["Intercept,x"]
    assert found["school"].dtype == np.int64
    one = found["r_school"].sel(school=20, school_term="x").values
    np.testing.assert_array_equal(one, fit.draws["r_school"].values[:, :, 1, 1])
    assert found.attrs["formula"] == "score ~ x + (x | school)"


@pytest.mark.skipif(version("arviz") >= "1", reason="ArviZ 1.x is not imported")
def test_an_arviz_that_cannot_write_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arviz.py").write_text("raise PermissionError(13, 'Permission denied', '/home/me')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "arviz", raising=False)
    with pytest.raises(SettingsError, match="set XDG_CACHE_HOME to a folder that can be written"):
        to_arviz(made())


@pytest.mark.parametrize("group", ["draw", "chain", "row", "b", "term", "sigma", "a/b"])
def test_groups_may_have_any_name(group: str) -> None:
    fit = made(group=group, levels=("A", "B"))
    found = posterior(fit)
    assert "A" in {x for c in found.coords for x in found[c].values.tolist()}
    assert to_arviz(fit)["posterior"] is not None


def test_arviz_knows_it(az: Any) -> None:
    fit = made(levels=("A", "B"))
    found = to_arviz(fit)
    groups = {"posterior", "sample_stats", "observed_data"}
    assert all(g in found for g in groups)
    assert "log_likelihood" not in found
    names = set(found["sample_stats"].data_vars)
    assert {"lp", "diverging", "tree_depth", "n_steps", "energy", "step_size"} <= names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = az.summary(found, var_names=["b", "cor_school"], round_to="none")
        energy = az.bfmi(found)
    assert list(table.index) == ["b[Intercept]", "b[x]", "cor_school[Intercept,x]"]
    d = diagnose(fit.draws["b"].values)
    np.testing.assert_allclose(table["ess_bulk"].to_numpy(float)[:2], d.ess_bulk, rtol=1e-8)
    values = energy["energy"].values if hasattr(energy, "data_vars") else energy
    np.testing.assert_allclose(np.asarray(values), ebfmi(fit.draws.stats["energy"]), rtol=1e-10)


def test_log_likelihood_is_the_density_at_each_row(
    az: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = made(second=("a", "b"), draws=50)
    design = fit.plan.model.design
    weights = np.linspace(0.5, 2, design.rows)
    offset = np.linspace(-1, 1, design.rows)
    response = replace(design.response, weights=weights)
    design = replace(design, response=response, offset=offset)
    fit = replace(fit, plan=replace(fit.plan, model=replace(fit.plan.model, design=design)))
    monkeypatch.setattr(pointwise, "_BLOCK", 7 * design.rows)
    found = pointwise.log_likelihood(fit)
    d, school, year = fit.draws, *design.groups
    c, i, n = 2, 31, 5
    eta = (
        d["b"].values[c, i, 0]
        + d["b"].values[c, i, 1] * design.common.matrix[n, 0]
        + d["r_school"].values[c, i, school.index[n]] @ school.effects.matrix[n]
        + d["r_year"].values[c, i, year.index[n], 0]
        + offset[n]
    )
    density = distributions.norm.logpdf(response.values[n], eta, d["sigma"].values[c, i])
    assert found[c, i, n] == pytest.approx(weights[n] * density, rel=1e-12)
    group = to_arviz(fit, log_likelihood=True)["log_likelihood"]
    np.testing.assert_array_equal(group["score"].values, found)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(float(getattr(az.loo(to_arviz(fit, True)), "p_loo", 0.0)))


def test_known_standard_errors() -> None:
    fit = made(draws=20)
    design = fit.plan.model.design
    se = np.linspace(0.5, 2, design.rows)
    known = replace(design, response=replace(design.response, se=se))
    without = {k: v for k, v in fit.draws.variables.items() if k != "sigma"}
    model = replace(fit.plan.model, design=known)
    assert model.scales == ()
    only = replace(fit, plan=replace(fit.plan, model=model), draws=Draws(without, fit.draws.stats))
    eta = pointwise.linear_predictor(known, pointwise.flatten(only.draws), slice(None))
    expected = distributions.norm.logpdf(design.response.values, eta, se)
    np.testing.assert_allclose(pointwise.log_likelihood(only).reshape(-1, design.rows), expected)
    both = replace(known, response=replace(known.response, se_and_sigma=True))
    fit = replace(fit, plan=replace(fit.plan, model=replace(fit.plan.model, design=both)))
    sigma = np.hypot(se, fit.draws["sigma"].values.reshape(-1, 1))
    expected = distributions.norm.logpdf(design.response.values, eta, sigma)
    np.testing.assert_allclose(pointwise.log_likelihood(fit).reshape(-1, design.rows), expected)
