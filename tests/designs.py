"""Small designs for tests that need one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hierglm.design.design import Design
from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse


def design_of(formula: str, data: pd.DataFrame) -> Design:
    """Return the design of a formula on a table."""
    table = as_table(data)
    return encode(parse(formula, table.columns), table)


def schools(rows: int = 40, seed: int = 5) -> pd.DataFrame:
    """Return a table with a score, two predictors and two grouping factors."""
    r = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "score": r.normal(100, 15, rows),
            "x": r.normal(3, 2, rows),
            "floor": np.array(["attic", "cellar"])[r.integers(0, 2, rows)],
            "school": np.array(list("ABCD"))[np.arange(rows) % 4],
            "year": 2000 + np.arange(rows) % 3,
            "count": r.poisson(4, rows),
            "won": r.integers(0, 2, rows),
            "played": 1 + r.integers(3, 9, rows),
            "log_time": r.normal(1, 0.2, rows),
        }
    )


def thinned(cases: Iterable[str]) -> list[Any]:
    """Return cases of a test: every third; the others are slow, for they are much alike."""
    return [
        case if number % 3 == 0 else pytest.param(case, marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]
