"""Which factors are nested, and which are eliminated first."""

import numpy as np
import pytest

from hierglm.plan.order import Factor, order, parent
from hierglm.plan.rows import factors
from tests.designs import design_of
from tests.program.oracles import simulated

ORDERS = [
    ("y ~ (1 | g)", (0,), ()),
    ("y ~ (1 | school/class)", (1, 0), ()),
    ("y ~ (1 | school/class/h)", (2, 1, 0), ()),
    ("y ~ (1 | g) + (1 | h)", (0,), (1,)),
    ("y ~ (1 | h) + (1 | g)", (1,), (0,)),
    # More coefficients lead, though there are fewer levels.
    ("y ~ (x + z | h) + (1 | g)", (0,), (1,)),
    # The inner factor has fewer coefficients than the outer one, and still comes first.
    ("y ~ (x + z + v | school) + (1 | school:class)", (1, 0), ()),
    ("y ~ (1 | g) + (0 + x | g)", (0, 1), ()),
    ("y ~ (1 | h) + (1 | school/class)", (2, 1), (0,)),
    ("y ~ x", (), ()),
]


@pytest.mark.parametrize(("formula", "chain", "rest"), ORDERS)
def test_order(formula, chain, rest):
    design = design_of(formula, simulated())
    found = order(factors(design))
    assert (found.chain, found.rest) == (chain, rest)
    assert found.all == chain + rest
    for i, k in enumerate(chain):
        for m in chain[i + 1 :]:
            inner, outer = design.groups[k], design.groups[m]
            np.testing.assert_array_equal(found.parents[k, m][inner.index], outer.index)


def test_only_what_may_be_is_in_the_chain():
    found = order(factors(design_of("y ~ (1 | school/class) + (1 | h)", simulated())), [2], [0, 2])
    assert (found.chain, found.rest) == ((2,), (1, 0))


def test_parent_of_crossed_factors_is_none():
    assert parent(Factor(np.array([0, 0]), 1, 1), Factor(np.array([0, 1]), 2, 1)) is None
