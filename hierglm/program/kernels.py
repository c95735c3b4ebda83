"""Functions of a program that an engine may bind to C++: each a twin of its Stan body.

The C++ lies in stan/cpp/kernels, a file a function, each with the gradient written out. An
engine that compiles calls `declared` for the Stan text, hands it to ``stanc --allow-undefined``,
and has the compiler read what `header` returns before the program that stanc writes
(``-include``, or CmdStan's ``USER_HEADER``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from hierglm.program.fragment import Program
from hierglm.program.library import calls, declaration
from hierglm.program.sources import stan_folder

KERNELS = frozenset(
    {
        "bernoulli_logit_rows",
        "binomial_logit_rows",
        "conditional_effects",
        "crossed_products",
        "crossed_sums",
        "integrated_density",
        "level_residuals",
        "nested_sums",
        "normal_rows",
        "poisson_log_rows",
    }
)
"""Functions of the library that have a C++ twin."""


def declared(program: Program) -> tuple[str, tuple[str, ...]]:
    """Return a program's text with its kernels only declared, and their names.

    Bodies, and functions that only kernels called, leave empty lines: an error in the text is
    in the line that it would be in `Program.bare`.

    Parameters
    ----------
    program : Program

    Returns
    -------
    code : str
        As `Program.bare`.
    names : tuple of str
        What `header` must be asked for; empty where there is nothing to bind.
    """
    lines = program.bare.splitlines()
    kept = _reached(f.name for f in program.functions if f.called)
    for function in program.functions:
        span = slice(function.first - 1, function.last)
        if function.name not in kept:
            text = []
        elif function.name in KERNELS:
            text = [f"  {line}".rstrip() for line in declaration(function.name).splitlines()]
        else:
            continue
        lines[span] = text + [""] * (function.last - function.first + 1 - len(text))
    names = tuple(f.name for f in program.functions if f.name in kept & KERNELS)
    return "".join(f"{line}\n" for line in lines), names


def _reached(names: Iterable[str]) -> frozenset[str]:
    """Return functions and all that they call, but for what only kernels call."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        found.add(name)
        if name not in KERNELS:
            left += [c for c in calls(name) if c not in found]
    return frozenset(found)


def header(names: Iterable[str]) -> str:
    """Return the C++ of kernels as one text that needs nothing beside it but Stan's headers.

    Parameters
    ----------
    names : iterable of str
        Some of `KERNELS`.

    Raises
    ------
    ValueError
        For a name that is none of them: a mistake of hierglm, never of its user.

    Examples
    --------
    >>> header(["nested_sums"]).count("#include <stan/model/model_header.hpp>")
    1
    """
    wanted = sorted(names)
    if not KERNELS.issuperset(wanted):
        raise ValueError(f"no kernels: {sorted(set(wanted) - KERNELS)}")
    done: set[str] = set()
    return "".join(line for name in wanted for line in _expanded(f"{name}.hpp", done))


def _expanded(file: str, done: set[str]) -> Iterator[str]:
    """Yield the lines of a file, those of the files beside it that it includes in their place."""
    if file in done:
        return
    done.add(file)
    for line in _source(file).splitlines(keepends=True):
        found = re.fullmatch(r'#include "(\w+\.hpp)"\n', line)
        if found:
            yield from _expanded(found[1], done)
        else:
            yield line


@cache
def _source(file: str) -> str:
    return (stan_folder("cpp/kernels") / file).read_text(encoding="utf-8")
