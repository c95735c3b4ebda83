"""Tests and bands of uniform ranks: exact by enumeration, and on posteriors in closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from hierglm.simulating.calibrate import Calibration
from hierglm.simulating.ranks import KEEP, thin
from hierglm.simulating.uniformity import (
    TESTS,
    chi_square_p,
    ecdf_band,
    ecdf_coverage,
    ecdf_p,
    moments_p,
)

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
    assert chi_square_p(ranks, KEEP) == pytest.approx(1)
    assert ecdf_p(ranks, KEEP) > 0.999
    assert moments_p(ranks, KEEP) > 0.999


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
    assert chi_square_p(ranks, KEEP) < 0.05
    assert ecdf_p(ranks, KEEP) < 0.01
    assert moments_p(ranks, KEEP) < 1e-4
    assert Calibration(("x",), ranks[:, None]).smallest_p() < 1e-4


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
        assert stats.kstest([test(r, KEEP) for r in ranks], "uniform").pvalue > 0.01


def test_band_holds_with_its_probability():
    low, high = ecdf_band(DATASETS, KEEP, level=0.95)
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
    assert Calibration(tuple("abcdefgh"), ranks).smallest_p() > 0.001 / 8


def test_posterior_that_is_too_wide_fails():
    ranks = conjugate(np.random.default_rng(3), wrong=1.3, parameters=8)
    assert Calibration(tuple("abcdefgh"), ranks).smallest_p() < 0.001 / 8


def test_thinned_draws_are_spread_over_all_chains():
    draws = np.arange(1000).reshape(4, 250)
    kept = thin(draws)
    assert len(kept) == KEEP
    assert set(np.diff(kept)) <= {10, 11}
    assert (kept[0], kept[-1]) == (0, 999)
