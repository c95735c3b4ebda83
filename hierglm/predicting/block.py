"""Linear predictors, means, responses and log likelihoods of some rows, for all draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError
from hierglm.families.categorical import probabilities
from hierglm.families.links import LOG
from hierglm.predicting.asked import Target
from hierglm.predicting.averages import (
    averaged_categories,
    averaged_mean,
    averaged_value,
    mean_moves_with,
    triangular,
    with_noise,
)
from hierglm.predicting.rows import Averaged, Rows
from hierglm.results.pointwise import Flat, linear_predictor, scales_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows with the draws that they need.

    Attributes
    ----------
    rows : Rows
    flat : Flat
    factors : mapping of int to ndarray, shape (S, q, rank)
        Of the covariances of the group terms that are averaged over.
    """

    rows: Rows
    flat: Flat
    factors: Mapping[int, Floats]

    def values(self, target: Target, rng: np.random.Generator, shift: Floats) -> Floats:
        """Return the draws of a target, shape (S, rows) or (S, rows, categories).

        Parameters
        ----------
        target : {"mean", "linear", "response"}
        rng : Generator
            Of responses.
        shift : ndarray, shape (S, predictors)
            See `hierglm.predicting.averages.averaged_value`.
        """
        etas = self._etas()
        family = self.rows.predictors[0].family
        if target == "linear":
            return np.stack(etas, axis=-1) if family.categories else etas[0]
        covariance = self._covariance()
        varying = sorted(a for a, b in covariance if a == b)
        if target == "response":
            if varying:
                etas = with_noise(etas, triangular(covariance, varying), varying, rng)
            eta = np.stack(etas, axis=-1) if family.categories else etas[0]
            return family.draw(rng, eta, self._scales(etas), self._trials)
        return self._mean(etas, covariance, varying, shift)

    def log_likelihood(self) -> Floats:
        """Return the log likelihood of the rows, shape (S, rows), each times its weight."""
        etas, model = self._etas(), self.rows.predictors[0]
        response, family = model.design.response, model.family
        eta = np.stack(etas, axis=-1) if family.categories else etas[0]
        found = family.log_density(response.values, eta, self._scales(etas), self._trials)
        counts = 1.0 if response.weights is None else response.weights
        return np.asarray(found * (model.part.weight * counts))

    def _etas(self) -> list[Floats]:
        return [
            linear_predictor(m.design, self.flat, slice(None), m.part.ending)
            for m in self.rows.predictors
        ]

    @property
    def _trials(self) -> Floats | None:
        return self.rows.predictors[0].design.response.trials

    def _scales(self, etas: Sequence[Floats]) -> dict[str, Floats]:
        """Return the parameters of the family, each to be broadcast over (draws, rows)."""
        first, *further = self.rows.predictors
        scales = scales_of(first, self.flat, slice(None))
        if not first.family.categories:
            links = {p.name: p.link for p in first.family.parameters}
            for m, eta in zip(further, etas[1:], strict=True):
                scales[m.part.dpar] = links[m.part.dpar].invert(eta)
        return scales

    def _at(self, etas: Sequence[Floats]) -> Floats:
        """Return the mean at linear predictors; of ordered categories their probabilities."""
        family = self.rows.predictors[0].family
        if family.categories:
            return probabilities(np.stack(etas, axis=-1))
        scales = self._scales(etas)
        if family.thresholds:
            nothing = np.zeros((1, 1))
            return averaged_categories(family, etas[0], scales["Intercept"], nothing)
        mean = family.mean(etas[0], scales, self._trials)
        return np.broadcast_to(mean, np.broadcast_shapes(mean.shape, etas[0].shape))

    def _mean(
        self,
        etas: list[Floats],
        covariance: Mapping[tuple[int, int], Floats],
        varying: Sequence[int],
        shift: Floats,
    ) -> Floats:
        """Return the mean, averaged over what varies."""
        first, *further = self.rows.predictors
        family = first.family
        if not family.categories:
            dpars = ["", *(m.part.dpar for m in further)]
            varying = [k for k in varying if not k or mean_moves_with(family, dpars[k])]
            if family.scale is LOG and any(varying):
                raise SettingsError(
                    f"groups='average': the mean of {family.name} responses over levels with "
                    "different sigma is infinite (log sigma is normal); groups='zero' leaves the "
                    "levels out"
                )
        if not varying:
            return self._at(etas)
        if varying == [0] and not family.categories:
            variance = covariance[0, 0]
            if family.thresholds:
                thresholds = self._scales(etas)["Intercept"]
                return averaged_categories(family, etas[0], thresholds, variance)
            if not family.truncated:
                return averaged_mean(
                    family, lambda eta: self._at([eta, *etas[1:]]), etas[0], variance
                )
        factor = triangular(covariance, varying)
        return averaged_value(self._at, etas, factor, varying, shift[:, : len(varying)])

    def _covariance(self) -> dict[tuple[int, int], Floats]:
        """Return what effects that are averaged over add to the predictors: their covariance.

        Of predictors (a, b), a >= b, shape (S, rows) each.
        """
        out: dict[tuple[int, int], Floats] = {}
        for one in self.rows.averaged:
            for other in self.rows.averaged:
                key = one.predictor, other.predictor
                if one.number == other.number and key[0] >= key[1]:
                    out[key] = out.get(key, 0.0) + self._shared(one, other)
        return out

    def _shared(self, one: Averaged, other: Averaged) -> Floats:
        """Return the covariance that a term gives two predictors, shape (S, rows)."""
        first, second = (self._factor(term) for term in (one, other))
        each = (first @ second.swapaxes(1, 2)).reshape(len(first), -1)
        both = one.Z[:, :, None] * other.Z[:, None, :]
        both = both.reshape(len(both), -1)
        for weight in (one.weight, other.weight):
            if weight is not None:
                both = both * np.sqrt(weight)[:, None]
        # One product of matrices, whatever the number of effects.
        found = each @ both.T
        # Rounding may leave less than nothing of a variance of 0.
        return np.maximum(found, 0.0) if one is other else np.asarray(found)

    def _factor(self, term: Averaged) -> Floats:
        """Return the rows of a term's factor that act on a predictor, shape (S, q, rank)."""
        return self.factors[term.number][:, term.first : term.first + term.Z.shape[1]]
