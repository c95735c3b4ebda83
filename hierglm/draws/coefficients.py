"""A level's own coefficients: the common coefficient plus the level's deviation, draw by draw."""

from __future__ import annotations

import numpy as np

from hierglm.draws.draws import Draws, Variable


def coefficients(draws: Draws, deviations: Variable) -> Variable:
    """Return the coefficients of every level of a group.

    Parameters
    ----------
    draws : Draws
        Holds the common coefficients.
    deviations : Variable
        The group's effects, ``draws["r_school"]``.

    Returns
    -------
    Variable
        Of effect "ran_coefs", with the same levels and terms. A term that has no common
        coefficient varies about 0.
    """
    terms = deviations.dims[1][1]
    common = np.zeros((*deviations.values.shape[:2], 1, len(terms)))
    for variable in draws:
        if variable.effect != "fixed" or _predictor(variable) != _predictor(deviations):
            continue
        place = {label: i for i, label in enumerate(variable.dims[0][1])}
        for k, term in enumerate(terms):
            if term in place:
                common[:, :, 0, k] += variable.values[:, :, place[term]]
    values = deviations.values + common
    values.flags.writeable = False
    name = f"coef_{deviations.name.removeprefix('r_')}"
    group, dims = deviations.group, deviations.dims
    return Variable(name, "ran_coefs", group, values, dims, *_predictor(deviations))


def _predictor(variable: Variable) -> tuple[str, str]:
    return variable.response, variable.dpar
