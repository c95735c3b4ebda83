"""Small matrices level by level: the value and the gradient of the same for all levels at once."""

import numpy as np
import pytest
import stanli

from hierglm.engines.data import to_json
from hierglm.program.library import needed, stan_function

DATA = "data {\n  int J, M, T;\n  array[T] vector[J] A;\n  array[M + 1] vector[J] weight;\n}\n"
PARAMETERS = """parameters {
  matrix[M, M] S;
  array[M] vector[J] e, z;
  real sigma;
}
"""
INTEGRATED = "target += {}(A, S, e, sigma, J);"
CONDITIONAL = """matrix[J, M + 1] out = {}(A, S, e, sigma, z, J);
  for (k in 1:(M + 1)) {{
    target += dot_product(weight[k], out[, k]);
  }}"""


def model(statements, function, data):
    names = dict.fromkeys((*needed(function), function))
    functions = "\n".join(map(stan_function, names))
    text = f"functions {{\n{functions}\n}}\n{DATA}{PARAMETERS}model {{\n  "
    code = text + statements.format(function) + "\n}\n"
    return stanli.Model(stan_code=code, data=to_json(data).decode())


@pytest.mark.parametrize(("levels", "effects"), [(3, 1), (1, 4), (5, 12)])
@pytest.mark.parametrize(
    ("statements", "together", "by_level"),
    [
        (INTEGRATED, "integrated_density", "integrated_by_level"),
        (CONDITIONAL, "conditional_effects", "conditional_by_level"),
    ],
)
def test_they_are_one_function(statements, together, by_level, levels, effects):
    r = np.random.default_rng(levels)
    # Levels with many rows, with none, and with few.
    size = np.resize([3.0, 0.0, 0.3, 30.0], (levels, 1, 1))
    roots = r.normal(size=(levels, effects, effects + 2)) * size
    A = (roots @ roots.swapaxes(1, 2))[:, *np.tril_indices(effects)].T
    data = {"J": levels, "M": effects, "T": len(A), "A": A,
            "weight": r.normal(size=(effects + 1, levels))}  # fmt: skip
    S = np.tril(r.normal(0, 0.5, (effects, effects)), -1) + np.diag(r.uniform(0.1, 2, effects))
    point = np.concatenate([S.ravel("F"), r.normal(size=2 * effects * levels), [1.7]])
    value, slope = model(statements, together, data).log_prob_grad(point)
    again, slope_again = model(statements, by_level, data).log_prob_grad(point)
    np.testing.assert_allclose(again, value, rtol=1e-12)
    # Above the diagonal of S, which is 0, the one looks and the other does not.
    lower = np.ones(len(point), dtype=bool)
    lower[: effects**2] = np.tril(np.ones((effects, effects), dtype=bool)).ravel("F")
    largest = np.abs(np.asarray(slope)).max()
    np.testing.assert_allclose(
        np.asarray(slope_again)[lower], np.asarray(slope)[lower], rtol=1e-10, atol=1e-11 * largest
    )
