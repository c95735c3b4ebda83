"""The compiled engine against the embedded one: the same densities, the same posteriors."""

from __future__ import annotations

import numpy as np
import pytest

from hierglm.draws.diagnostics import diagnose
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from hierglm.engines.toolchain import Toolchain
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.program.write import write
from tests.densities import opened
from tests.designs import design_of
from tests.program.oracles import simulated
from tests.program.test_exact import CASES

QUICK = ("gaussian crossed slopes",)
LONG = (
    "bernoulli slopes",
    "gaussian correlated",
    "gaussian weights",
    "gaussian known errors and sigma",
    "gaussian decov",
    "gaussian nested slopes",
    "gaussian crossed and nested",
    "bernoulli crossed slopes",
    "bernoulli gathered, weights",
    "binomial nested slopes",
    "poisson",
    "poisson nested three deep",
    "asked: standardised alone",
)
"""Each takes most of a minute to compile."""

SHAPES = (*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG))
SETTINGS = Settings(chains=4, warmup=500, draws=1000, seed=8, adapt_delta=0.95, threads=1)


@pytest.mark.parametrize("case", SHAPES)
def test_densities_gradients_and_means(case: str, toolchain: Toolchain) -> None:
    formula, family, priors, asked, _ = CASES[case]
    model = specify(design_of(formula, simulated(rows=200)), family, priors)
    compiled = CmdStanEngine(toolchain.path)
    # One program for both: what the compiled engine would write, kernels and all.
    program = write(choose(model, compiled.abilities, asked))
    with compiled.open(program) as one, opened(program) as other:
        assert one.size == other.size
        for seed in range(3):
            point = np.random.default_rng(seed).normal(0, 0.7, one.size)
            value, gradient = one(point)
            expected, slope = other(point)
            # `~` drops constants in one engine as in the other.
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
            np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9 * abs(slope).max())
    found = [engine.sample(program, SETTINGS) for engine in (compiled, EmbeddedEngine())]
    for name, variable in found[0].variables.items():
        if variable.effect not in ("fixed", "ran_sd", "family"):
            continue
        values = [d.variables[name].values.reshape(4, 1000, -1) for d in found]
        mean = [v.mean(axis=(0, 1)) for v in values]
        error = np.hypot(*(diagnose(v).mcse_mean for v in values))
        # 14 shapes of some five parameters: 4.5 standard errors have a chance of 1 in 2,000.
        assert (abs(mean[0] - mean[1]) < 4.5 * error).all(), name
