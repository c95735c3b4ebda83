"""Starting values of a program: used where they can be, harmless where they cannot."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from hierglm.engines import stanli_worker
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from hierglm.program.fragment import Output, Place, Program

CODE = """data { real far; }
parameters { real mu; vector<lower=0>[2] s; cholesky_factor_corr[2] L; }
model { mu ~ normal(far, 1); s ~ exponential(1); L ~ lkj_corr_cholesky(1); }
"""
OUTPUTS = (Output("mu", "mu", "family"), Output("s", "s", "family", dims=(("k", (1, 2)),)))
FACTOR = np.array([[1.0, 0.0], [0.6, 0.8]])


def program(mu, s):
    places = {
        "mu": Place(np.float64(mu), np.array([1.0])),
        "s": Place(np.asarray(s), np.array([1.0, 1.0])),
        "L": Place(FACTOR, np.array([0.5])),
    }
    return Program(CODE, CODE, {"far": 1e7}, (), OUTPUTS, places)


def test_chains_start_near_the_places_and_apart():
    # Without adaptation or warmup the first draw lies within one trajectory of the start.
    few = Settings(chains=4, warmup=0, draws=1, seed=1, max_treedepth=3, progress=False)
    mu = EmbeddedEngine().sample(program(1e7, [1.0, 2.0]), few)["mu"].values[:, 0]
    assert np.abs(mu - 1e7).max() < 5
    assert len(set(mu)) == 4


def test_starts_are_uniform_within_two_spreads_of_the_places(monkeypatch):
    # What the first draws cannot tell: one trajectory takes chains apart that start together.
    centre, spread = np.array([3.0, -1.0]), np.array([1.0, 10.0])
    model = SimpleNamespace(
        unconstrain=lambda text: centre, log_prob_grad=lambda point: (0.0, np.zeros(2))
    )
    monkeypatch.setattr(stanli_worker, "_model", model, raising=False)
    start = {"values": {}, "spread": spread.tolist()}

    def starts(seed, chains):
        request = {"start": start, "seed": seed, "settings": {"chains": chains}}
        return stanli_worker._start(request)

    found = starts(5, 2_000)
    z = (found["inits"] - centre) / spread
    assert all(stats.kstest(x, stats.uniform(-2, 4).cdf).pvalue > 1e-4 for x in z.T)
    # A correlation of independent numbers has an sd of 1 / sqrt(2,000).
    assert abs(np.corrcoef(z.T)[0, 1]) < 4 / np.sqrt(2_000)
    np.testing.assert_array_equal(found["inv_metric"], spread**2)
    np.testing.assert_array_equal(starts(5, 4)["inits"], starts(5, 4)["inits"])
    assert not np.isin(starts(6, 4)["inits"], starts(5, 4)["inits"]).any()


def test_the_posterior_does_not_depend_on_them():
    settings = Settings(seed=1, progress=False)
    near = EmbeddedEngine().sample(program(1e7, [1.0, 2.0]), settings)["s"].values
    off = EmbeddedEngine().sample(program(1e7 + 30, [0.01, 9.0]), settings)["s"].values
    # Exponential(1): mean and sd are 1; five standard errors of some 3,000 draws' mean.
    np.testing.assert_allclose(near.mean(axis=(0, 1)), 1, atol=0.1)
    np.testing.assert_allclose(off.mean(axis=(0, 1)), 1, atol=0.1)


@pytest.mark.parametrize("s", [[-1.0, 1.0], [np.nan, 1.0]])
def test_places_outside_the_support_are_left_unused(s):
    settings = Settings(seed=2, progress=False, chains=2, draws=500)
    found = EmbeddedEngine().sample(program(1e7, s), settings)["s"].values
    np.testing.assert_allclose(found.mean(axis=(0, 1)), 1, atol=0.2)
