"""Starting values of a program: used where they can be, harmless where they cannot."""

import numpy as np
import pytest

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
