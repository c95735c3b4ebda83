"""hierglm on simulated data of many shapes: the simulations on known cases, then (slow) fits."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from benchmarks.calibration import SHAPES, calibrate, table
from benchmarks.calibration_shapes import draw_prior, simulate
from benchmarks.calibration_structures import field_covariance
from benchmarks.calibration_truth import correlations
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.simulating.ranks import quantities

DATASETS = 200


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
    made = shape.draw(np.random.default_rng(6))
    prepared = hg.model(
        shape.formula, made.data, shape.family, priors=shape.priors, data2=made.data2
    )
    assert all(prepared.priors()["source"].str.startswith("given"))
    drawn = prior_fitted(prepared.model, 2, 1)
    assert quantities(drawn, made.truth).keys() == made.truth.keys()
    again = shape.draw(np.random.default_rng(6))
    assert again.truth == made.truth
    assert again.data.equals(made.data)
    assert pickle.loads(pickle.dumps(shape)).name == name


def test_intercept_is_that_of_uncentred_columns():
    shape = SHAPES["gaussian_slopes"]
    made = [simulate(shape, np.random.default_rng(i)) for i in range(80)]
    centred = [m.truth["b[Intercept]"] + m.truth["b[x]"] * m.data["x"].mean() for m in made]
    assert stats.kstest(centred, stats.norm(0.5, 1).cdf).pvalue > 0.01


def test_correlation_matrices_of_lkj_2_have_their_marginal_law():
    # Of three effects each correlation is 2 beta(2.5, 2.5) - 1 (Lewandowski et al. 2009).
    rng = np.random.default_rng(7)
    drawn = np.array([correlations(3, rng)[0, 2] for _ in range(1500)])
    assert stats.kstest(drawn, stats.beta(2.5, 2.5, -1, 2).cdf).pvalue > 0.01


def test_fields_on_a_chain_of_three():
    W = np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    # By hand: eigenvalues 0, 1 and 3 of the Laplacian.
    icar = np.array([[5, -1, -4], [-1, 2, -1], [-4, -1, 5]]) / 9
    np.testing.assert_allclose(field_covariance("icar", W), icar, atol=1e-12)
    scaled = icar / (5 * 2 * 5 / 9**3) ** (1 / 3)
    np.testing.assert_allclose(
        field_covariance("bym2", W, 0.3), 0.7 * np.eye(3) + 0.3 * scaled, atol=1e-12
    )
    Q = np.array([[1, -0.5, 0], [-0.5, 2, -0.5], [0, -0.5, 1]])
    np.testing.assert_allclose(field_covariance("car", W, 0.5) @ Q, np.eye(3), atol=1e-12)


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
    found = table("binomial_intercept", run)
    assert found["failures"].tolist() == [2] * 7
    assert np.isnan(run.smallest_p())


# hierglm.


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_posteriors_are_calibrated(name):
    run = calibrate(SHAPES[name], DATASETS)
    assert run.failures == ()
    assert run.smallest_p() > 0.001 / len(run.names), run.table().to_string()
