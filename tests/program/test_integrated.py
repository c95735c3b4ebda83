"""Effects integrated out: exact, by integrating the textbook program's density ourselves.

In the standardised effects z that density is exactly normal, so its integral is known from its
value, gradient and (constant) Hessian at z = 0: no sampling, no tolerance for approximation.
"""

import numpy as np
import pandas as pd
import pytest

from hierglm.engines.embedded import EmbeddedEngine
from hierglm.model import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, GroupForm, ResponseForm
from hierglm.priors import distributions as prior
from hierglm.program.write import write
from tests.designs import design_of
from tests.program.oracles import simulated

ALL = frozenset(Ability)

SHAPES = {
    "one intercept": ("y ~ x + (1 | g)", None),
    "one slope": ("y ~ x + z + (0 + v | g)", None),
    "correlated": ("y ~ x + (x | g)", {"cor": prior.lkj(2)}),
    "independent": ("y ~ x + (x || g)", None),
    "four effects": ("y ~ x + z + v + (x + z + v | g)", None),
    "nested factor inside": ("y ~ x + (h:x | school)", None),
    "weights": ("y | weights(w) ~ x + (x | g)", None),
    "known errors": ("y | se(w) ~ x + (x | g)", None),
    "known errors and weights": ("y | se(w) + weights(exposure) ~ x + (1 | g)", None),
    "offset": ("y ~ x + offset(v) + (1 | g)", None),
    "no common intercept": ("y ~ 0 + x + (1 | g)", None),
    "nothing common": ("y ~ 0 + (x | g)", None),
    "intercept alone": ("y ~ 1 + (1 | g:h)", None),
    "decov": ("y ~ x + (x | g)", "rstanarm"),
    "no group": ("y | weights(w) ~ x * z + offset(v)", None),
    "collinear": ("y ~ x + I(2 * x) + (1 | g)", None),
}


def programs(formula, priors, data=None):
    model = specify(design_of(formula, simulated() if data is None else data), "gaussian", priors)
    plans = [choose(model, ALL, name) for name in ("auto", "textbook")]
    assert plans[0].response.form is ResponseForm.CROSSPRODUCTS
    assert {g.form for g in plans[0].groups} <= {GroupForm.INTEGRATED}
    return [write(plan) for plan in plans]


def integral(density, theta, effects):
    """Return log of the integral over z of exp(density), up to a constant."""
    start = np.concatenate([theta, np.zeros(effects)])
    value, gradient = density(start)
    if not effects:
        return value
    first = gradient[len(theta) :]
    # The gradient is linear in z: unit steps give the Hessian exactly.
    steps = np.eye(effects)
    hessian = np.array(
        [first - density(np.concatenate([theta, step]))[1][len(theta) :] for step in steps]
    )
    return (
        value + 0.5 * first @ np.linalg.solve(hessian, first) - 0.5 * np.linalg.slogdet(hessian)[1]
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_density_is_the_integral_of_the_textbook_s(shape):
    ours, theirs = programs(*SHAPES[shape])
    with EmbeddedEngine().open(ours) as density, EmbeddedEngine().open(theirs) as textbook:
        effects = textbook.size - density.size
        points = np.random.default_rng(2).normal(0, 0.5, size=(4, density.size))
        difference = [density(p)[0] - integral(textbook, p, effects) for p in points]
        size = max(abs(density(p)[0]) for p in points)
        np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9 * size)
        # The gradient is that of the same function.
        for p in points[:2]:
            step = 1e-5 * np.eye(density.size)
            numeric = [(density(p + h)[0] - density(p - h)[0]) / 2e-5 for h in step]
            gradient = density(p)[1]
            scale = np.abs(gradient).max()
            np.testing.assert_allclose(numeric, gradient, rtol=1e-5, atol=1e-6 * scale)


def test_a_response_far_from_zero_loses_no_digits():
    near, far = simulated(), simulated().assign(y=lambda d: d["y"] + 1e8)
    own = {"Intercept": prior.flat(), "b": prior.normal(0, 5), "sd": prior.exponential(1),
           "sigma": prior.exponential(1)}  # fmt: skip
    one, _ = programs("y ~ x + (x | g)", own, near)
    two, _ = programs("y ~ x + (x | g)", own, far)
    with EmbeddedEngine().open(one) as here, EmbeddedEngine().open(two) as there:
        points = np.random.default_rng(2).normal(0, 0.5, size=(5, here.size))
        shift = np.eye(here.size)[1] * 1e8  # sigma comes first, then the intercept
        difference = [here(p)[0] - there(p + shift)[0] for p in points]
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_starting_places_fit_the_program(shape):
    ours, _ = programs(*SHAPES[shape])
    spread = np.concatenate([place.spread for place in ours.start.values()])
    flat = {name: np.asarray(p.value).flatten(order="F").tolist() for name, p in ours.start.items()}
    scalars = {name for name, p in ours.start.items() if np.ndim(p.value) == 0}
    values = {name: v[0] if name in scalars else v for name, v in flat.items()}
    with EmbeddedEngine().open(ours) as density:
        assert spread.shape == (density.size,)
        assert (spread > 0).all()
        # At maximum likelihood the data pull nowhere; priors and Jacobians may, by about
        # one unit along each standardised direction.
        pull = density(density.unconstrain(values))[1] * spread
    assert np.abs(pull).max() < 2.5


def test_spreads_are_those_of_the_curvature():
    r = np.random.default_rng(3)
    x, g = r.normal(size=4000), r.integers(0, 150, 4000)
    u = r.normal(size=(150, 2)) @ [[0.8, 0.3], [0, 0.5]]
    data = pd.DataFrame({"x": x, "g": g, "y": 3 + x + u[g, 0] + u[g, 1] * x + r.normal(size=4000)})
    ours, _ = programs("y ~ x + (x | g)", None, data)
    spread = np.concatenate([place.spread for place in ours.start.values()])
    values = {n: np.asarray(p.value).flatten(order="F").tolist() for n, p in ours.start.items()}
    values = {n: v[0] if n in ("sigma", "Intercept") else v for n, v in values.items()}
    with EmbeddedEngine().open(ours) as density:
        at = density.unconstrain(values)
        step = 1e-4 * np.eye(density.size) * spread
        curvature = [
            -(density(at + h)[1] - density(at - h)[1])[i] / (2 * h[i]) for i, h in enumerate(step)
        ]
    np.testing.assert_allclose(np.sqrt(curvature) * spread, 1, atol=0.5)
