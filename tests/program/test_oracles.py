"""Every program that we write has the density of one that a person wrote by hand."""

import numpy as np
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.write import write
from tests.densities import opened
from tests.program.oracles import CENTRED_EFFECTS, ORACLES, textbook
from tests.program.structured import STRUCTURED

ALL = frozenset(Ability) - {Ability.KERNELS}


def ours(oracle, abilities=ALL):
    table = as_table(oracle.table())
    design = encode(parse(oracle.formula, table.columns), table)
    return write(choose(specify(design, oracle.family, oracle.priors), abilities, "textbook"))


def evaluate(program, points):
    with opened(program) as density:
        assert density.size == points.shape[1]
        found = [density(point) for point in points]
    return np.array([f[0] for f in found]), np.array([f[1] for f in found])


def size(program):
    with opened(program) as density:
        return density.size


def points(dimension, count=6, seed=3, reach=0.7):
    return np.random.default_rng(seed).normal(0, reach, size=(count, dimension))


@pytest.mark.parametrize("abilities", [ALL, frozenset()], ids=["fused", "plain"])
@pytest.mark.parametrize("oracle", [*ORACLES, *STRUCTURED], ids=lambda o: f"{o.model}{o.label}")
def test_density_and_gradient_equal_the_textbook_s(oracle, abilities):
    program = ours(oracle, abilities)
    theirs = textbook(oracle.model, oracle.data(oracle.table()))
    at = points(size(theirs), reach=oracle.reach)
    lp, gradient = evaluate(program, at)
    expected_lp, expected_gradient = evaluate(theirs, at)
    difference = lp - expected_lp
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9 * np.abs(lp).max())
    close = oracle.close
    # An approximation's errors are those of each row: they stay where rows cancel in the sum.
    small = np.abs(expected_gradient).max() * (close if close > 1e-9 else 0.01 * close)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=close, atol=small)


def to_centred(point, levels=7, terms=2):
    """Return the point of the program whose effects are parameters, and log|du/dz|."""
    # Unconstrained: sigma, alpha, beta[2], log sd[2], atanh L[2,1], z by level.
    first = len(point) - levels * terms
    sd, rho = np.exp(point[4:6]), np.tanh(point[6])
    scale = np.diag(sd) @ np.array([[1, 0], [rho, np.sqrt(1 - rho**2)]])
    effects = point[first:].reshape(levels, terms) @ scale.T
    jacobian = levels * np.log(np.diag(scale)).sum()
    return np.concatenate([point[:first], effects.ravel()]), jacobian


def test_standardised_effects_equal_centred_ones_through_the_change_of_variables():
    program = ours(CENTRED_EFFECTS)
    theirs = textbook("varying_slopes", CENTRED_EFFECTS.data(CENTRED_EFFECTS.table()))
    at = points(size(program), count=4)
    lp, gradient = evaluate(program, at)

    def composed(point):
        moved, jacobian = to_centred(point)
        return moved, jacobian

    step = 1e-5
    shifts = np.concatenate([np.eye(at.shape[1]), -np.eye(at.shape[1])]) * step
    with opened(theirs) as density:

        def value(point):
            moved, jacobian = composed(point)
            return density(moved)[0] + jacobian

        difference = lp - [value(point) for point in at]
        np.testing.assert_allclose(difference, difference[0], atol=1e-8)
        for point, expected in zip(at, gradient, strict=True):
            moved = np.array([value(point + shift) for shift in shifts])
            up, down = np.split(moved, 2)
            # Central differences are good to about step^2 of a third derivative.
            numeric = (up - down) / (2 * step)
            np.testing.assert_allclose(numeric, expected, rtol=1e-5, atol=1e-3)
