"""What draws say of single levels: effects of known ones, the distribution of unknown ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.scales import correlation_factor, flat, place, scale
from hierglm.draws.several import covariance_draws, of_part
from hierglm.models import Model

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def level_values(effects: Variable, levels: Ints, size: int) -> Floats:
    """Return the effects of some levels, shape (size, levels, q), chains one behind the other.

    Parameters
    ----------
    effects : Variable
        Of kind "ran_vals"; where they are drawn late, one part of the levels is held at a time.
    levels : ndarray of int
        Positions, ascending.
    size : int
        Number of draws of all chains.
    """
    return effects.some(levels).reshape(size, len(levels), len(effects.dims[1][1]))


def level_factor(model: Model, number: int, draws: Draws) -> Floats:
    """Return the factor F of the covariance F F' of a level's effects, shape (S, q, rank).

    Parameters
    ----------
    model : Model
    number : int
        Position of the group term among ``model.groups``; its q effects are those of all its
        members.
    draws : Draws
    """
    if model.parts and model.joined[number].shared:
        _, sd, correlation = covariance_draws(model, model.joined[number], draws)
        return sd[:, :, None] * correlation_factor(correlation)
    return scale(*alone(model, number, draws))


def level_freedom(model: Model, number: int, draws: Draws) -> Floats | None:
    """Return the degrees of freedom of Student effects, shape (S,); None of normal ones.

    The arguments are those of `level_factor`.
    """
    if not model.groups[number].relation.student:
        return None
    groups, number, draws = alone(model, number, draws)
    found = flat(draws, f"df_{groups[number].group}")[:, place(groups, number, _freedoms)]
    return np.asarray(found[:, 0])


def alone(model: Model, number: int, draws: Draws) -> tuple[Sequence[Grouping], int, Draws]:
    """Return a term as one of the only predictor: all group terms, its position, the draws.

    It must not be shared by several.
    """
    if not model.parts:
        return model.groups, number, draws
    (member,) = model.joined[number].members
    own = model.parts[member.part]
    return own.design.groups, member.number, of_part(draws, own.part)


def _freedoms(grouping: Grouping) -> tuple[str, ...]:
    return ("df",) if grouping.relation.student else ()
