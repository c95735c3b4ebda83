"""The functions behind the names that a formula may call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from hierglm.formula.functions import ELEMENTWISE
from hierglm.formula.rewrite import function_identifier, texts_in
from hierglm.formula.terms import Term


def context(functions: Mapping[str, Callable[..., Any]], terms: Iterable[Term]) -> dict[str, Any]:
    """Return what names stand for when formulaic evaluates the expressions of some terms.

    Parameters
    ----------
    functions : mapping of str to callable
        The caller's own, under the names that the formula uses.
    terms : iterable of Term
        Text in quotes stands in their expressions under names of its own.
    """
    own = {function_identifier(name): function for name, function in functions.items()}
    calls = [f.expr for t in terms for f in t.factors if f.kind == "call"]
    return {**_elementwise(), **own, **{k: v for c in calls for k, v in texts_in(c).items()}}


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
