"""One Stan program that calls every kernel, or its Stan body under another name, as data say."""

import re

import numpy as np

from hierglm.program.kernels import KERNELS
from hierglm.program.library import declaration, needed, stan_function

FUNCTIONS = ("bernoulli_logit_rows", "binomial_logit_rows", "poisson_log_rows", "normal_rows",
             "conditional_effects", "integrated_density", "level_residuals", "crossed_products",
             "crossed_sums", "nested_sums")  # fmt: skip

PREDICTOR = "alpha, X, b, offset_, Z, level, J, M, u"
CALLS = {
    "bernoulli_logit_rows": f"(hit, {PREDICTOR})",
    "binomial_logit_rows": f"(y, count, {PREDICTOR})",
    "poisson_log_rows": f"(y, count, {PREDICTOR})",
    "normal_rows": f"(y, count, within, se, sigma, {PREDICTOR})",
    "conditional_effects": "(A, S, e, sigma, z, L)",
    "integrated_density": "(A_free, S, e, sigma, L)",
    "level_residuals": "(e, B, d)",
    "crossed_products": "(e, F, r)",
    "crossed_sums": "(e, F_met, at, ends, r)",
    "nested_sums": "(e, F_own, inside, r)",
}

DATA = """
data {
  int which, twin;
  int N, K, G, n_offset, n_se, L, Q, P, L_2, Q_2, n_met;
  array[G] int J, M;
  array[N] int hit;
  vector[N] y, count, within;
  vector[n_se] se;
  vector[n_offset] offset_;
  matrix[N, K] X;
  matrix[N, sum(M)] Z;
  array[G, N] int level;
  int U;
  int T;
  array[T] vector[L] A;
  array[Q] matrix[L, P] B;
  array[Q] matrix[L, L_2 * Q_2] F;
  array[Q, Q_2] vector[n_met] F_met;
  array[n_met] int at;
  array[L + 1] int ends;
  array[Q, Q_2] vector[L] F_own;
  array[L] int inside;
  array[Q + 1] vector[L] weight;
}
parameters {
  real alpha;
  vector[K] b;
  vector[U] u;
  real sigma;
  matrix[Q, Q] S;
  array[Q] vector[L] e, z;
  array[T] vector[L] A_free;
  vector[P] d;
  matrix[L_2, Q_2] r;
}
"""


def program(kernels):
    """Return the program; without kernels both names are the Stan body."""
    twins, bodies = [], []
    for name in FUNCTIONS:
        bodies += [n for n in needed(name) if n not in bodies]
        twin = re.sub(rf"\b{name}\(", f"{name}_twin(", stan_function(name))
        twins += [declaration(name) if kernels else stan_function(name), twin]
    text = "functions {\n" + "\n".join([*map(stan_function, bodies), *twins]) + "\n}" + DATA
    model = "".join(
        f"  if (which == {i}) {{\n{_statement(n)}  }}\n" for i, n in enumerate(FUNCTIONS)
    )
    return f"{text}model {{\n{model}}}\n"


def _statement(name):
    call = CALLS[name]
    both = f"(twin ? {name}_twin{call} : {name}{call})"
    if name == "conditional_effects":
        return (
            f"    matrix[L, Q + 1] out = {both};\n"
            "    for (k in 1:(Q + 1)) {\n      target += dot_product(weight[k], out[, k]);\n    }\n"
        )
    if name.endswith("_rows") or name.endswith("_density"):
        return f"    target += {both};\n"
    return (
        f"    array[Q] vector[L] out = {both};\n"
        "    for (k in 1:Q) {\n      target += dot_product(weight[k], out[k]);\n    }\n"
    )


assert set(FUNCTIONS) == KERNELS


def rows(seed=0, n=60, columns=2, levels=(9,), effects=(1,), order="sorted", size=3.0, known=0,
         offset=True):  # fmt: skip
    """Return data of rows: linear predictors of about `size`."""
    r = np.random.default_rng(seed)
    level = np.array([r.integers(1, max(2, j), n) for j in levels]).reshape(len(levels), n)
    if order == "sorted" and len(levels):
        level = level[:, np.lexsort(level[::-1])]
    count = r.choice([0.0, 1.0, 7.0, 1e6], n)
    return {
        "N": n, "K": columns, "G": len(levels), "J": np.array(levels, dtype=int),
        "M": np.array(effects, dtype=int), "hit": r.integers(0, 2, n),
        "count": count, "y": np.floor(count * r.uniform(0, 1, n)),
        "within": r.uniform(0, 5, n), "n_se": n * known, "se": r.uniform(0.1, 3, n * known),
        "n_offset": n * offset, "offset_": r.choice([-1, -0.5, 0, 1], n)[: n * offset] * size,
        "X": r.normal(0, 0.3, (n, columns)), "Z": r.normal(0, 1, (n, sum(effects))),
        "level": level, "U": int(np.dot(levels, effects)),
    }  # fmt: skip


def by_level(seed=0, levels=5, q=2, p=3, others=3, q_2=1):
    """Return data of levels."""
    r = np.random.default_rng(seed)
    roots = r.normal(size=(levels, q, q + 2)) * r.choice([0.0, 0.3, 3.0, 1e3], (levels, 1, 1))
    A = np.einsum("jab,jcb->jac", roots, roots)
    met = [r.choice(others, r.integers(0, others + 1), replace=False) for _ in range(levels)]
    at = np.concatenate([*met, np.zeros(0)]).astype(int) + 1
    return {
        "L": levels, "Q": q, "P": p, "L_2": others, "Q_2": q_2, "T": q * (q + 1) // 2,
        "A": A[:, *np.tril_indices(q)].T, "B": r.normal(size=(q, levels, p)),
        "F": r.normal(size=(q, levels, others * q_2)), "n_met": len(at), "at": at,
        "F_met": r.normal(size=(q, q_2, len(at))),
        "ends": 1 + np.concatenate([[0], np.cumsum([len(m) for m in met])]),
        "F_own": r.normal(size=(q, q_2, levels)), "inside": r.integers(1, others + 1, levels),
        "weight": r.normal(size=(q + 1, levels)),
    }  # fmt: skip


def point(data, seed=0):
    """Return values of all parameters, in order."""
    r = np.random.default_rng(seed)
    q, levels = data["Q"], data["L"]
    S = np.tril(r.normal(0, 0.5, (q, q)), -1) + np.diag(r.uniform(0.1, 2, q))
    effects = r.normal(size=2 * q * levels)
    rest = r.normal(size=data["P"] + data["L_2"] * data["Q_2"])
    b, u = r.normal(size=data["K"]), r.normal(0, 0.5, data["U"])
    A = np.ravel(data["A"]) * 1.1
    return np.concatenate([[r.normal()], b, u, [1.7], S.ravel("F"), effects, A, rest])
