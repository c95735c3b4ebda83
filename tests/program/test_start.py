"""Where chains start, and how far apart: in the places of the program's own parameters."""

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.priors import distributions as prior
from tests.densities import opened
from tests.designs import thinned
from tests.program.exact import flat, pair
from tests.program.oracles import simulated
from tests.program.test_exact import ASKED, GAUSSIAN, OTHERS, STRUCTURES, VARYING

CASES = {
    **{f"gaussian {n}": (f, "gaussian", p, "auto") for n, (f, p, _) in GAUSSIAN.items()},
    **{n: (f, family, p, "auto") for n, (f, family, p, _) in OTHERS.items()},
    **{f"asked: {n}": (f, "gaussian", None, a) for n, (f, a, _) in ASKED.items()},
    **{f"structure: {n}": case[:4] for n, case in STRUCTURES.items()},
    **{f"varying: {n}": case[:4] for n, case in VARYING.items()},
}


def started(program, density):
    spread = np.concatenate([place.spread for place in program.start.values()])
    values = {name: flat(place.value) for name, place in program.start.items()}
    return density.unconstrain(values), spread


@pytest.mark.parametrize("case", thinned(CASES))
def test_chains_start_where_the_density_hardly_pulls(case):
    formula, family, priors, asked = CASES[case]
    _, (program, _) = pair(formula, simulated(rows=150), family, priors, asked)
    with opened(program) as density:
        at, spread = started(program, density)
        assert spread.shape == (density.size,)
        assert (spread > 0).all()
        pull = density(at)[1] * spread
    # About one unit along each standardised direction is what a prior or a Jacobian does.
    assert np.abs(pull).max() < 3.5


BESIDE = {
    "sigma": ["y ~ x + (x |s| g)", "sigma ~ z + (1 |s| g)"],
    "sigma, terms of their own": ["y ~ x + (1 | g)", "sigma ~ 0 + z + iso(x | h)"],
    "sigma, crossed": ["y ~ x + (x |s| g) + (1 | h)", "sigma ~ z + (1 |s| g)"],
    "sigma, no groups": ["y ~ x", "sigma ~ z"],
    "two responses": [
        hg.part("y ~ x + (1 |s| g)"), hg.part("hit ~ z + (x |s| g)", "bernoulli", weight=2.0)],
    "parameters of their own": [
        hg.part("y ~ x + (1 | g)", "student"), hg.part("count ~ z", "zero_inflated_poisson")],
}  # fmt: skip


@pytest.mark.parametrize("case", BESIDE)
def test_chains_of_several_predictors_do_so_too(case):
    program = hg.model(BESIDE[case], simulated(rows=150))._program
    with opened(program) as density:
        at, spread = started(program, density)
        assert spread.shape == (density.size,)
        pull = density(at)[1] * spread
    assert np.abs(pull).max() < 3.5


def test_where_nothing_is_known_chains_are_not_led():
    formulas = ["y ~ x + (1 | g)", "sigma ~ z"]
    data = simulated(rows=150)
    assert not hg.model(formulas, data, plan="textbook")._program.start
    for program in (
        hg.model(formulas, data, plan={"g": "standardised"})._program,
        hg.model(formulas, data, priors={"b[x]": prior.constant(0.0)})._program,
        hg.model(["y ~ x + cs(x + z | g)", "sigma ~ z"], data)._program,
        hg.model(["count ~ x", "shape ~ z"], data, "negbinomial")._program,
    ):
        assert program.start
        assert not program.led


SHAPES = [
    ("y ~ x + (x | g)", "gaussian"),
    ("y ~ x + (1 | g) + (1 | h)", "gaussian"),
    ("y ~ x + (1 | g/k)", "gaussian"),
    ("hit ~ x + (x | g)", "bernoulli"),
    ("hit ~ x + (1 | g) + (1 | h)", "bernoulli"),
    ("count ~ x + (1 | g/k)", "poisson"),
    ("wide | se(known, sigma=TRUE) ~ x + (x | g)", "gaussian"),
    (["uneven ~ x + (x |s| g)", "sigma ~ x + (1 |s| g)"], "gaussian"),
]


@pytest.mark.parametrize(("formula", "family"), SHAPES)
def test_the_curvature_there_is_one(formula, family):
    r = np.random.default_rng(3)
    n = 6000
    x, g, h, k = r.normal(size=n), r.integers(0, 60, n), r.integers(0, 40, n), r.integers(0, 4, n)
    u, v = r.normal(size=(60, 2)) @ [[0.8, 0.3], [0, 0.5]], r.normal(size=40) * 0.7
    w = r.normal(size=(60, 4)) * 0.5
    eta = x + u[g, 0] + u[g, 1] * x + v[h] + w[g, k]
    data = pd.DataFrame(
        {"x": x, "g": g, "h": h, "k": k, "y": eta + r.normal(size=n),
         "hit": (r.random(n) < 1 / (1 + np.exp(-eta))).astype(int),
         "count": r.poisson(np.exp(eta / 2)), "known": r.uniform(2, 6, n)}
    )  # fmt: skip
    # Residuals with an sd far from 1, by rows.
    data["wide"] = 5 * data["y"] + data["known"] * r.normal(size=n)
    data["uneven"] = eta + np.exp(0.2 * x + w[g, 0]) * r.normal(size=n)
    if isinstance(formula, str):
        _, (program, _) = pair(formula, data, family, {"b": prior.normal(0, 5)})
    else:
        program = hg.model(formula, data)._program
    with opened(program) as density:
        at, spread = started(program, density)
        step = 1e-4 * np.diag(spread)
        curvature = [
            -(density(at + s)[1] - density(at - s)[1])[i] / (2 * s[i]) for i, s in enumerate(step)
        ]
    scaled = np.array(curvature) * spread**2
    # z and the coefficients to a twentieth; log sds and correlations more roughly. Levels of
    # a crossed factor lean on each other, which diagonal scales leave as it is.
    if formula != "y ~ x + (1 | g) + (1 | h)":
        assert np.median(np.abs(scaled - 1)) < 0.05
    np.testing.assert_allclose(scaled, 1, atol=0.75)
