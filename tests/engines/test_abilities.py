"""Abilities are measured, not taken from documentation."""

from __future__ import annotations

import numpy as np
import pytest

from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.recorded import RecordedEngine
from hierglm.plan.forms import Ability
from tests.engines.programs import program

X = np.array([[1.0, 0.5], [0.2, -1.0], [-0.7, 0.3]])
ALPHA, BETA = np.array([0.1, -0.2, 0.3]), np.array([0.4, 0.6])
ETA = ALPHA + X @ BETA
Y = np.array([1, 0, 1])
TRIALS = np.array([3, 2, 4])

GLMS = {
    Ability.NORMAL_GLM: (
        "vector[N] y;",
        "y ~ normal_id_glm(X, alpha, beta, 1.5);",
        -0.5 * (((Y - ETA) / 1.5) ** 2).sum(),
    ),
    Ability.BERNOULLI_GLM: (
        "array[N] int y;",
        "y ~ bernoulli_logit_glm(X, alpha, beta);",
        (Y * ETA - np.logaddexp(0, ETA)).sum(),
    ),
    Ability.BINOMIAL_GLM: (
        "array[N] int y;",
        "y ~ binomial_logit_glm(trials, X, alpha, beta);",
        (Y * ETA - TRIALS * np.logaddexp(0, ETA)).sum(),
    ),
    Ability.POISSON_GLM: (
        "array[N] int y;",
        "y ~ poisson_log_glm(X, alpha, beta);",
        (Y * ETA - np.exp(ETA)).sum(),
    ),
}


@pytest.mark.parametrize("ability", sorted(EmbeddedEngine().abilities, key=str))
def test_the_embedded_engine_can_what_it_says(ability: Ability) -> None:
    declaration, statement, expected = GLMS[ability]
    code = (
        "data {\n  int N;\n  matrix[N, 2] X;\n  array[N] int trials;\n  "
        f"{declaration}\n}}\nparameters {{\n  vector[N] alpha;\n  vector[2] beta;\n}}\n"
        f"model {{\n  {statement}\n}}\n"
    )
    data = {"N": 3, "X": X, "trials": TRIALS, "y": Y}
    with EmbeddedEngine().open(program(code, data)) as density:
        value, gradient = density(density.unconstrain({"alpha": ALPHA, "beta": BETA}))
    assert value == pytest.approx(expected)
    # The gradient by alpha and beta is that by eta, carried back.
    assert gradient[3:] == pytest.approx(X.T @ gradient[:3])


def test_every_ability_is_measured() -> None:
    assert set(GLMS) == set(Ability) - {Ability.KERNELS} == EmbeddedEngine().abilities


def test_a_recording_needs_nothing() -> None:
    assert RecordedEngine("anywhere").abilities == frozenset(Ability)
