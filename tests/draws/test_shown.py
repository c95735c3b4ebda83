"""What draws print: names and labels, not their numbers."""

from __future__ import annotations

import numpy as np

from hierglm.draws.draws import Draws, Variable


def test_draws_print_their_variables_and_not_their_numbers() -> None:
    b = Variable("b", "fixed", "", np.zeros((2, 1000, 2)), (("term", ("Intercept", "x")),))
    r = Variable(
        "r_g", "ran_vals", "g", np.zeros((2, 1000, 1200, 1)),
        (("g", tuple(range(1200))), ("g_term", ("Intercept",))),
    )  # fmt: skip
    sigma = Variable("sigma", "family", "", np.ones((2, 1000)), ())
    draws = Draws({v.name: v for v in (b, r, sigma)}, {"lp": np.zeros((2, 1000))})
    assert repr(draws) == (
        "draws: 2 chains of 1,000\n\n"
        "variable  labels\n"
        "b         term 2\n"
        "r_g       g 1,200, g_term 1\n"
        "sigma"
    )
    assert repr(draws["r_g"]) == "draws of r_g (g 1,200, g_term 1)"
    assert repr(draws["sigma"]) == "draws of sigma"
