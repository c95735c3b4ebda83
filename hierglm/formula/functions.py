"""What a formula may call: the fixed lists that every expression is held against."""

from __future__ import annotations

# Encodings that remember what they saw; most are formulaic's own.
ENCODINGS = frozenset(
    {"C", "I", "bs", "cc", "center", "cr", "cs", "hashed", "poly", "scale", "standardize"}
)

# Contrast objects: allowed bare (`C(f, Sum)`) and called (`C(f, Treatment("b"))`).
CONTRASTS = frozenset({"Treatment", "Sum", "Helmert", "Poly", "Diff"})
CONTR = frozenset({"treatment", "sum", "helmert", "poly", "diff", "SAS", "sas"})

# Functions of numbers, row by row, and how many arguments they take at most. They take no
# keywords, because NumPy's `out=` and `where=` would write into the table.
ELEMENTWISE = {
    **dict.fromkeys(
        (
            *("abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "exp", "exp10", "exp2"),
            *("expm1", "floor", "log10", "log1p", "log2", "plogis", "qlogis", "sign", "sin"),
            *("sinh", "sqrt", "tan", "tanh", "trunc"),
        ),
        1,
    ),
    "log": 2,
    "round": 2,
}
NUMPY = {
    **dict.fromkeys(
        (
            *("abs", "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh"),
            *("cbrt", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "log", "log10"),
            *("log1p", "log2", "rint", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh"),
            "trunc",
        ),
        1,
    ),
    **dict.fromkeys(("arctan2", "hypot", "logaddexp", "maximum", "minimum", "power", "round"), 2),
    "clip": 3,
    "where": 3,
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

# Whole numbers that size a basis; more columns than this is a slip or an attack.
BASES = frozenset({"bs", "cc", "cr", "cs", "hashed", "poly"})
BASIS_ARGUMENTS = frozenset({"degree", "df", "levels"})
MAX_BASIS = 1000
