"""Weights of whole levels: what ``weights={"taskA": 2.0}`` does to the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.errors import DataError, SettingsError, suggest

_SHOWN = 4
"""Weights that a note lists."""


def weigh(design: Design, weights: Mapping[Any, Any]) -> Design:
    """Return a design whose rows count as often as their levels weigh.

    The log likelihood of a row is multiplied by the weights of its levels, beside the row's
    own weight where the formula has ``weights(w)``.

    Parameters
    ----------
    design : Design
    weights : mapping
        Of level to weight where there is one grouping factor, ``{"taskA": 2.0}``; else, or
        as well, by factor: ``{"school": {"A": 2.0}}``.

    Raises
    ------
    SettingsError
        For a factor that the formula does not group by, or a weight that is no number from 0
        up.
    DataError
        For a level that is not in the data.
    """
    named = _by_factor(design, weights)
    row: NDArray[np.float64] = np.ones(design.rows)
    for group, given in named.items():
        grouping = next(g for g in design.groups if g.group == group)
        if grouping.relation.members is not None:
            raise SettingsError(
                f"{grouping.source}: rows belong to several levels, and have no weight of one"
            )
        # New levels have index -1, and weigh 1.
        row = row * np.append(_by_level(grouping, given), 1.0)[grouping.index]
    own = design.response.weights
    row = row if own is None else own * row
    if not (row > 0).any():
        raise DataError("every row weighs 0: no row would count")
    row.flags.writeable = False
    notes = tuple(_note(group, given) for group, given in named.items() if given)
    return replace(
        design,
        response=replace(design.response, weights=row),
        level_weights=named,
        notes=(*design.notes, *notes),
    )


def _by_factor(design: Design, weights: Mapping[Any, Any]) -> dict[str, dict[Any, float]]:
    """Return weights by grouping factor and level, checked."""
    if not isinstance(weights, Mapping):
        raise SettingsError(f"weights is a mapping of level to weight, not {weights!r}")
    known = list(dict.fromkeys(g.group for g in design.groups))
    if not known:
        raise SettingsError("weights by level need a group term such as (1 | task)")
    nested = [isinstance(value, Mapping) for value in weights.values()]
    if all(nested):
        for group in weights:
            if group not in known:
                raise SettingsError(f"weights: no grouping factor {group!r}{_near(group, known)}")
        return {g: {k: _number(k, w) for k, w in given.items()} for g, given in weights.items()}
    if any(nested):
        raise SettingsError("weights are either by level, or by factor and level; found both")
    if len(known) > 1:
        raise SettingsError(
            f"several grouping factors, {', '.join(map(repr, known))}: give weights by factor, "
            f"weights={{{known[0]!r}: {{level: weight}}}}"
        )
    return {known[0]: {k: _number(k, w) for k, w in weights.items()}}


def _by_level(grouping: Grouping, given: Mapping[Any, float]) -> NDArray[np.float64]:
    place = {level: i for i, level in enumerate(grouping.levels.tolist())}
    out = np.ones(len(place))
    for level, weight in given.items():
        if level not in place:
            raise DataError(
                f"weights: {grouping.group} has no level {level!r}{_near(level, list(place))}"
            )
        out[place[level]] = weight
    return out


def _number(level: Any, weight: Any) -> float:
    wrong = isinstance(weight, bool | str)
    try:
        value = math.nan if wrong else float(weight)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SettingsError(f"the weight of {level!r} must be a number from 0 up, not {weight!r}")
    return value


def _near(name: Any, known: list[Any]) -> str:
    same = [k for k in known if str(k) == str(name)]
    if same:
        # A number given as text, or the other way round.
        return f"; did you mean {same[0]!r}?"
    return suggest(str(name), [str(k) for k in known])


def _note(group: str, given: Mapping[Any, float]) -> str:
    shown = ", ".join(f"{level} {weight:g}" for level, weight in list(given.items())[:_SHOWN])
    more = f" and {len(given) - _SHOWN} more" if len(given) > _SHOWN else ""
    return f"weights by {group}: {shown}{more}; other levels 1"
