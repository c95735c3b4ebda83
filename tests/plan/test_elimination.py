"""Mixed-model equations by elimination, against the same equations as one dense matrix."""

import numpy as np
import pytest

from hierglm.plan.blocks import level_products
from hierglm.plan.crossproducts import crossings, effect_matrix
from hierglm.plan.elimination import System, covariances, solve
from hierglm.plan.order import order
from hierglm.plan.rows import factors
from tests.designs import design_of
from tests.program.oracles import simulated

SHAPES = [
    "y ~ x + (1 | g)",
    "y ~ x + z + (x + z | g)",
    "y ~ 0 + (x | g)",
    "y ~ x + (1 | school/class)",
    "y ~ x + (x | school) + (z + v | school:class) + (1 | school:class:h)",
    "y ~ x + (1 | g) + (0 + x | g)",
    "y ~ x + (1 | g) + (1 | h)",
    "y ~ x + (x | g) + (z | h) + (1 | school)",
    "y ~ x + (1 | h) + (x | school/class)",
    "y ~ x + (0 + half | school/class)",
    "y ~ 1",
]


@pytest.mark.parametrize("formula", SHAPES)
def test_it_is_the_dense_solution(formula):
    design = design_of(formula, simulated(rows=120))
    r = np.random.default_rng(0)
    w = r.uniform(0.2, 2, design.rows)
    found = order(factors(design))
    X = design.common.matrix
    if design.intercept:
        X = np.column_stack([np.ones(design.rows), X])
    Z = [effect_matrix(g.effects.matrix, g.index, None, len(g.levels)) for g in design.groups]
    system = System(
        X.T @ (w[:, None] * X),
        tuple(z.T @ (w[:, None] * X) for z in Z),
        tuple(level_products(g.effects.matrix, g.index, w, len(g.levels)) for g in design.groups),
        crossings(Z, w, found),
    )
    priors = []
    for g in design.groups:
        q = len(g.terms)
        half = r.normal(size=(q, q)) + 2 * np.eye(q)
        priors.append(half @ half.T)
    common_prior = np.diag(r.uniform(0, 1, X.shape[1]))
    scores = [r.normal(size=(len(g.levels), len(g.terms))) for g in design.groups]
    common_score = r.normal(size=X.shape[1])
    solved = solve(system, found, priors, common_prior, scores, common_score)
    V = covariances(system, found, solved)

    columns = np.hstack([X, *(z.toarray() for z in Z)])
    precision = columns.T @ (w[:, None] * columns)
    p = X.shape[1]
    precision[:p, :p] += common_prior
    low, places = p, []
    for g, prior in zip(design.groups, priors, strict=True):
        size = len(g.levels) * len(g.terms)
        at = slice(low, low + size)
        precision[at, at] += np.kron(np.eye(len(g.levels)), prior)
        places.append(at)
        low += size
    inverse = np.linalg.inv(precision)
    right = np.concatenate([common_score, *(s.reshape(-1) for s in scores)])
    exact = inverse @ right
    np.testing.assert_allclose(solved.common, exact[:p], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(np.linalg.inv(solved.precision), inverse[:p, :p], rtol=1e-8)
    for g, at, u, v in zip(design.groups, places, solved.effects, V, strict=True):
        np.testing.assert_allclose(u.reshape(-1), exact[at], rtol=1e-8, atol=1e-10)
        q = len(g.terms)
        for j in range(len(g.levels)):
            block = inverse[at, at][j * q : (j + 1) * q, j * q : (j + 1) * q]
            np.testing.assert_allclose(v[j], block, rtol=1e-8, atol=1e-12)
