"""What a formula may call: the fixed lists that every expression is held against."""

from __future__ import annotations

from collections.abc import Mapping

from hierglm.formula.limits import MAX_BASIS, MAX_DEGREE

_SPLINE = ("df", "knots", "lower_bound", "upper_bound", "constraints", "cyclic", "extrapolation")

ENCODINGS: Mapping[str, tuple[str, ...]] = {
    "C": ("contrasts", "levels", "spans_intercept"),
    "I": (),
    "bs": (
        *("df", "knots", "degree", "include_intercept"),
        *("lower_bound", "upper_bound", "extrapolation"),
    ),
    "cc": _SPLINE,
    "center": (),
    "cr": _SPLINE,
    "cs": _SPLINE,
    "hashed": ("levels", "contrasts", "spans_intercept"),
    "poly": ("degree", "raw"),
    "scale": ("center", "scale", "ddof"),
    "standardize": ("center", "rescale", "ddof"),
}
"""Encodings that remember what they saw, most of them formulaic's own, and their options."""

CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "Treatment": ("reference",),
    "Sum": (),
    "Helmert": ("reverse", "scale"),
    "Poly": ("scores",),
    "Diff": ("backward",),
}
"""Contrasts, allowed bare (``C(f, Sum)``) and called (``C(f, Treatment("b"))``)."""

CONTR: Mapping[str, tuple[str, ...]] = {
    "treatment": ("base",),
    "sum": (),
    "helmert": ("reverse", "scale"),
    "poly": ("scores",),
    "diff": ("backward",),
    "SAS": ("base",),
    "sas": ("base",),
}
"""The same by R's names, as in ``C(f, contr.sum)``."""

_one = (
    *("abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "exp", "exp10", "exp2"),
    *("expm1", "floor", "log10", "log1p", "log2", "plogis", "qlogis", "sign", "sin"),
    *("sinh", "sqrt", "tan", "tanh", "trunc"),
)
ELEMENTWISE: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(_one, (1, 1)),
    "log": (1, 2),
    "round": (1, 2),
}
"""Functions of numbers, row by row, and how many arguments they take, at least and at most.

They take no keywords, because NumPy's ``out=`` and ``where=`` would write into the table.
"""

_numpy_one = (
    *("abs", "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh"),
    *("cbrt", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "log", "log10"),
    *("log1p", "log2", "rint", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh"),
    "trunc",
)
NUMPY: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(_numpy_one, (1, 1)),
    **dict.fromkeys(("arctan2", "hypot", "logaddexp", "maximum", "minimum", "power"), (2, 2)),
    "round": (1, 2),
    "clip": (3, 3),
    # With one argument it would return places, not values.
    "where": (3, 3),
}
NUMPY_CONSTANTS = frozenset({"pi", "e"})

# Other names for the same thing: R's, and those of the inverse link.
ALIASES = {
    "factor": "C",
    "as.factor": "C",
    "ceiling": "ceil",
    "expit": "plogis",
    "inv_logit": "plogis",
    "logit": "qlogis",
    "standardise": "standardize",
}

# Words of R read as Python's, wherever they stand in a call.
WORDS = {"TRUE": "True", "FALSE": "False", "NA": "None", "NULL": "None"}
OPERATORS = {"^": "**", "%%": "%", "%/%": "//"}

# Parts of the formula language that are read before any function is looked up.
LEFT_ONLY = ("trials", "weights", "se", "cbind")

CALLABLE = frozenset({*ENCODINGS, *CONTRASTS, *ELEMENTWISE, *ALIASES})

BASES: Mapping[str, Mapping[str, int]] = {
    "bs": {"df": MAX_BASIS, "degree": MAX_DEGREE},
    "cc": {"df": MAX_BASIS},
    "cr": {"df": MAX_BASIS},
    "cs": {"df": MAX_BASIS},
    "hashed": {"levels": MAX_BASIS},
    "poly": {"degree": MAX_BASIS},
}
"""Encodings that make several columns, and the largest value of the options that size them."""
