"""A level's own coefficients: the common coefficient plus the level's deviation, draw by draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws, Variable

Floats = NDArray[np.float64]


class LevelCoefficients(Variable):
    """Coefficients of levels that are added up when they are read, where wanted part by part.

    The attributes are those of `Variable`.
    """

    __slots__ = ("_common", "_deviations")
    _common: Floats
    _deviations: Variable

    def __init__(self, common: Floats, deviations: Variable) -> None:
        held: dict[str, Any] = {
            "name": f"coef_{deviations.name.removeprefix('r_')}",
            "effect": "ran_coefs",
            "group": deviations.group,
            "dims": deviations.dims,
            "response": deviations.response,
            "dpar": deviations.dpar,
            "term": "",
            "_common": common,
            "_deviations": deviations,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        return LevelCoefficients, (self._common, self._deviations)

    @property
    def values(self) -> Floats:
        """Draws, shape (chains, draws, levels, terms); read-only."""
        return self._added(self._deviations.values)

    def parts(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Yield levels and their draws, in the parts of the deviations."""
        for at, values in self._deviations.parts():
            yield at, self._added(values)

    def some(self, positions: NDArray[np.int64]) -> Floats:
        """Return the draws of some levels, ascending."""
        return self._added(self._deviations.some(positions))

    def _added(self, deviations: Floats) -> Floats:
        values = deviations + self._common
        values.flags.writeable = False
        return values


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
    common = np.zeros((draws.chains, draws.draws, 1, len(terms)))
    for variable in draws:
        if variable.effect != "fixed" or _predictor(variable) != _predictor(deviations):
            continue
        place = {label: i for i, label in enumerate(variable.dims[0][1])}
        for k, term in enumerate(terms):
            if term in place:
                common[:, :, 0, k] += variable.values[:, :, place[term]]
    return LevelCoefficients(common, deviations)


def _predictor(variable: Variable) -> tuple[str, str]:
    return variable.response, variable.dpar
