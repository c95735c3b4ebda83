"""Starting values: maximum likelihood by EM, against lme4 on data that may be copied."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierglm.plan.crossproducts import crossproducts, group_crossproducts
from hierglm.plan.likelihood_fit import fit_by_em
from tests.designs import design_of
from tests.program.oracles import simulated

DATA = Path(__file__).resolve().parents[1] / "data"


def fit(formula, data, **options):
    design = design_of(formula, data)
    products, e = crossproducts(design)
    sums = group_crossproducts(design, design.groups[0], e) if design.groups else None
    return fit_by_em(products, sums, **{"correlated": True, "known_sigma": False, **options})


def test_without_groups_it_is_least_squares():
    d = simulated()
    found = fit("y ~ x + z", d)
    X = np.column_stack([np.ones(len(d)), d["x"] - d["x"].mean(), d["z"] - d["z"].mean()])
    b, rss, _, _ = np.linalg.lstsq(X, d["y"].to_numpy(), rcond=None)
    s2 = rss[0] / len(d)
    np.testing.assert_allclose(found.coefficients, b, rtol=1e-10)
    np.testing.assert_allclose(found.sigma, np.sqrt(s2), rtol=1e-10)
    errors = np.sqrt(s2 * np.diag(np.linalg.inv(X.T @ X)))
    np.testing.assert_allclose(found.coefficient_sds, errors, rtol=1e-10)


# lme4 1.1.31, lmer(..., REML = FALSE): sds, correlation, sigma, standard errors.
LME4 = [
    ("pdb_radon_mn.csv", "log_radon ~ floor_measure + (1 | county_idx)", {},
     [0.3117989118], None, 0.7253670874, -0.6625476567),
    ("pdb_radon_mn.csv", "log_radon ~ floor_measure + (floor_measure || county_idx)",
     {"correlated": False}, [0.3146323652, 0.2644534701], 0.0, 0.7186983378, -0.6487538427),
    ("pdb_rats_data.csv", "y ~ I(x - 22) + (I(x - 22) | rat)", {},
     [14.0053841, 0.4995183673], 0.6717474987, 6.014615811, 6.185714286),
]  # fmt: skip


@pytest.mark.parametrize(("file", "formula", "options", "sds", "cor", "sigma", "slope"), LME4)
def test_converged_em_equals_lme4(file, formula, options, sds, cor, sigma, slope):
    data = pd.read_csv(DATA / file)
    found = fit(formula, data, **options, close=1e-10, steps=20_000)
    sd = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(sd, sds, rtol=1e-4)
    np.testing.assert_allclose(found.sigma, sigma, rtol=1e-5)
    np.testing.assert_allclose(found.coefficients[1], slope, rtol=1e-5)
    if cor is not None:
        np.testing.assert_allclose(found.covariance[0, 1] / sd[0] / sd[1], cor, rtol=1e-4)
    # What sampling starts from is near enough.
    quick = fit(formula, data, **options)
    np.testing.assert_allclose(np.sqrt(np.diag(quick.covariance)), sds, rtol=0.2)
    np.testing.assert_allclose(quick.sigma, sigma, rtol=0.01)


def test_a_variance_of_zero_leaves_a_small_one_to_start_from():
    r = np.random.default_rng(0)
    d = pd.DataFrame({"g": np.repeat(np.arange(6), 5)})
    noise = r.normal(size=30)
    d["y"] = noise - pd.Series(noise).groupby(d["g"]).transform("mean")
    found = fit("y ~ 1 + (1 | g)", d)
    assert 0 < found.covariance[0, 0] < 0.1 * found.sigma**2


def test_a_constant_response_gives_no_start():
    assert fit("y ~ 1 + (1 | g)", simulated().assign(y=0.0)) is None
