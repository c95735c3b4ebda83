"""Starting values on the parameters' own scales: where they are on Stan's unconstrained one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.engine import Settings
from hierglm.engines.starts import inverse_metric, starting_values
from hierglm.priors import distributions as prior
from hierglm.program.fragment import Place, Program
from tests.densities import opened
from tests.engines.test_start import program
from tests.program.oracles import simulated

CASES = {
    "correlations": ("y ~ x + z + (x + z | g)", "gaussian", None),
    "an effect alone": ("y ~ x + (1 | g)", "gaussian", None),
    "conditional effects": ("hit ~ x + (x | g) + (1 | h)", "bernoulli", None),
    "one sd relative to sigma": ("y ~ x + (1 | g)", "gaussian", "rstanarm"),
}
IN_UNITS: dict[str, tuple[Any, str, Any]] = {
    "shape": (["count ~ x + (x | g)", "shape ~ z + (1 | h)"], "negbinomial", None),
    "sigma": (["y ~ 0 + x", "sigma ~ x + iso(x | g)"], "student", "brms"),
    "coefficients given": (
        ["y ~ x + z + (x | g)", "sigma ~ z"], "gaussian",
        {"b[x]": prior.constant(1.0), "sd[g:x]": prior.constant(0.5)}),
    "thresholds": (
        [hg.part("rank ~ x + (1 |s| g)", "cumulative"), hg.part("y ~ (1 |s| g)")], "", None),
    "categories": ("kind ~ x + (1 | g)", "categorical", None),
    "between bounds": (["zeros ~ x + cs(x + z | g)", "shape ~ z"], "hurdle_negbinomial", None),
    "strata": (["count ~ (x | gr(g, by=area))", "shape ~ 1 + x"], "negbinomial", None),
    "loadings": (["count ~ rr(x + z + v | h, rank=2)", "shape ~ x"], "negbinomial", None),
}  # fmt: skip
ALL = {**CASES, **IN_UNITS}


def written(formula: Any, family: str, priors: Any) -> Program:
    data = simulated().assign(
        rank=lambda d: d["n"] % 4 + 1,
        kind=lambda d: np.array(list("abc"))[d["n"] % 3],
        zeros=lambda d: d["count"] * d["hit"],
        # Of one area each.
        g=lambda d: d["g"] + d["area"].str[0],
    )
    of = {"family": family} if family else {}
    found = hg.model(formula, data, priors=priors, **of)._program
    assert found.start
    return found


@pytest.mark.parametrize("case", ALL)
def test_they_are_as_far_apart_as_the_spreads_say(case: str) -> None:
    made = written(*ALL[case])
    assert made.led == (case in CASES)
    centre, apart = {n: p.value for n, p in made.start.items()}, starting_values(made, 3, 7)
    spread = np.sqrt(inverse_metric(made))
    steps = np.random.default_rng(7).uniform(-2, 2, (3, len(spread)))
    with opened(made) as density:
        middle = density.unconstrain(centre)
        assert len(spread) == density.size
        for values, step in zip(apart, steps, strict=True):
            moved = (density.unconstrain(values) - middle) / spread
            # An array of vectors is filled in another order than a matrix.
            np.testing.assert_allclose(np.sort(moved), np.sort(step), rtol=0, atol=1e-6)
            if not any(name.startswith("z_") for name in made.start):
                np.testing.assert_allclose(moved, step, rtol=0, atol=1e-6)


def test_shares_stay_shares() -> None:
    place = Place(np.array([0.2, 0.3, 0.5]), np.array([1.0, 0.5]), "simplex")
    made = Program("", "", {}, (), (), {"pi_1": place})
    one, other = (np.asarray(v["pi_1"]) for v in starting_values(made, 2, 1))
    assert one.sum() == pytest.approx(1)
    assert (one > 0).all()
    assert np.abs(one - other).max() > 0.01
    step = np.random.default_rng(1).uniform(-2, 2, (2, 2))[0] * place.spread
    log_shares = np.log(one[:2] / one[2]) - np.log(np.array([0.2, 0.3]) / 0.5)
    np.testing.assert_allclose(log_shares, step)


FEW = Settings(chains=4, warmup=0, draws=1, seed=1, max_treedepth=3, progress=False)


@pytest.mark.parametrize("mode", ["threads", "processes"])
def test_chains_of_cmdstan_start_there(exe: Callable[..., Path], tmp_path: Path, mode: str) -> None:
    made = located(1e7, [1.0, 2.0])
    keep = tmp_path / "kept"
    mu = CmdStanEngine(exe_file=exe(made, mode), keep=keep).sample(made, FEW)["mu"].values[:, 0]
    # Without adaptation or warmup the first draw lies within one trajectory of the start.
    assert np.abs(mu - 1e7).max() < 5
    assert len(set(mu)) == 4
    (folder,) = keep.iterdir()
    assert json.loads((folder / "metric.json").read_text()) == {"inv_metric": [1, 1, 1, 0.25]}
    first = json.loads((folder / "init_1.json").read_text())
    assert set(first) == {"mu", "s", "L"}


@pytest.mark.parametrize("s", [[np.nan, 1.0], [1e-320, 1.0]])
def test_places_that_cannot_be_are_left_unused(exe: Callable[..., Path], s: list[float]) -> None:
    made = located(1e7, s)
    settings = Settings(seed=2, progress=False, chains=2, draws=500)
    found = CmdStanEngine(exe_file=exe(made)).sample(made, settings)["s"].values
    # Exponential(1): mean and sd are 1; five standard errors of some 600 draws' mean.
    np.testing.assert_allclose(found.mean(axis=(0, 1)), 1, atol=0.2)


def located(mu: float, s: list[float]) -> Program:
    made = program(mu, s)
    kinds = {"mu": "real", "s": "positive", "L": "correlation"}
    return replace(made, start={n: replace(p, support=kinds[n]) for n, p in made.start.items()})
