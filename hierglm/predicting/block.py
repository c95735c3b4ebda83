"""Linear predictors, means, responses and log likelihoods of some rows, for all draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

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
from hierglm.predicting.mixtures import Mixture, tail_rule
from hierglm.predicting.rows import Averaged, Rows
from hierglm.results.pointwise import Flat, linear_predictor, scales_of, with_errors
from hierglm.results.products import thin_product

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows with the draws that they need.

    Attributes
    ----------
    rows : Rows
    flat : Flat
    averaged : mapping of int to Mixture
        The effects of a level taken at random, of the group terms that are averaged over.
    """

    rows: Rows
    flat: Flat
    averaged: Mapping[int, Mixture]

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
        if target == "response":
            covariance = self._drawn(rng)
            varying = _varying(covariance)
            if varying:
                etas = with_noise(etas, triangular(covariance, varying), varying, rng)
            eta = np.stack(etas, axis=-1) if family.categories else etas[0]
            return family.draw(rng, eta, self._scales(etas), self._trials)
        if all(len(m.shares) == 1 and m.freedom is None for m in self.averaged.values()):
            covariance = self._covariance({k: m.factors[0] for k, m in self.averaged.items()})
            return self._mean(etas, covariance, _varying(covariance), shift)
        self._refuse_infinite()
        total: Floats | float = 0.0
        for share, covariance in self._components():
            found = self._mean(etas, covariance, _varying(covariance), shift)
            total = total + np.reshape(share, (-1, *(1,) * (found.ndim - 1))) * found
        return np.asarray(total)

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
                own = {m.part.dpar: links[m.part.dpar].invert(eta)}
                scales |= with_errors(own, first.design) if m.part.dpar == "sigma" else own
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

    def _components(self) -> Iterator[tuple[Floats, dict[tuple[int, int], Floats]]]:
        """Yield the components of what is averaged over: shares (S,) or (1,), and covariances."""
        each = [
            [(k, share, factor) for share, factor in _parts(mixture)]
            for k, mixture in self.averaged.items()
        ]
        for chosen in product(*each):
            share = math.prod((s for _, s, _ in chosen), start=np.ones(1))
            yield share, self._covariance({k: factor for k, _, factor in chosen})

    def _drawn(self, rng: np.random.Generator) -> dict[tuple[int, int], Floats]:
        """Return covariances of rows each of which has drawn a level, and a weight of it."""
        size = (self.flat.size, len(self.rows.kept))
        out: dict[tuple[int, int], Floats] = {}
        for k, mixture in self.averaged.items():
            at = np.zeros(size, dtype=np.int64)
            if len(mixture.shares) > 1:
                ends = np.cumsum(mixture.shares)[:-1]
                at = np.searchsorted(ends, rng.random(size), side="right")
            weight: Floats | float = 1.0
            if mixture.freedom is not None:
                df = mixture.freedom[:, None]
                weight = rng.chisquare(df, size) / df
            for c, factor in enumerate(mixture.factors):
                for key, found in self._covariance({k: factor}).items():
                    own = np.where(at == c, found / weight, 0.0)
                    out[key] = out.get(key, 0.0) + own
        return out

    def _refuse_infinite(self) -> None:
        """Refuse means over effects whose exponential has none."""
        means = [a for a in self.rows.averaged if a.predictor == 0]
        family = self.rows.predictors[0].family
        heavy = any(self.averaged[a.number].freedom is not None for a in means)
        if heavy and (family.link.name == "log" or family.scale is LOG):
            raise SettingsError(
                f"groups='average': the mean of {family.name} responses over levels with Student "
                "t effects is infinite (the link is a logarithm); groups='zero' leaves the levels "
                "out"
            )

    def _covariance(self, factors: Mapping[int, Floats]) -> dict[tuple[int, int], Floats]:
        """Return what effects that are averaged over add to the predictors: their covariance.

        Of predictors (a, b), a >= b, shape (S, rows) each; `factors` are those of some terms.
        """
        out: dict[tuple[int, int], Floats] = {}
        for one in self.rows.averaged:
            for other in self.rows.averaged:
                key = one.predictor, other.predictor
                if one.number == other.number and one.number in factors and key[0] >= key[1]:
                    out[key] = out.get(key, 0.0) + _shared(one, other, factors[one.number])
        return out


def _parts(mixture: Mixture) -> Iterator[tuple[Floats, Floats]]:
    """Yield shares, shape (S,) or (1,), and factors of normal components."""
    if mixture.freedom is None:
        yield from zip(mixture.shares[:, None], mixture.factors, strict=True)
        return
    weights, nodes = tail_rule(mixture.freedom)
    for share, factor in zip(mixture.shares, mixture.factors, strict=True):
        for w, own in zip(weights, nodes, strict=True):
            yield share * own, factor / np.sqrt(w)[:, None, None]


def _varying(covariance: Mapping[tuple[int, int], Floats]) -> list[int]:
    return sorted(a for a, b in covariance if a == b)


def _shared(one: Averaged, other: Averaged, factor: Floats) -> Floats:
    """Return the covariance that a term gives two predictors, shape (S, rows)."""
    first, second = (factor[:, t.first : t.first + t.Z.shape[1]] for t in (one, other))
    each = (first @ second.swapaxes(1, 2)).reshape(len(first), -1)
    both = one.Z[:, :, None] * other.Z[:, None, :]
    both = both.reshape(len(both), -1)
    for weight in (one.weight, other.weight):
        if weight is not None:
            both = both * np.sqrt(weight)[:, None]
    # One product of matrices, whatever the number of effects; draws of a row side by side.
    found = thin_product(both, each.T).T
    # Rounding may leave less than nothing of a variance of 0.
    return np.maximum(found, 0.0) if one is other else np.asarray(found)
