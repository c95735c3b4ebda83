"""Fits with given draws for questions about effects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierglm.posterior import Fit
from tests.adapting.exact import design_of, fit_of

DATA = Path(__file__).parents[1] / "data"

SEEDS = pd.read_csv(DATA / "pdb_seeds_data.csv").assign(
    x1=lambda d: d["x1"].astype(str), x2=lambda d: d["x2"].astype(str), z=lambda d: np.log(d["N"])
)
KIDS = pd.read_csv(DATA / "pdb_kidiq.csv")
WAVES = pd.read_csv(DATA / "waves.csv").assign(
    half=lambda d: np.where(d["subject"].str[1:].astype(int) <= 8, "early", "late")
)


def rows_of_fit(count: int = 40, seed: int = 5) -> pd.DataFrame:
    """Return rows of an unbalanced design: a number, a factor, a boolean and some groups."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.uniform(0.5, 3, count),
            "f": rng.choice(["a", "b", "c"], count, p=[0.5, 0.3, 0.2]),
            "flag": rng.choice([True, False], count),
            "g": rng.choice(["P", "Q", "R", "S"], count),
            "n": rng.integers(1, 9, count),
            "y": rng.normal(size=count),
            "count": rng.poisson(3.0, count),
            "s": 0,
        }
    )


def random_fit(
    formula: str, data: pd.DataFrame, family: str = "gaussian", draws: int = 30, seed: int = 2
) -> Fit:
    """Return a fit whose draws are plain random numbers of a size that families bear."""
    design = design_of(formula, data)
    p = design.intercept + len(design.common.labels)
    size = p + sum(len(g.levels) * len(g.terms) for g in design.groups)
    return fit_of(design, 0.5 * np.random.default_rng(seed).normal(size=(draws, size)), family)


def unit_fit(formula: str, data: pd.DataFrame, family: str = "gaussian") -> Fit:
    """Return a fit whose draw k has coefficient k at 1 and all others at 0."""
    design = design_of(formula, data)
    return fit_of(design, np.eye(design.intercept + len(design.common.labels)), family)


def one_fit(formula: str, data: pd.DataFrame, b: Any, family: str = "gaussian") -> Fit:
    """Return a fit with two draws of the same coefficients."""
    return fit_of(design_of(formula, data), np.array([b, b], dtype=float), family)


def weights_of(found: Any) -> NDArray[np.float64]:
    """Return what each row of an answer about a unit fit is of the coefficients."""
    return np.asarray(found.values[0].T)
