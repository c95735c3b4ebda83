"""Fits without some rows that flat priors leave without a proper posterior, told beforehand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.comparing import refits
from hierglm.comparing.improper import why_improper
from hierglm.comparing.kfold import folds, kfold
from hierglm.comparing.units import units_of
from hierglm.design.rows import take
from hierglm.errors import PriorError
from hierglm.models import Model
from hierglm.priors.distributions import flat, normal
from tests.variance.given import given_fit

F = np.array(list("aaabbbcc"))
X = np.arange(8.0)
DATA = {"f": F, "x": X, "x2": 3 * X - 1, "y": X**2 % 5, "h": [0.0] * 6 + [1.0, 2.0]}
ENDS = {"b": flat(), "Intercept": flat()}
"""Flat priors of all that stands in the linear predictor; of brms those of slopes alone."""
START = {"Intercept": flat()}

CASES: dict[str, Any] = {
    "all rows": ("y ~ f", "gaussian", {}, "brms", range(8), []),
    "a level of a factor is gone": ("y ~ f", "gaussian", {}, "brms", range(6), ["b[f[T.c]]"]),
    "the first level is gone": ("y ~ f", "gaussian", {}, "brms", range(3, 8), ["b[f[T.c]]"]),
    "one level is left": ("y ~ f", "gaussian", {}, "brms", range(3), ["b[f[T.b]]", "b[f[T.c]]"]),
    "without an intercept a level is its own": ("y ~ 0 + f", "gaussian", {}, "brms", range(3, 8),
                                                ["b[f[a]]"]),
    "a proper prior": ("y ~ f", "gaussian", {}, {"b": normal(0, 1)}, range(6), []),
    "a proper one of what is gone": (
        "y ~ f", "gaussian", {}, {"b": flat(), "b[f[T.c]]": normal(0, 1)}, range(6), []),
    "a proper one of a column that gives another": (
        "y ~ x + h", "gaussian", {}, {"b[x]": normal(0, 1), "b[h]": flat()}, range(4, 8), []),
    "no more rows than columns": ("y ~ x + h", "gaussian", {}, "brms", range(6, 8), ["b[h]"]),
    "columns that all rows do not tell apart": ("y ~ x + x2", "gaussian", {}, "brms", range(6), []),
    "a column of another parameter": (["y ~ 1", "sigma ~ h"], "gaussian", {}, "brms", range(6),
                                      ["b[h]@.sigma"]),
    "overlap": ("z ~ x", "bernoulli", {"z": [0, 0, 1, 0, 1, 1, 1, 1]}, ENDS, range(8), []),
    "the only overlap is gone": (
        "z ~ x", "bernoulli", {"z": [0, 0, 1, 0, 1, 1, 1, 1]}, ENDS, [0, 1, 3, 4, 5, 6, 7],
        ["b[x]"]),
    "one outcome is left": ("z ~ 1", "bernoulli", {"z": [0] * 4 + [1] * 4}, START, range(4),
                            ["b[Intercept]"]),
    "a category is gone": ("z ~ 1", "cumulative", {"z": list("abcabcac")}, START,
                           [0, 2, 3, 5, 6, 7],
                           ["b[Intercept]"]),
    "a category is gone, and thresholds have a prior": (
        "z ~ 1", "cumulative", {"z": list("abcabcac")}, "brms", [0, 2, 3, 5, 6, 7], []),
}  # fmt: skip


def some(model: Model, rows: Any) -> Model:
    """Return a model of some of the rows of its one response."""
    parts = tuple(replace(m, design=take(m.design, rows)) for m in model.parts)
    return replace(model, design=parts[0].design if parts else take(model.design, rows),
                   parts=parts)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_parameters_of_which_too_few_rows_tell(case: str) -> None:
    formula, family, further, priors, rows, names = CASES[case]
    model = hg.model(formula, DATA | further, family, priors=priors).model
    why = why_improper(model, some(model, np.array(rows)))
    assert bool(why) == bool(names)
    expected = ", ".join(f"{name!r}: hierglm.prior.normal(0, 2.5)" for name in names)
    assert why.endswith(f"priors={{{expected}}}" if names else "")


def test_folds_are_refused_by_name_before_one_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refits, "fit_model", pytest.fail)
    fit = given_fit("y ~ f", pd.DataFrame(DATA), priors="brms")
    units = units_of(fit.plan.model.design, "f")
    first = units.labels[folds([(fit.plan.model.design, units)], 3, None, 5) == 1].item()
    untold = {"a": "f[T.c]", "b": "f[T.b]", "c": "f[T.c]"}[first]
    said = re.escape(f"without fold 1; nor is there without fold 2, fold 3: {untold!r} is constant")
    with pytest.raises(PriorError, match=said):
        kfold(fit, 3, by="f")
