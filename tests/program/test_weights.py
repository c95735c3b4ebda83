"""A row of weight k is k rows: for every family, in the program as a person would write it."""

import numpy as np
import pandas as pd
import pytest

from hierglm.priors import distributions as prior
from tests.families import laws
from tests.program.oracles import Oracle
from tests.program.test_oracles import evaluate, ours, points, size

ROWS = 24


def table(family):
    """Return responses of a family with whole weights, and the same as often as they weigh."""
    rng = np.random.default_rng(4)
    # Pairs of rows that weigh the same and lie on both sides of 0: x has a mean of 0, weighted
    # or not, so that the centred intercept is the same.
    data = pd.DataFrame(
        {
            "x": np.repeat(rng.normal(size=ROWS // 2), 2) * np.tile([1.0, -1.0], ROWS // 2),
            "k": np.repeat(rng.integers(1, 4, ROWS // 2), 2),
            "g": np.array(list("abcd"))[np.arange(ROWS) % 4],
            "n": np.full(ROWS, laws.TRIALS),
        }
    )
    y = family.draw(rng, 0.5 * data["x"].to_numpy(), laws.scales(family), data["n"].to_numpy())
    if family.thresholds:
        # Every category occurs.
        y[: len(laws.THRESHOLDS) + 1] = np.arange(len(laws.THRESHOLDS) + 1)
        y = pd.Categorical(y, ordered=True)
    data["y"] = y
    return data, data.loc[data.index.repeat(data["k"])].reset_index(drop=True)


@pytest.mark.parametrize("family", laws.FAMILIES, ids=repr)
def test_weights_count_rows(family):
    weighted, repeated = table(family)
    trials = ["trials(n)"] if family.stan.trials else []
    priors = {"Intercept": prior.normal(0, 2), "b": prior.normal(0, 1), "sd": prior.normal(0, 1)}
    if any(p.name == "sigma" for p in family.parameters):
        priors["sigma"] = prior.exponential(1)

    def program(data, extra):
        left = " + ".join([*trials, *extra])
        formula = f"y{' | ' if left else ''}{left} ~ x + (1 | g)"
        return ours(Oracle("", formula, family, lambda: data, dict, priors))

    once = program(weighted, ["weights(k)"])
    # Far out a density that is a difference of logarithms has lost its digits.
    at = points(size(once), count=4, reach=0.4)
    lp, gradient = evaluate(once, at)
    expected_lp, expected_gradient = evaluate(program(repeated, []), at)
    difference = lp - expected_lp
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9 * np.abs(lp).max())
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-9)
