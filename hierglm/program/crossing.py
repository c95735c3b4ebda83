"""Products of the effects of two factors: dense, sparse, or one nested in the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hierglm.program.fragment import Block, Declare

_FILLED = 13
"""A matrix with a larger share of entries than one in so many is written dense: a product and
its gradient take 0.7 ns an entry of a dense one, 9 ns of a sparse one (benchmarks.blocks)."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """How a program takes ``F r`` from residuals.

    Attributes
    ----------
    declares : tuple of Declare
        F, as data.
    function : str
        The Stan function that multiplies.
    call : str
        The expression, with ``{e}`` for the residuals and ``{r}`` for the effects.
    """

    declares: tuple[Declare, ...]
    function: str
    call: str

    def __call__(self, e: str, r: str) -> str:
        """Return the expression for residuals and effects of these names."""
        return self.call.format(e=e, r=r)


def crossing(name: str, k: int, m: int, F: Any, effects: tuple[int, int], note: str) -> Crossing:
    """Return how to take the effects of term m from the residuals of term k.

    Parameters
    ----------
    name : str
        Stan name of the matrix.
    k, m : int
        Numbers of the two terms, as their Stan names count them.
    F : sparse or dense array, shape (J_k q_k, J_m q_m)
        Effect e of level j stands at j q + e.
    effects : tuple of int
        q_k and q_m.
    note : str
        What it is, for a comment.
    """
    q, s = effects
    levels, others = F.shape[0] // q, F.shape[1] // s
    if not hasattr(F, "tobsr"):
        return _dense(name, k, m, np.asarray(F), effects, note)
    blocks = F.tobsr((q, s))
    blocks.sort_indices()
    met = len(blocks.indices)
    entries = blocks.data.transpose(1, 2, 0)
    if met == levels and np.array_equal(blocks.indptr, np.arange(levels + 1)):
        return _nested(name, k, m, entries, blocks.indices, note)
    if _FILLED * met > levels * others:
        return _dense(name, k, m, F.toarray(), effects, note)
    return _sparse(name, k, m, entries, blocks, note)


def _dense(name: str, k: int, m: int, F: Any, effects: tuple[int, int], note: str) -> Crossing:
    q, s = effects
    shaped = F.reshape(F.shape[0] // q, q, F.shape[1] // s, s).transpose(1, 0, 3, 2)
    value = np.ascontiguousarray(shaped.reshape(q, F.shape[0] // q, F.shape[1]))
    dims = (f"M_{k}", f"J_{k}", f"J_{m} * M_{m}")
    return Crossing(
        (Declare(Block.DATA, "array[] matrix", name, dims, value=value, note=note),),
        "crossed_products", f"crossed_products({{e}}, {name}, {{r}})",
    )  # fmt: skip


def _nested(name: str, k: int, m: int, entries: Any, at: Any, note: str) -> Crossing:
    dims = (f"M_{k}", f"M_{m}", f"J_{k}")
    return Crossing(
        (
            Declare(Block.DATA, "array[,] vector", name, dims, value=entries, note=note),
            _levels(f"{name}_at", f"J_{k}", m, at),
        ),
        "nested_sums", f"nested_sums({{e}}, {name}, {name}_at, {{r}})",
    )  # fmt: skip


def _sparse(name: str, k: int, m: int, entries: Any, blocks: Any, note: str) -> Crossing:
    size = f"{name}_size"
    return Crossing(
        (
            Declare(Block.DATA, "int", size, bounds="lower=0", value=len(blocks.indices),
                    note="pairs of levels that meet"),
            Declare(Block.DATA, "array[,] vector", name, (f"M_{k}", f"M_{m}", size),
                    value=entries, note=note),
            _levels(f"{name}_at", size, m, blocks.indices),
            Declare(Block.DATA, "array[] int", f"{name}_ends", (f"J_{k} + 1",), "lower=1",
                    value=blocks.indptr.astype(np.int64) + 1, note="where levels end"),
        ),
        "crossed_sums", f"crossed_sums({{e}}, {name}, {name}_at, {name}_ends, {{r}})",
    )  # fmt: skip


def _levels(name: str, size: str, m: int, at: Any) -> Declare:
    return Declare(
        Block.DATA, "array[] int", name, (size,), f"lower=1, upper=J_{m}",
        value=np.asarray(at, dtype=np.int64) + 1,
    )  # fmt: skip
