"""Effects drawn afterwards have the exact normal posterior given the other parameters."""

import numpy as np
import pytest

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import draw_effects, with_effects, without_effects
from hierglm.model import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from tests.designs import design_of
from tests.program.oracles import simulated

SD, COR, SIGMA = np.array([1.3, 0.7, 0.4]), np.array([0.4, -0.3, 0.2]), 2.0


def repeated(design, count):
    """Return draws that all are the same point."""
    grouping = design.groups[0]
    q = len(grouping.terms)
    b = np.linspace(0.5, 1.5, design.intercept + len(design.common.labels))

    def same(name, effect, point, labels):
        values = np.broadcast_to(point, (2, count // 2, *np.shape(point)))
        return Variable(name, effect, grouping.group, values, (("term", labels),))

    found = {
        "b": same("b", "fixed", b, tuple(map(str, b))),
        f"sd_{grouping.group}": same("sd", "ran_sd", SD[:q], grouping.terms),
        "sigma": Variable("sigma", "family", "", np.full((2, count // 2), SIGMA), ()),
    }
    if grouping.correlated and q > 1:
        pairs = COR[: q * (q - 1) // 2]
        found[f"cor_{grouping.group}"] = same("cor", "ran_cor", pairs, pairs)
    if not len(b):
        del found["b"]
    return Draws(found, {"diverging": np.zeros((2, count // 2))}), b


def exact(design, b):
    """Return mean and covariance of all effects from the joint normal of y and the effects."""
    grouping = design.groups[0]
    q, levels = len(grouping.terms), len(grouping.levels)
    correlation = np.eye(q)
    if grouping.correlated and q > 1:
        rows, columns = np.triu_indices(q, 1)
        correlation[rows, columns] = correlation[columns, rows] = COR[: len(rows)]
    covariance = np.kron(np.eye(levels), SD[:q, None] * correlation * SD[:q])
    Z = np.zeros((design.rows, levels * q))
    for i, j in enumerate(grouping.index):
        Z[i, j * q : (j + 1) * q] = grouping.effects.matrix[i]
    X = design.common.matrix
    if design.intercept:
        X = np.column_stack([np.ones(design.rows), X])
    e = design.response.values - X @ b - (0 if design.offset is None else design.offset)
    weights = np.ones(design.rows) if design.response.weights is None else design.response.weights
    noise = np.diag(SIGMA**2 / weights)
    gain = covariance @ Z.T @ np.linalg.inv(Z @ covariance @ Z.T + noise)
    return gain @ e, covariance - gain @ Z @ covariance


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g)",
        "y ~ x + z + offset(v) + (x | g)",
        "y | weights(w) ~ 0 + x + (x || g)",
        "y ~ 0 + (x + z | h)",
    ],
)
def test_mean_and_covariance(formula):
    design = design_of(formula, simulated())
    plan = choose(specify(design), frozenset(Ability))
    count = 40_000
    draws, b = repeated(design, count)
    effects = draw_effects(plan, 0, draws, seed=3).reshape(count, -1)
    mean, covariance = exact(design, b)
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors of a mean of independent normal draws; of a covariance likewise.
    np.testing.assert_array_less(np.abs(effects.mean(axis=0) - mean), 5 * sd / np.sqrt(count))
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / count)
    np.testing.assert_array_less(np.abs(np.cov(effects.T) - covariance), 5.5 * error)


def test_effects_are_drawn_when_read_and_always_the_same():
    design = design_of("y ~ x + (x | g)", simulated())
    plan = choose(specify(design), frozenset(Ability))
    sampled, _ = repeated(design, 10)
    draws = with_effects(plan, sampled, seed=1)
    late = draws["r_g"]
    assert late._done is None
    assert late.values.shape == (2, 5, 7, 2)
    assert not late.values.flags.writeable
    np.testing.assert_array_equal(late.values, with_effects(plan, sampled, seed=1)["r_g"].values)
    assert not np.array_equal(late.values, with_effects(plan, sampled, seed=2)["r_g"].values)
    assert list(without_effects(draws).variables) == list(sampled.variables)
