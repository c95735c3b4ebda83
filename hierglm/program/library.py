"""The Stan functions that programs may call: stan/functions, one documented function a file."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from hierglm.program.sources import stan_folder


@cache
def stan_function(name: str) -> str:
    """Return the source of a Stan function, its comment included.

    Parameters
    ----------
    name : str
        Name of the function, which is the name of its file.

    Examples
    --------
    >>> print(stan_function("scale_effects").splitlines()[1])
     * Effects of every level from standardised ones.
    """
    path = _path(name)
    if not path.is_file():
        raise FileNotFoundError(f"hierglm is installed without its Stan function {name!r}")
    return path.read_text(encoding="utf-8").rstrip("\n")


@cache
def calls(name: str) -> tuple[str, ...]:
    """Return the functions of the library that a function calls itself.

    Examples
    --------
    >>> calls("integrated_density")
    ('batched_cholesky', 'batched_precision', 'solved_density', 'batched_solve')
    """
    return tuple(
        word
        for word in dict.fromkeys(re.findall(r"\b([a-z_]+)\(", _code(name)))
        if word != name and _path(word).is_file()
    )


@cache
def needed(name: str) -> tuple[str, ...]:
    """Return the functions that a function calls, each after those that it calls itself.

    Examples
    --------
    >>> needed("crossed_sums")
    ('segment_sums',)
    """
    return tuple(dict.fromkeys(n for c in calls(name) for n in (*needed(c), c)))


@cache
def declaration(name: str) -> str:
    """Return a Stan function's comment and its declaration, without its body.

    Examples
    --------
    >>> print(declaration("scale_effects").splitlines()[-1])
    matrix scale_effects(matrix z, vector sd, matrix L);
    """
    comment, end, code = stan_function(name).partition("*/")
    return f"{comment}{end}{code.partition(' {')[0]};"


def _path(name: str) -> Path:
    return stan_folder("functions") / f"{name}.stan"


def _code(name: str) -> str:
    """Return a function's source without its comment."""
    return stan_function(name).partition("*/")[2]
