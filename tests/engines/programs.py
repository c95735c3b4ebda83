"""Programs written by hand, so that the engines are tested without the stages before them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hierglm.program.fragment import Output, Program


def program(code: str, data: dict[str, Any], *outputs: Output) -> Program:
    """A program whose every line has an origin that tells its number."""
    origins = tuple(f"part {i + 1}" for i in range(code.count("\n") + 1))
    return Program(code, code, data, origins, outputs)


Y = np.array([1.2, -0.3, 0.8, 2.1, 0.4, 1.7])
"""Data of `NORMAL`; with unit variance and prior normal(0, 2) the posterior is known."""

PRECISION = 1 / 4 + len(Y)
POSTERIOR = Y.sum() / PRECISION, PRECISION**-0.5
"""Mean and standard deviation of `NORMAL`'s mu."""

NORMAL = program(
    """data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, 2);
  y ~ normal(mu, 1);
}
""",
    {"N": len(Y), "y": Y},
    Output("mu", "b", "fixed", dims=(("term", ("Intercept",)),)),
)

SHAPES = program(
    """data {
  int K;
}
parameters {
  real x;
  vector[K] none;
  matrix[2, 3] Z;
}
transformed parameters {
  matrix[2, 3] M;
  array[3, 2] vector[4] A;
  for (i in 1:2) for (j in 1:3) M[i, j] = 10 * i + j;
  for (i in 1:3) for (j in 1:2) for (k in 1:4) A[i, j, k] = 100 * i + 10 * j + k;
}
model {
  x ~ normal(0, 1);
  to_vector(Z) ~ normal(0, 1);
}
""",
    {"K": 0},
    Output("M", "M", "fixed", dims=(("row", ("a", "b")), ("column", (1, 2, 3)))),
    Output(
        "A",
        "A",
        "ran_vals",
        group="g",
        dims=(("i", (1, 2, 3)), ("j", (1, 2)), ("k", ("p", "q", "r", "s"))),
    ),
    Output(
        "M",
        "cor",
        "ran_cor",
        group="g",
        dims=(("pair", ("a3", "b1")),),
        pick=(np.array([0, 1]), np.array([2, 0])),
    ),
    Output("none", "none", "fixed", dims=(("term", ()),)),
    Output("x", "x", "family"),
)

BOUNDED = program(
    """data {
  vector[2] at;
}
parameters {
  real<lower=0> s;
  matrix[2, 3] Z;
  cholesky_factor_corr[3] L;
}
model {
  s ~ exponential(2);
  to_vector(Z) ~ normal(0, s);
  L ~ lkj_corr_cholesky(2);
  at ~ normal(0, 1);
}
""",
    {"at": np.array([0.5, -0.5])},
    Output("s", "sigma", "family"),
)
"""Constrained parameters, and a density that crashes stanli off the main thread."""

LONG = replace(
    program(
        """parameters {
  vector[400] z;
}
model {
  for (i in 2:400) z[i] ~ normal(z[i - 1], 0.01);
  z[1] ~ normal(0, 1);
}
""",
        {},
        Output("z", "z", "fixed", dims=(("i", tuple(range(400))),)),
    )
)
"""Takes minutes."""

MISSPELT = program("parameters {\n  real x;\n}\nmodel {\n  x ~ nrmal(0, 1);\n}\n", {})

IMPOSSIBLE = program(
    "parameters {\n  real x;\n}\nmodel {\n  target += negative_infinity();\n}\n",
    {},
    Output("x", "x", "fixed"),
)
