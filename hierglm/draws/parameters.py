"""Every parameter of the draws in order, and where its draws are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws, Variable
from hierglm.errors import SettingsError, suggest
from hierglm.names import EFFECTS, Parameter, flat_name

Labels = NDArray[Any]

KEYS = ("effect", "response", "dpar", "group", "level", "term", "term2")
"""The columns that say which parameter a row is about, in the order of the tables."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter and the place of its draws: ``draws[variable].values[:, :, *index]``."""

    parameter: Parameter
    variable: str
    index: tuple[int, ...]


def entries(draws: Draws, effects: Sequence[str] = EFFECTS) -> Iterator[Entry]:
    """Yield every parameter in the order of the draws, with its place.

    Parameters
    ----------
    draws : Draws
    effects : sequence of str
        Only parameters of these kinds.
    """
    for variable in draws:
        if variable.effect not in effects:
            continue
        columns = keys(variable)
        shape = variable.shape
        for i in range(len(columns["term"])):
            place = tuple(int(k) for k in np.unravel_index(i, shape)) if shape else ()
            yield Entry(
                Parameter(**{k: columns[k][i] for k in KEYS if k in columns}), variable.name, place
            )


def by_name(draws: Draws, effects: Sequence[str] = EFFECTS) -> dict[str, NDArray[np.float64]]:
    """Return the draws of every parameter by flat name, in order, shape (S,) each.

    Parameters
    ----------
    draws : Draws
        S in all chains, one behind the other.
    effects : sequence of str
        Only parameters of these kinds.
    """
    out = {}
    for entry in entries(draws, effects):
        at: tuple[Any, ...] = (slice(None), slice(None), *entry.index)
        out[flat_name(entry.parameter)] = draws[entry.variable].values[at].reshape(-1)
    return out


def keys(variable: Variable) -> Mapping[str, Labels]:
    """Return the key columns of a variable, one entry a parameter, in C order.

    Levels keep their type; what does not apply is "".

    Examples
    --------
    >>> sd = Variable("sd_g", "ran_sd", "g", np.ones((4, 9, 1)), (("g_term", ("x",)),))
    >>> {k: v.tolist() for k, v in keys(sd).items() if v[0]}
    {'effect': ['ran_sd'], 'group': ['g'], 'term': ['x']}
    """
    count = math.prod(len(labels) for _, labels in variable.dims)
    columns: dict[str, Labels] = {k: _same("", count) for k in KEYS}
    columns["effect"] = _same(variable.effect, count)
    columns["group"] = _same(variable.group, count)
    columns["response"] = _same(variable.response, count)
    columns["dpar"] = _same(variable.dpar, count)
    labels = [values for _, values in variable.dims]
    match variable.effect:
        case "family":
            columns["term"] = _same(variable.term or variable.name, count)
        case "ran_cor" | "ran_loading":
            columns["term"] = _objects([pair[0] for pair in labels[0]])
            columns["term2"] = _objects([pair[1] for pair in labels[0]])
        case "ran_vals" | "ran_coefs":
            columns["level"] = np.repeat(_levels(labels[0]), len(labels[1]))
            columns["term"] = np.tile(_objects(labels[1]), len(labels[0]))
        case _:
            columns["term"] = _objects(labels[0])
    return columns


def check_effects(effects: Sequence[str] | str) -> tuple[str, ...]:
    """Return the kinds of parameters asked for, in the order given.

    Raises
    ------
    SettingsError
        For one that is not among `EFFECTS`.
    """
    wanted = (effects,) if isinstance(effects, str) else tuple(effects)
    for effect in wanted:
        if effect not in EFFECTS:
            raise SettingsError(f"no effect {effect!r}{suggest(str(effect), EFFECTS)}")
    return wanted


def _same(label: str, count: int) -> Labels:
    return np.full(count, label, dtype=object)


def _objects(labels: Sequence[Any]) -> Labels:
    out = np.empty(len(labels), dtype=object)
    out[:] = [str(label) for label in labels]
    return out


def _levels(labels: Sequence[Any]) -> Labels:
    """Return levels in their own type; text as Python strings, of any length."""
    array = np.asarray(labels)
    if array.dtype.kind not in "US" and array.ndim == 1:
        return array
    out = np.empty(len(labels), dtype=object)
    out[:] = [x.item() if isinstance(x, np.generic) else x for x in labels]
    return out
