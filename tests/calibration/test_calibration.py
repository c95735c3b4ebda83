"""The harness of simulation-based calibration on cases that are known, then (slow) hierglm."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from benchmarks.calibration import (
    KEEP,
    TESTS,
    Calibration,
    calibrate,
    chi_square_p,
    ecdf_band,
    ecdf_coverage,
    ecdf_p,
    moments_p,
    picture,
    smallest_p,
    table,
    thin,
)
from benchmarks.calibration_families import SHAPES
from benchmarks.calibration_shapes import draw_prior, simulate

DATASETS = 200


def ranks_of(places: np.ndarray) -> np.ndarray:
    """Return the ranks of places in (0, 1)."""
    return np.minimum((places * (KEEP + 1)).astype(int), KEEP)


def conjugate(rng: np.random.Generator, wrong: float, parameters: int = 1) -> np.ndarray:
    """Return ranks of normal means whose posterior is drawn exactly, but for its sd."""
    shape = (DATASETS, parameters)
    mean = rng.normal(0, 1, shape)
    y = rng.normal(mean, 0.5, (5, *shape))
    precision = 1 + 5 / 0.5**2
    centre, sd = (y.sum(axis=0) / 0.5**2) / precision, precision**-0.5
    draws = rng.normal(centre, wrong * sd, (KEEP, *shape))
    return (draws < mean).sum(axis=0)


# The p-values.


def test_evenly_spread_ranks_are_as_uniform_as_can_be():
    ranks = np.repeat(np.arange(KEEP + 1), 2)
    assert chi_square_p(ranks) == pytest.approx(1)
    assert ecdf_p(ranks) > 0.999
    assert moments_p(ranks) > 0.999


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(stats.beta(2, 2), id="posterior too wide"),
        pytest.param(stats.beta(0.4, 0.4), id="posterior too narrow"),
        pytest.param(stats.beta(1.6, 1), id="posterior too low"),
        pytest.param(stats.uniform(0, 0.8), id="posterior too high"),
    ],
)
def test_ranks_that_are_wrong_have_tiny_p(places):
    ranks = ranks_of(places.ppf((np.arange(DATASETS) + 0.5) / DATASETS))
    assert chi_square_p(ranks) < 0.05
    assert ecdf_p(ranks) < 0.01
    assert moments_p(ranks) < 1e-4
    assert smallest_p(table(Calibration("case", ("x",), ranks[:, None]))) < 1e-4


def test_p_of_the_ecdf_is_exact():
    # All sets of 4 ranks out of 0..3, each as probable as any other.
    every = np.array(list(itertools.product(range(4), repeat=4)))
    found = np.array([ecdf_p(ranks, top=3) for ranks in every])
    share = [(found <= p * (1 + 1e-9)).mean() for p in found]
    np.testing.assert_allclose(found, share, rtol=1e-9)


def test_p_of_uniform_ranks_is_uniform():
    rng = np.random.default_rng(1)
    ranks = rng.integers(0, KEEP + 1, (200, DATASETS))
    for test in TESTS.values():
        assert stats.kstest([test(r) for r in ranks], "uniform").pvalue > 0.01


def test_band_holds_with_its_probability():
    low, high = ecdf_band(DATASETS, level=0.95)
    coverage = ecdf_coverage(DATASETS, low, high)
    assert 0.95 <= coverage < 0.96
    rng = np.random.default_rng(2)
    counts = rng.multinomial(DATASETS, np.full(KEEP + 1, 1 / (KEEP + 1)), 4000)
    below = counts.cumsum(axis=1)[:, :-1]
    inside = ((below >= low) & (below <= high)).all(axis=1).mean()
    assert inside == pytest.approx(coverage, abs=0.015)


# A posterior in closed form.


def test_exact_posterior_passes():
    ranks = conjugate(np.random.default_rng(3), wrong=1.0, parameters=8)
    found = table(Calibration("conjugate", tuple("abcdefgh"), ranks))
    assert smallest_p(found) > 0.001 / 8


def test_posterior_that_is_too_wide_fails():
    ranks = conjugate(np.random.default_rng(3), wrong=1.3, parameters=8)
    found = table(Calibration("conjugate", tuple("abcdefgh"), ranks))
    assert smallest_p(found) < 0.001 / 8


# Priors and data sets.


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (hg.prior.normal(0, 2), stats.halfnorm(scale=2)),
        (hg.prior.normal(1, 1), stats.truncnorm(-1, np.inf, 1, 1)),
        (hg.prior.exponential(2), stats.expon(scale=0.5)),
        (hg.prior.gamma(3, 2), stats.gamma(3, scale=0.5)),
    ],
    ids=["normal", "normal, cut", "exponential", "gamma"],
)
def test_priors_of_positive_parameters(prior, law):
    drawn = draw_prior(prior, np.random.default_rng(4), 2000, positive=True)
    assert drawn.min() > 0
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01


def test_prior_of_a_correlation():
    # With eta = 1 uniform; with eta = 2 density 3/4 (1 - r^2), so variance 1/5.
    rng = np.random.default_rng(5)
    assert stats.kstest(draw_prior(hg.prior.lkj(1), rng, 2000), "uniform", (-1, 2)).pvalue > 0.01
    assert draw_prior(hg.prior.lkj(2), rng, 20000).var() == pytest.approx(0.2, rel=0.03)


def test_improper_priors_cannot_be_drawn():
    with pytest.raises(ValueError, match="flat"):
        draw_prior(hg.prior.flat(), np.random.default_rng(1))


@pytest.mark.parametrize("name", SHAPES)
def test_models_take_every_prior_that_data_were_drawn_from(name):
    shape = SHAPES[name]
    made = simulate(shape, np.random.default_rng(6))
    prepared = hg.model(shape.formula, made.data, shape.family, priors=shape.priors)
    assert all(prepared.priors()["source"].str.startswith("given"))
    again = simulate(shape, np.random.default_rng(6))
    assert again.truth == made.truth
    assert again.data.equals(made.data)
    assert pickle.loads(pickle.dumps(shape)).name == name


def test_intercept_is_that_of_uncentred_columns():
    shape = SHAPES["gaussian_slopes"]
    made = [simulate(shape, np.random.default_rng(i)) for i in range(80)]
    centred = [m.truth["b[Intercept]"] + m.truth["b[x]"] * m.data["x"].mean() for m in made]
    assert stats.kstest(centred, stats.norm(0.5, 1).cdf).pvalue > 0.01


def test_thinned_draws_are_spread_over_all_chains():
    draws = np.arange(1000).reshape(4, 250)
    kept = thin(draws)
    assert len(kept) == KEEP
    assert set(np.diff(kept)) <= {10, 11}
    assert (kept[0], kept[-1]) == (0, 999)


# Small runs.


def test_a_run_repeats_whatever_the_number_of_threads():
    options = {"datasets": 1, "plan": "textbook", "warmup": 300}
    run = calibrate(SHAPES["binomial_intercept"], **options)
    again = calibrate(SHAPES["binomial_intercept"], **options, threads=1)
    assert run.failures == ()
    assert run.ranks.shape == (1, len(run.names)) == (1, 7)
    np.testing.assert_array_equal(run.ranks, again.ranks)


def test_failures_are_told():
    run = calibrate(SHAPES["binomial_intercept"], datasets=2, plan="none")
    assert [f[:12] for f in run.failures] == ["data set 0: ", "data set 1: "]
    found = table(run)
    assert found["failures"].tolist() == [2] * 7
    assert np.isnan(smallest_p(found))


def test_picture_has_two_panels_a_parameter():
    ranks = np.random.default_rng(7).integers(0, KEEP + 1, (DATASETS, 2))
    drawn = picture(Calibration("case", ("x", "sigma"), ranks))
    assert len(drawn.axes) == 4
    assert drawn.axes[1].get_title() == "sigma"


# hierglm.


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_posteriors_are_calibrated(name):
    run = calibrate(SHAPES[name], DATASETS)
    assert run.failures == ()
    found = table(run)
    assert smallest_p(found) > 0.001 / len(found), found.to_string()
