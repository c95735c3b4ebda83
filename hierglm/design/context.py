"""The functions behind the names that a formula may call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hierglm.formula.functions import ELEMENTWISE
from hierglm.formula.rewrite import function_identifier


def context(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Return what names of functions stand for when formulaic evaluates an expression.

    Parameters
    ----------
    functions : mapping of str to callable
        The caller's own, under the names that the formula uses.
    """
    own = {function_identifier(name): function for name, function in functions.items()}
    return {**_elementwise(), **own}


def _elementwise() -> dict[str, Callable[..., Any]]:
    from scipy.special import expit, logit

    named = {"acos": np.arccos, "asin": np.arcsin, "atan": np.arctan}
    special = {
        "plogis": expit,
        "qlogis": logit,
        "log": _log,
        "exp10": lambda x: np.power(10.0, x),
        "round": np.round,
    }
    same = {n: getattr(np, n) for n in ELEMENTWISE if n not in named and n not in special}
    return {**same, **named, **special}


def _log(x: Any, base: float | None = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)
