"""Calibration of posteriors that are known exactly, right and wrong; then of a model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.draws.draws import Draws
from hierglm.errors import PriorError, SettingsError
from hierglm.models import Model
from hierglm.simulating.calibrate import calibrate
from hierglm.simulating.ranks import KEEP, quantities
from hierglm.simulating.responses import simulate

SE = np.array([0.5, 1.0, 2.0, 0.7])


@dataclass(frozen=True)
class Exact:
    """A normal mean with a standard normal prior and known errors: its posterior is normal."""

    model: Model
    wrong: float = 1.0

    def of(self, model: Model) -> Exact:
        return replace(self, model=model)

    def fit(self, *, draws: int, seed: int, **options: Any) -> Any:
        precision = 1 + np.sum(SE**-2)
        centre = np.sum(self.model.design.response.values / SE**2) / precision
        rng = np.random.default_rng(seed)
        values = rng.normal(centre, self.wrong * precision**-0.5, (4, draws, 1))
        fitted = prior_fitted(self.model, 1, seed)
        plan = replace(fitted.plan, model=self.model)
        b = replace(fitted.draws["b"], values=values)
        stats = {"diverging": np.zeros((4, draws), bool)}
        return replace(fitted, plan=plan, draws=Draws({"b": b}, stats))

    def approx(self) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def mean() -> hg.PreparedModel:
    priors = {"Intercept": hg.prior.normal(0, 1)}
    return hg.model("y | se(s) ~ 1", {"y": np.zeros(4), "s": SE}, priors=priors)


@pytest.fixture(scope="module")
def schools() -> hg.PreparedModel:
    rng = np.random.default_rng(1)
    data = {"y": rng.normal(size=24), "x": rng.normal(size=24), "g": np.repeat(list("abcd"), 6)}
    priors = {
        "b": hg.prior.normal(0, 1),
        "Intercept": hg.prior.normal(0, 1),
        "sd": hg.prior.normal(0, 1),
        "sigma": hg.prior.exponential(1),
    }
    return hg.model("y ~ x + (1 | g)", data, priors=priors)


def test_exact_posteriors_are_calibrated(mean):
    run = calibrate(Exact(mean.model), 200, 250, seed=1)
    assert run.names == ("b[Intercept]", "log_lik")
    assert run.ranks.shape == (200, 2)
    assert (run.failures, run.short) == ((), 0)
    assert run.smallest_p() > 0.001
    assert "no sign of trouble" in str(run)


def test_posteriors_that_are_too_narrow_are_found(mean):
    run = calibrate(Exact(mean.model, wrong=0.6), 200, 250, seed=1)
    assert run.smallest_p() < 1e-6
    assert "in doubt" in str(run)


def test_simulated_responses_are_those_of_their_parameters(schools):
    truth = {"b[x]": 2.0, "sigma": 1e-9}
    for made in simulate(schools.model, 3, seed=4, truth=truth):
        model, draws = made.model, made.truth.draws
        b, r = draws["b"].values[0, 0], draws["r_g"].values[0, 0, :, 0]
        assert b[1] == 2.0
        eta = b[0] + b[1] * model.design.common.matrix[:, 0] + r[model.design.groups[0].index]
        np.testing.assert_allclose(model.design.response.values, eta, atol=1e-7)
        # The priors that the fit gets are the model's own, whatever was given.
        assert model.priors == schools.model.priors


def test_truth_is_drawn_from_the_priors(schools):
    drawn = [quantities(d.truth) for d in simulate(schools.model, 400, seed=2)]
    sigma = np.array([d["sigma"].item() for d in drawn])
    b = np.array([d["b[x]"].item() for d in drawn])
    assert sigma.mean() == pytest.approx(1, abs=4 * 400**-0.5)
    assert b.std() == pytest.approx(1, abs=4 * 800**-0.5)


def test_ranks_are_the_same_wherever_data_sets_are_fitted(schools):
    options = {"n": 3, "seed": 5, "warmup": 200, "chains": 2, "draws": 300}
    here = schools.calibrate(**options)
    with ThreadPoolExecutor(2) as pool:
        there = schools.calibrate(**options, executor=pool)
    assert here.names == (
        "b[Intercept]", "b[x]", "sd[g:Intercept]", "sigma",
        "r[g:a,Intercept]", "r[g:d,Intercept]", "log_lik",
    )  # fmt: skip
    assert here.failures == ()
    assert ((here.ranks >= 0) & (here.ranks <= KEEP)).all()
    np.testing.assert_array_equal(here.ranks, there.ranks)


def test_picture_shows_the_parameters_that_are_farthest_from_uniform(mean):
    run = calibrate(Exact(mean.model, wrong=0.6), 100, 250, seed=1)
    (panel,) = run.plot(most=1).axes
    far = np.argmax([np.abs(np.sort(r) / KEEP - np.linspace(0, 1, 100)).max() for r in run.ranks.T])
    assert panel.get_title(loc="left") == run.names[far]


def test_flat_priors_are_refused():
    prepared = hg.model(
        "y ~ x", {"y": [1.0, 2, 4], "x": [1.0, 2, 5]}, priors={"b": hg.prior.flat()}
    )
    with pytest.raises(PriorError, match=r"flat priors: b\[x\]"):
        prepared.calibrate(2)


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_numbers_of_data_sets_are_whole(mean, n):
    with pytest.raises(SettingsError, match="n, the number of data sets, must"):
        mean.calibrate(n)


def test_other_methods_have_no_posterior(mean):
    with pytest.raises(SettingsError, match="method='sample'; found 'laplace'"):
        mean.calibrate(2, method="laplace")


def test_data_sets_that_cannot_be_are_told(mean):
    data = {"y": [0.2, 0.5, 0.6, 0.3]}
    priors = {"Intercept": hg.prior.constant(0.0), "phi": hg.prior.constant(1e-6)}
    run = hg.model("y ~ 1", data, "beta", priors=priors).calibrate(3, seed=1)
    assert len(run.failures) == 3
    assert "beta needs" in run.failures[0]
    assert "3 data sets failed" in str(run)


def test_every_response_of_a_model_is_simulated():
    rng = np.random.default_rng(3)
    data = {
        "y": rng.normal(size=24), "z": rng.integers(0, 2, 24), "g": np.repeat(list("abcdef"), 4)
    }  # fmt: skip
    parts = [hg.part("y ~ 1 + (1 |s| g)"), hg.part("z ~ 1 + (1 |s| g)", "bernoulli")]
    model = hg.model(parts, data).model
    truth = {"sigma@y": 1e-9, "b[Intercept]@z": 30.0, "sd[g:Intercept]@z": 1e-3}
    (made,) = simulate(model, 1, seed=5, truth=truth)
    y, z = (m.design.response.values for m in made.model.responses)
    draws = made.truth.draws
    r = quantities(made.truth)
    np.testing.assert_allclose(
        y[0], draws["b_y"].values.item() + r["r[g:a,Intercept]@y"].item(), atol=1e-7
    )
    assert (z == 1).all()
    assert made.model.design.response is made.model.responses[0].design.response


def test_predictors_of_parameters_are_simulated():
    data = {"y": np.arange(6.0), "x": [0.0, 0, 0, 1, 1, 1]}
    model = hg.model(["y ~ x", "sigma ~ x"], data).model
    truth = {"b[Intercept]": 1.0, "b[x]": 2.0, "b[Intercept]@.sigma": -10.0, "b[x]@.sigma": 20.0}
    (made,) = simulate(model, 1, seed=6, truth=truth)
    y = made.model.design.response.values
    # The intercepts are those at the mean of x, so that sigma is exp(-20) and exp(0).
    np.testing.assert_allclose(y[:3], 0, atol=1e-6)
    assert np.ptp(y[3:]) > 0.1


@pytest.mark.slow
def test_a_model_is_calibrated(schools):
    run = schools.calibrate(100, seed=1)
    assert run.failures == ()
    assert run.smallest_p() > 0.001 / len(run.names), str(run)
