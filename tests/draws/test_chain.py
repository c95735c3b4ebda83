"""How many effects are drawn at a time changes nothing but rounding."""

import numpy as np
import pytest

from hierglm.draws import chain
from hierglm.draws.integrated import with_effects
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from tests.designs import design_of
from tests.draws.test_integrated import repeated
from tests.program.oracles import simulated


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (x + z || g)",
        "y ~ x + (x | school) + (1 | h) + (z + v | school:class)",
        "y ~ x + (x | gr(school, by=area)) + (z | gr(room, by=area, dist='student'))",
    ],
)
def test_draws_by_themselves_are_those_of_all(formula, monkeypatch):
    plan = choose(specify(design_of(formula, simulated())), frozenset(Ability))
    draws, *_ = repeated(plan, 10)
    whole = with_effects(plan, draws, seed=3)
    late = [name for name in whole.variables if name not in draws.variables]
    assert late
    values = [whole[name].values for name in late]
    monkeypatch.setattr(chain, "_HELD", 1)
    again = with_effects(plan, draws, seed=3)
    for name, first in zip(late, values, strict=True):
        np.testing.assert_allclose(again[name].values, first, rtol=1e-11, atol=1e-12)
