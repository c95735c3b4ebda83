"""The log likelihood of new rows of one or several responses, by their linear predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.laplace import RowDensity
from hierglm.models import Model
from hierglm.results.pointwise import Flat, scales_of, with_errors

Floats = NDArray[np.float64]

_STEP = 1e-3
"""Of a linear predictor, for differences; see `hierglm.adapting.laplace`."""


class OfResponse(Protocol):
    """The log likelihood of the rows of a response, by the columns that are its predictors'."""

    def __call__(self, eta: Floats) -> Floats:
        """Return it, shape (S,), for linear predictors side by side."""

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return derivative and information by each column, shape (S, columns)."""

    def repeated(self, count: int) -> OfResponse:
        """Return the same for linear predictors that come `count` times for each draw."""


@dataclass(frozen=True, slots=True)
class SeveralPredictors:
    """The log likelihood of rows of a response with several linear predictors.

    Attributes
    ----------
    predictors : tuple of Model
        That of the mean first, or one for each category but the first; designs have the rows.
    scales : mapping of str to ndarray
        The family's parameters that have no predictor, to be broadcast over (S, rows).
    """

    predictors: tuple[Model, ...]
    scales: Mapping[str, Floats]

    def __call__(self, eta: Floats) -> Floats:
        """Return the log likelihood, shape (S,), for predictors of shape (S, predictors rows)."""
        return np.asarray(np.sum(self._rows(self._divided(eta)), axis=1))

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return first derivatives and informations by each predictor, by differences.

        They only say where proposals come from, see `RowDensity.slopes`; what predictors of a row
        know of each other is left out.
        """
        etas = self._divided(eta)
        middle, score, information = self._rows(etas), [], []
        for k in range(len(etas)):
            low, high = (
                self._rows([*etas[:k], etas[k] + step, *etas[k + 1 :]]) for step in (-_STEP, _STEP)
            )
            score.append((high - low) / (2 * _STEP))
            information.append(np.maximum((2 * middle - low - high) / _STEP**2, 0.0))
        return np.concatenate(score, axis=1), np.concatenate(information, axis=1)

    def repeated(self, count: int) -> SeveralPredictors:
        """Return the same for linear predictors that come `count` times for each draw."""
        scales = {
            name: x if len(x) == 1 else np.repeat(x, count, axis=0)
            for name, x in self.scales.items()
        }
        return replace(self, scales=scales)

    def _divided(self, eta: Floats) -> list[Floats]:
        return np.split(eta, len(self.predictors), axis=1)

    def _rows(self, etas: Sequence[Floats]) -> Floats:
        first, *further = self.predictors
        family, response = first.family, first.design.response
        scales = dict(self.scales)
        if family.categories:
            eta = np.stack(etas, axis=-1)
        else:
            eta = etas[0]
            for m, value in zip(further, etas[1:], strict=True):
                scales[m.part.dpar] = m.link.invert(value)
            scales = with_errors(scales, first.design)
        found = family.log_density(response.values, eta, scales, response.trials)
        counts = 1.0 if response.weights is None else response.weights
        return np.asarray(found * (first.part.weight * counts))


@dataclass(frozen=True, slots=True)
class Together:
    """The log likelihood of rows of several responses.

    Attributes
    ----------
    responses : tuple of OfResponse
    ends : tuple of int
        Where the columns of each but the last end.
    """

    responses: tuple[OfResponse, ...]
    ends: tuple[int, ...]

    def __call__(self, eta: Floats) -> Floats:
        """Return the log likelihood, shape (S,), for all predictors side by side."""
        parts = zip(self.responses, self._divided(eta), strict=True)
        return np.asarray(sum(of(own) for of, own in parts))

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return first derivatives and informations, side by side."""
        parts = zip(self.responses, self._divided(eta), strict=True)
        score, information = zip(*(of.slopes(own) for of, own in parts), strict=True)
        return np.concatenate(score, axis=1), np.concatenate(information, axis=1)

    def repeated(self, count: int) -> Together:
        """Return the same for linear predictors that come `count` times for each draw."""
        return replace(self, responses=tuple(of.repeated(count) for of in self.responses))

    def _divided(self, eta: Floats) -> list[Floats]:
        return np.split(eta, self.ends, axis=1)


def density_of(model: Model, flat: Flat, some: slice) -> Together:
    """Return the log likelihood of the rows of a model, for some draws.

    Parameters
    ----------
    model : Model
        With the rows; their linear predictors stand side by side, predictor by predictor.
    flat : Flat
        Draws of the families' parameters.
    some : slice
        Which draws.
    """
    found: list[OfResponse] = []
    sizes = []
    for first in model.responses:
        predictors = model.predictors(first)
        design = first.design
        sizes.append(len(predictors) * design.rows)
        if len(predictors) > 1 or first.family.categories:
            own = _unmodelled(first, flat, some)
            found.append(SeveralPredictors(predictors, own))
            continue
        response, weights = design.response, design.response.weights
        if first.part.weight != 1:
            weights = first.part.weight * (np.ones(design.rows) if weights is None else weights)
        scales = scales_of(first, flat, some)
        found.append(RowDensity(first.family, response.values, scales, response.trials, weights))
    return Together(tuple(found), tuple(np.cumsum(sizes)[:-1].tolist()))


def _unmodelled(first: Model, flat: Flat, some: slice) -> dict[str, Floats]:
    """Return the parameters that have no predictor; known errors are joined with sigma later."""
    scales = {name: flat.values[name + first.part.rows][some][:, None] for name in first.scales}
    if first.family.thresholds:
        scales["Intercept"] = flat.values[f"Intercept{first.part.ending}"][some][:, None]
    return scales
