"""Weights of whole levels: what ``weights={"taskA": 2.0}`` does to the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.errors import DataError, SettingsError, first_of, suggest

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
    ((found,),) = weigh_each([[design]], weights)
    return found


def weigh_each(
    responses: Sequence[Sequence[Design]], weights: Mapping[Any, Any]
) -> list[list[Design]]:
    """Return designs of several responses whose rows count as often as their levels weigh.

    A weight is that of a level in every response: all that it has rows of counts so often.

    Parameters
    ----------
    responses : sequence of sequences of Design
        For each response its linear predictors, which have the same rows.
    weights : mapping
        See `weigh`. A factor is known where any predictor varies over it.

    Raises
    ------
    SettingsError, DataError
        See `weigh`; also for a response all of whose rows weigh 0.
    """
    factors = [_factors(designs) for designs in responses]
    named = _by_factor(list(dict.fromkeys(g for own in factors for g in own)), weights)
    for group, given in named.items():
        known = [own[group] for own in factors if group in own]
        for grouping in known:
            if grouping.relation.members is not None:
                raise SettingsError(
                    f"{grouping.source}: rows belong to several levels, and have no weight of one"
                )
        levels = list(dict.fromkeys(x for g in known for x in g.levels.tolist()))
        for level in given:
            if level not in levels:
                raise DataError(f"weights: {group} has no level {level!r}{_near(level, levels)}")
    notes = tuple(_note(group, given) for group, given in named.items() if given)
    return [
        [_weighed(d, own, named, notes) for d in designs]
        for designs, own in zip(responses, factors, strict=True)
    ]


def weigh_again(design: Design, weights: Mapping[str, Mapping[Any, float]]) -> Design:
    """Return new rows weighed as others were, by the grouping factors that they have.

    Parameters
    ----------
    design : Design
        The new rows.
    weights : mapping
        By factor and level, as they are kept in ``Design.level_weights``.
    """
    notes = tuple(_note(group, given) for group, given in weights.items() if given)
    return _weighed(design, _factors([design]), weights, notes)


def _factors(designs: Sequence[Design]) -> dict[str, Grouping]:
    """Return a group term of each grouping factor of a response."""
    out: dict[str, Grouping] = {}
    for grouping in (g for design in designs for g in design.groups):
        out.setdefault(grouping.group, grouping)
    return out


def _weighed(
    design: Design,
    factors: Mapping[str, Grouping],
    named: Mapping[str, Mapping[Any, float]],
    notes: tuple[str, ...],
) -> Design:
    if named and not any(group in factors for group in named):
        return replace(design, level_weights=named)
    row: NDArray[np.float64] = np.ones(design.rows)
    for group, given in named.items():
        if group in factors:
            # New levels have index -1, and weigh 1.
            by_level = np.append(_by_level(factors[group], given), 1.0)
            row = row * by_level[factors[group].index]
    own = design.response.weights
    row = row if own is None else own * row
    if not (row > 0).any():
        raise DataError(f"every row of {design.response.label!r} weighs 0: no row would count")
    row.flags.writeable = False
    return replace(
        design,
        response=replace(design.response, weights=row),
        level_weights=named,
        notes=(*design.notes, *notes),
    )


def _by_factor(known: Sequence[str], weights: Mapping[Any, Any]) -> dict[str, dict[Any, float]]:
    """Return weights by grouping factor and level, checked."""
    if not isinstance(weights, Mapping):
        raise SettingsError(f"weights is a mapping of level to weight, not {weights!r}")
    if not known:
        raise SettingsError("weights by level need a group term such as (1 | task)")
    nested = [isinstance(value, Mapping) for value in weights.values()]
    if all(nested):
        for group in weights:
            if group not in known:
                near = _near(group, list(known))
                raise SettingsError(f"weights: no grouping factor {group!r}{near}")
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
    return np.array([given.get(level, 1.0) for level in grouping.levels.tolist()])


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
    shown = first_of([f"{level} {weight:g}" for level, weight in given.items()], _SHOWN)
    return f"weights by {group}: {shown}; other levels 1"
