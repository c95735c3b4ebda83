"""Data tables that are simulated, or come with hierglm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd


def radon() -> pd.DataFrame:
    """Return the radon data that come with hierglm."""
    # Only here, so that a broken hierglm is a failure in its rows and not of all.
    import hierglm as hg

    return hg.datasets.radon()


def gaussian_slopes() -> pd.DataFrame:
    """Return 5,000 rows with two predictors, and 200 groups with a slope each."""
    r = np.random.default_rng(3)
    rows, groups = 5_000, 200
    x, g = r.normal(size=(rows, 2)), r.integers(0, groups, rows)
    u = r.normal(size=(groups, 2)) * [0.5, 0.3]
    y = x @ [1, -1] + u[g, 0] + u[g, 1] * x[:, 0] + r.normal(size=rows)
    return pd.DataFrame({"y": y, "x": x[:, 0], "z": x[:, 1], "g": g})


def million_gaussian() -> pd.DataFrame:
    """Return 1,000,000 rows with five predictors, and 1,000 groups with a slope each."""
    r = np.random.default_rng(3)
    rows, groups = 1_000_000, 1_000
    x, g = r.normal(size=(rows, 5)), r.integers(0, groups, rows)
    u = r.normal(size=(groups, 2)) * [0.5, 0.3]
    y = x @ [1.0, -1.0, 0.5, 0.0, 0.2] + u[g, 0] + u[g, 1] * x[:, 0] + r.normal(size=rows)
    return pd.DataFrame({"y": y, **{f"x{k + 1}": x[:, k] for k in range(5)}, "g": g})


def million_bernoulli() -> pd.DataFrame:
    """Return 1,000,000 binary responses, five categorical predictors and 200 groups."""
    r = np.random.default_rng(4)
    rows, groups = 1_000_000, 200
    eta = r.normal(scale=0.5, size=groups)
    g = r.integers(0, groups, rows)
    eta = eta[g] - 0.5
    columns = {}
    for name, levels in zip("abcde", (2, 3, 2, 4, 3), strict=True):
        code = r.integers(0, levels, rows)
        eta += r.normal(scale=0.4, size=levels)[code]
        columns[name] = np.array([f"{name}{k}" for k in range(levels)])[code]
    y = r.random(rows) < 1 / (1 + np.exp(-eta))
    return pd.DataFrame({"y": y.astype(int), **columns, "g": g})


def bernoulli_slopes() -> pd.DataFrame:
    """Return 20,000 binary responses, five predictors, and 500 groups with a slope each."""
    r = np.random.default_rng(5)
    rows, groups = 20_000, 500
    x, g = r.normal(size=(rows, 5)), r.integers(0, groups, rows)
    u = r.normal(size=(groups, 2)) * [0.8, 0.5]
    eta = x @ [0.5, -0.5, 0.3, 0.0, 0.2] + u[g, 0] + u[g, 1] * x[:, 0] - 0.3
    y = (r.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    names = ("z", "x1", "x2", "x3", "x4")
    return pd.DataFrame({"y": y, **{name: x[:, k] for k, name in enumerate(names)}, "g": g})


TABLES: Mapping[str, Callable[[], pd.DataFrame]] = MappingProxyType(
    {
        make.__name__: make
        for make in (
            radon,
            gaussian_slopes,
            million_gaussian,
            million_bernoulli,
            bernoulli_slopes,
        )
    }
)
"""The tables by the name that a case gives."""
