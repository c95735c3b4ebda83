"""The building blocks of planned programs, measured on the embedded engine.

``python -m benchmarks.blocks`` prints microseconds a gradient (least of several) of each way of
writing the same thing, less those of the parameters alone. What was fastest is in
stan/functions and in hierglm.program; what it was compared with is written out here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import stanli

from hierglm.program.library import needed, stan_function


@dataclass(frozen=True)
class Way:
    """One way of writing a block: functions it calls, statements, data."""

    block: str
    name: str
    uses: tuple[str, ...]
    parameters: str
    statements: str
    data: Mapping[str, Any]


def program(way: Way) -> str:
    """Return the program of a way."""
    names = dict.fromkeys(n for u in way.uses for n in (*needed(u), u))
    functions = "".join(stan_function(n) + "\n" for n in names)
    declares = "".join(f"  {_declare(n, v)};\n" for n, v in way.data.items())
    return (
        f"functions {{\n{functions}}}\ndata {{\n{declares}}}\n"
        f"parameters {{\n  {way.parameters}\n}}\nmodel {{\n  {way.statements}\n}}\n"
    )


def _declare(name: str, value: Any) -> str:
    array = np.asarray(value)
    size = [str(n) for n in array.shape]
    if array.dtype.kind == "i":
        return f"array[{size[0]}] int {name}" if size else f"int {name}"
    kinds = ("real", "vector", "array[] vector", "array[,] vector")
    kind = kinds[array.ndim]
    if name.startswith("matrix"):
        return f"matrix[{', '.join(size)}] {name}"
    if array.ndim < 2:
        return f"{kind}[{size[0]}] {name}" if size else f"real {name}"
    return f"array[{', '.join(size[:-1])}] vector[{size[-1]}] {name}"


def gradient(way: Way, runs: int = 7) -> float:
    """Return microseconds a gradient, the least of several runs."""
    data = {n: np.asarray(v).tolist() for n, v in way.data.items()}
    model = stanli.Model(stan_code=program(way), data=data)
    point = 0.1 * np.random.default_rng(0).normal(size=model.n_unconstrained)
    model.log_prob_grad(point)
    best = np.inf
    for _ in range(runs):
        count = 50
        start = time.process_time()
        for _ in range(count):
            model.log_prob_grad(point)
        best = min(best, (time.process_time() - start) / count)
    return best * 1e6


def ways() -> list[Way]:
    """Return all blocks, each in several ways."""
    r = np.random.default_rng(1)
    return [*_small_matrices(r), *_sparse(r), *_softplus(r), *_predictor(r)]


def _small_matrices(r: np.random.Generator) -> list[Way]:
    out = []
    for levels, q in ((500, 1), (500, 2), (500, 4), (20_000, 2)):
        half = r.normal(size=(levels, q, q))
        blocks = half @ half.transpose(0, 2, 1)
        rows, columns = np.tril_indices(q)
        A = np.ascontiguousarray(blocks[:, rows, columns].T)
        block = f"{levels:,} Cholesky factors of {q} x {q}"
        parameters = f"matrix[{q}, {q}] S0;"
        S = f"matrix[{q}, {q}] S = S0 + diag_matrix(rep_vector(1, {q}));"
        factors = f"batched_cholesky(batched_precision(A, S), {q}, {levels})"
        out.append(
            Way(block, "batched_cholesky", ("batched_precision", "batched_cholesky"), parameters,
                f"{S} target += sum(log({factors}[1]));",
                {"A": A})
        )  # fmt: skip
        if levels == 500:
            loop = (
                f"{S} for (j in 1:{levels}) {{ matrix[{q}, {q}] M = "
                f"add_diag(quad_form(to_matrix(B[j], {q}, {q}), S), 1);"
                " target += log(cholesky_decompose(0.5 * (M + M'))[1, 1]); }"
            )
            flat = blocks.reshape(levels, -1)
            out.append(Way(block, "a loop over levels", (), parameters, loop, {"B": flat}))
    return out


def _sparse(r: np.random.Generator) -> list[Way]:
    from scipy import sparse

    levels, others, entries = 3_000, 1_100, 70_000
    cells = sparse.coo_array(
        (np.ones(entries), (r.integers(0, levels, entries), r.integers(0, others, entries))),
        shape=(levels, others),
    ).tocsr()  # fmt: skip
    cells.sort_indices()
    block = f"{cells.nnz:,} entries of {levels:,} x {others:,}, times a vector"
    parameters = f"matrix[{others}, 1] r;"
    at, ends = cells.indices.astype(int) + 1, cells.indptr.astype(int) + 1
    data = {"at": at, "ends": ends, "zero": np.zeros((1, levels))}
    return [
        Way(block, "crossed_sums", ("crossed_sums",), parameters,
            "target += sum(crossed_sums(zero, F, at, ends, r)[1]);",
            {**data, "F": cells.data[None, None]}),
        Way(block, "csr_matrix_times_vector", (), parameters,
            f"target += sum(csr_matrix_times_vector({levels}, {others}, w, at, ends, r[, 1]));",
            {"w": cells.data, "at": at, "ends": ends}),
        Way(block, "dense matrix", (), parameters, "target += sum(matrix_F * r[, 1]);",
            {"matrix_F": cells.toarray()}),
    ]  # fmt: skip


def _softplus(r: np.random.Generator) -> list[Way]:
    n = 28_800
    data = {"count": r.integers(1, 60, n).astype(float)}
    block = f"log(1 + exp(eta)) of {n:,} rows"
    parameters = f"vector[{n}] eta;"
    forms = ("log1p_exp(eta)", "log1p(exp(eta))", "log(1 + exp(eta))", "-log_inv_logit(-eta)")
    return [
        Way(block, f, (), parameters, f"target += -dot_product(count, {f});", data) for f in forms
    ]


def _predictor(r: np.random.Generator) -> list[Way]:
    n, K, J, U = 28_800, 9, 200, 144
    X = r.integers(0, 2, (U, K)).astype(float)
    pattern = r.integers(1, U + 1, n)
    group = r.integers(1, J + 1, n)
    block = f"linear predictor of {n:,} rows, {K} columns"
    parameters = f"vector[{K}] b; matrix[{J}, 1] r;"
    data = {"pattern": pattern, "group": group}
    return [
        Way(block, "patterns once, to_vector(r)", (), parameters,
            "target += sum((matrix_X * b)[pattern] + to_vector(r)[group]);",
            {**data, "matrix_X": X}),
        Way(block, "every row, to_vector(r)", (), parameters,
            "target += sum(matrix_X * b + to_vector(r)[group]);",
            {"group": group, "matrix_X": X[pattern - 1]}),
        Way(block, "every row, r[group, 1]", (), parameters,
            "target += sum(matrix_X * b + r[group, 1]);",
            {"group": group, "matrix_X": X[pattern - 1]}),
    ]  # fmt: skip


def main() -> int:
    """Print one line a way, block by block."""
    block = ""
    for way in ways():
        if way.block != block:
            block = way.block
            print(f"\n{block}")
        print(f"  {way.name:<32}{gradient(way):>10.0f} us", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
