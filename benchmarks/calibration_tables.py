"""Tables for simulation-based calibration: columns and levels, without a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def labels(letter: str, index: Any) -> Sequence[str]:
    """Return levels called by a letter and two digits."""
    return [f"{letter}{i:02d}" for i in index]


def grouped(levels: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return equal groups; the mean of x is far from 0."""
    g = labels("g", np.repeat(np.arange(levels), rows))
    return pd.DataFrame({"x": rng.normal(0.7, 1.0, levels * rows), "g": g})


def several(rng: np.random.Generator) -> pd.DataFrame:
    """Return 20 equal groups and two columns of different sizes."""
    table = grouped(20, 8, rng)
    return table.assign(w=rng.normal(0, 3.0, len(table)))


def nested(rng: np.random.Generator) -> pd.DataFrame:
    """Return 5 a, 4 b in each (with the same names), crossed with 8 c."""
    i = np.arange(120)
    return pd.DataFrame(
        {
            "x": rng.normal(0.7, 1.0, len(i)),
            "a": labels("a", i // 24),
            "b": labels("b", i // 6 % 4),
            "c": labels("c", rng.permutation(i) % 8),
        }
    )


def exposed(rng: np.random.Generator) -> pd.DataFrame:
    """Return 8 g crossed with 6 h, twice, and logs of times of exposure."""
    i = np.arange(96)
    return pd.DataFrame(
        {
            "x": rng.normal(0.5, 0.7, len(i)),
            "log_time": rng.normal(0.3, 0.5, len(i)),
            "g": labels("g", i % 8),
            "h": labels("h", i // 8 % 6),
        }
    )


def few_distinct(rng: np.random.Generator) -> pd.DataFrame:
    """Return 96 rows of at most 16 kinds, some far more frequent than others."""
    i = np.arange(96)
    return pd.DataFrame(
        {
            "x": (rng.uniform(size=len(i)) < 0.25).astype(float),
            "g": labels("g", i % 8),
            "n": rng.choice([2, 5], len(i)),
        }
    )


def two_memberships(
    levels: int, rows: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.float64]]:
    """Return rows that belong to two of some levels, these levels, and the rows' shares of them."""
    first = np.arange(rows) % levels
    members = np.array([first, (first + rng.integers(1, levels, rows)) % levels])
    weights = rng.uniform(0.5, 3, (2, rows))
    table = pd.DataFrame(
        {
            "x": rng.normal(0.7, 1.0, rows),
            "g": labels("g", members[0]),
            "h": labels("g", members[1]),
            "v": weights[0],
            "w": weights[1],
        }
    )
    return table, members, weights / weights.sum(axis=0)
