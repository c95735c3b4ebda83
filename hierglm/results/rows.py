"""One row a parameter: the table of estimates, intervals and diagnostics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.coefficients import coefficients
from hierglm.draws.diagnostics import diagnose
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.parameters import KEYS, check_effects, keys
from hierglm.names import VARIATION
from hierglm.results.estimates import intervals, mean, pooled, spread

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MAIN = ("fixed", *VARIATION, "family")
"""The kinds of parameters of a summary: all but the effects of single levels."""

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "rhat", "ess_bulk", "ess_tail")


def table(
    variables: Sequence[Variable],
    conf_level: float = 0.95,
    hdi: bool = False,
    sampled: bool = True,
) -> pd.DataFrame:
    """Return the rows of some variables, in order.

    Parameters
    ----------
    variables : sequence of Variable
        From the draws, or made from them.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    sampled : bool
        Whether the draws are those of Markov chains: of others rhat and ess are NaN.

    Returns
    -------
    DataFrame
        Columns effect, response, dpar, group, level, term, term2 (what does not apply is
        ""; levels keep their type), and estimate (posterior mean), std_error (posterior
        sd), conf_low, conf_high, rhat, ess_bulk, ess_tail.
    """
    import pandas as pd

    def numbers(values: Floats) -> Floats:
        flat = pooled(values)
        ends = intervals(flat, conf_level, hdi)
        own = np.full((3, flat.shape[1]), np.nan)
        if sampled:
            found = diagnose(values)
            own = np.stack([getattr(found, name).ravel() for name in NUMBERS[4:]])
        return np.stack([mean(flat), spread(flat), *ends, *own])

    columns: dict[str, NDArray[Any]] = labels(variables)
    columns |= zip(NUMBERS, by_parts(variables, numbers, len(NUMBERS)), strict=True)
    return pd.DataFrame(columns)


def select(draws: Draws, effects: Sequence[str] | str, group: str | None = None) -> list[Variable]:
    """Return the variables of some kinds, kind by kind in the order asked for.

    Parameters
    ----------
    draws : Draws
    effects : sequence of str
        Of `hierglm.names.EFFECTS`; "ran_coefs" is computed.
    group : str, optional
        Only this grouping factor's.

    Raises
    ------
    SettingsError
        For a kind of parameter that does not exist.
    """
    chosen: list[Variable] = []
    for effect in check_effects(effects):
        source = "ran_vals" if effect == "ran_coefs" else effect
        found = [v for v in draws if v.effect == source and group in (None, v.group)]
        chosen += [coefficients(draws, v) for v in found] if effect == "ran_coefs" else found
    return chosen


def labels(variables: Sequence[Variable]) -> dict[str, NDArray[Any]]:
    """Return the key columns of some variables, one below the other."""
    parts = [keys(v) for v in variables]
    if not parts:
        return {name: np.empty(0, dtype=object) for name in KEYS}
    return {name: _stack([part[name] for part in parts]) for name in KEYS}


def measure(
    variables: Sequence[Variable], number: Callable[[Floats], Floats], rows: int = 1
) -> Floats:
    """Return numbers of each parameter, shape (rows, parameters).

    Parameters
    ----------
    variables : sequence of Variable
    number : callable
        Takes draws of shape (draws, parameters), returns (parameters,) or
        (rows, parameters).
    rows : int
        How many numbers it returns for a parameter.
    """
    return by_parts(variables, lambda x: number(pooled(x)), rows)


def by_parts(
    variables: Sequence[Variable], number: Callable[[Floats], Floats], rows: int
) -> Floats:
    """Return numbers of each parameter, shape (rows, parameters), a part of them at a time.

    Parameters
    ----------
    variables : sequence of Variable
    number : callable
        Takes draws of shape (chains, draws, parameters ...), returns (rows, parameters).
    rows : int
        How many numbers it returns for a parameter.
    """
    out = [np.empty((rows, 0))]
    for variable in variables:
        sizes = [len(labels) for _, labels in variable.dims] or [1]
        found = np.empty((rows, sizes[0], math.prod(sizes[1:])))
        for at, values in variable.parts():
            found[:, at] = number(values).reshape(rows, len(at), -1)
        out.append(found.reshape(rows, -1))
    return np.concatenate(out, axis=1)


def _stack(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return columns one below the other; of different types they become objects."""
    if len({part.dtype for part in parts}) > 1:
        parts = [part.astype(object) for part in parts]
    return np.concatenate(list(parts))
