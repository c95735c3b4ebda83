"""Effects of new levels given any response: drawn about their mode, weighted to be exact.

For each draw of everything else the standardised effects are drawn from a t distribution about
the mode of their posterior, one of them from their prior, and weighted by posterior over
proposal. The mean weight is an unbiased estimate of the rows' likelihood with the effects
integrated out, so that draws of the rest weighted by it, with one of their proposals chosen by
weight, come from the exact joint posterior (Andrieu and Roberts 2009), however few proposals
there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.gaussian import backwards, log_determinant
from hierglm.draws.pareto import pareto_smoothed
from hierglm.families.family import Family

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PROPOSALS = 8
"""For each draw of the rest."""
_STEP = 1e-3
"""Of the linear predictor, for differences: in second ones, errors of 1e-10 and of 1e-6."""
_STEPS, _HALVINGS = 50, 20
_NEAR = 1e-8
"""What is left to gain in the log density where a mode counts as found."""


@dataclass(frozen=True, slots=True)
class RowDensity:
    """The log likelihood of rows as a function of their linear predictor.

    Attributes
    ----------
    family : Family
    y : ndarray, shape (rows,)
        The response.
    scales : mapping of str to ndarray
        The family's parameters, to be broadcast over (S, rows).
    trials, weights : ndarray, shape (rows,), or None
    """

    family: Family
    y: Floats
    scales: Mapping[str, Floats]
    trials: Floats | None
    weights: Floats | None

    def __call__(self, eta: Floats) -> Floats:
        """Return the log likelihood, shape (S,), for linear predictors of shape (S, rows).

        Terms that are the same for every linear predictor may be left out.
        """
        exponential = self.family.exponential
        if exponential is not None and not exponential.dispersion:
            rows = self.y * eta - self._counts * exponential.cumulant(eta)
        else:
            rows = self.family.log_density(self.y, eta, self.scales, self.trials)
        return np.asarray(np.sum(self._weighted(rows), axis=1))

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return first derivative and information of each row, shape (S, rows).

        Of a Gaussian response they are not asked for: its effects are normal.
        """
        family, exponential = self.family, self.family.exponential
        if family.slopes is not None:
            score = family.slopes.score(self.y, eta, self.scales, self.trials)
            information = family.slopes.information(eta, self.scales, self.trials)
        elif exponential is None:
            return self._by_differences(eta)
        else:
            score = self.y - self._counts * exponential.mean(eta)
            information = self._counts * exponential.variance(eta)
        return self._weighted(score), self._weighted(information)

    def repeated(self, count: int) -> RowDensity:
        """Return the same for linear predictors that come `count` times for each draw."""
        scales = {
            name: x if len(x) == 1 else np.repeat(x, count, axis=0)
            for name, x in self.scales.items()
        }
        return RowDensity(self.family, self.y, scales, self.trials, self.weights)

    def _by_differences(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return the same for a family that has no derivatives.

        They only say where proposals come from: weights are by the density itself, so that
        errors of the sixth digit cost nothing.
        """
        low, middle, high = (
            self.family.log_density(self.y, eta + step, self.scales, self.trials)
            for step in (-_STEP, 0.0, _STEP)
        )
        information = np.maximum((2 * middle - low - high) / _STEP**2, 0.0)
        return self._weighted((high - low) / (2 * _STEP)), self._weighted(information)

    @property
    def _counts(self) -> Any:
        return 1.0 if self.trials is None else self.trials

    def _weighted(self, rows: Floats) -> Floats:
        return rows if self.weights is None else rows * self.weights


@dataclass(frozen=True, slots=True)
class WeightedEffects:
    """Standardised effects, some proposals for each draw of everything else.

    Attributes
    ----------
    log_marginal : ndarray, shape (S,)
        Log density of the rows with the effects integrated out, estimated; see `RowDensity`.
    proposals : ndarray, shape (S, K, Q)
    log_weights : ndarray, shape (S, K)
        Posterior over proposal; their mean is 1 for each draw.
    """

    log_marginal: Floats
    proposals: Floats
    log_weights: Floats

    @property
    def khat(self) -> float:
        """Pareto's k-hat of the weights: above 0.7 the proposals are too far."""
        return pareto_smoothed(self.log_weights.reshape(-1))[1]

    def draw(self, at: Ints, rng: np.random.Generator) -> Floats:
        """Return one draw for each of some draws of the rest, shape (len(at), Q)."""
        # The largest of weight times a Gumbel variable: each by its probability.
        noise = rng.gumbel(size=(len(at), self.log_weights.shape[1]))
        chosen: Floats = self.proposals[at, np.argmax(self.log_weights[at] + noise, axis=1)]
        return chosen


def weighted_effects(
    density: RowDensity, eta: Floats, B: Floats, rng: np.random.Generator
) -> WeightedEffects:
    """Return weighted proposals of standardised effects v ~ N(0, I).

    Parameters
    ----------
    density : RowDensity
    eta : ndarray, shape (S, rows)
        Linear predictor without the effects.
    B : ndarray, shape (S, rows, Q)
        What one unit of a standardised effect adds to each row.
    rng : Generator
    """
    S, rows, Q = B.shape
    mode, factor = find_modes(density, eta, B)
    # Heavier tails than any posterior with a normal prior, but no heavier than they must be:
    # in many dimensions a t distribution with few degrees of freedom seldom hits.
    freedom = 4.0 + Q
    z = rng.standard_normal((S, PROPOSALS, Q))
    spread = rng.chisquare(freedom, (S, PROPOSALS - 1)) / freedom
    near = mode[:, None] + backwards(factor, z[:, 1:] / np.sqrt(spread)[:, :, None])
    # The first comes from the prior: a second mode is found too, and no weight is larger than
    # the likelihood times `PROPOSALS` (Hesterberg 1995).
    v = np.concatenate([z[:, :1], near], axis=1)
    squares = np.sum(((v - mode[:, None]) @ factor) ** 2, axis=2)
    log_t = _log_t(squares, freedom, Q) + log_determinant(factor)[:, None]
    prior = -0.5 * np.sum(v**2, axis=2) - 0.5 * Q * np.log(2 * np.pi)
    proposed = np.logaddexp(prior, np.log(PROPOSALS - 1) + log_t) - np.log(PROPOSALS)
    every = (eta[:, None] + v @ np.swapaxes(B, 1, 2)).reshape(-1, rows)
    likelihood = density.repeated(PROPOSALS)(every).reshape(S, PROPOSALS)
    ratios = likelihood + prior - proposed
    log_marginal = np.logaddexp.reduce(ratios, axis=1) - np.log(PROPOSALS)
    return WeightedEffects(log_marginal, v, ratios - log_marginal[:, None])


def find_modes(density: RowDensity, eta: Floats, B: Floats) -> tuple[Floats, Floats]:
    """Return the mode of the standardised effects, and the Cholesky factor of the precision there.

    Newton's method with steps halved where they go down, all draws at once.

    Parameters
    ----------
    density, eta, B
        See `weighted_effects`.

    Returns
    -------
    ndarray, shape (S, Q), and ndarray, shape (S, Q, Q)
    """
    S, _, Q = B.shape
    transposed = np.swapaxes(B, 1, 2)
    v = np.zeros((S, Q))
    moved, value = eta, density(eta)
    for _ in range(_STEPS):
        score, information = density.slopes(moved)
        uphill = (transposed @ score[:, :, None])[:, :, 0] - v
        M = np.eye(Q) + transposed @ (information[:, :, None] * B)
        step = np.linalg.solve(M, uphill[:, :, None])[:, :, 0]
        gain = np.sum(step * uphill, axis=1)
        if gain.max() < _NEAR:
            break
        for _ in range(_HALVINGS):
            there = v + step
            moved = eta + (B @ there[:, :, None])[:, :, 0]
            found = density(moved) - 0.5 * np.sum(there**2, axis=1)
            down = ~(found >= value - _NEAR)
            if not down.any():
                break
            step = np.where(down[:, None], 0.5 * step, step)
        v, value = there, found
    return v, np.asarray(np.linalg.cholesky(M), dtype=np.float64)


def _log_t(squares: Floats, freedom: float, Q: int) -> Floats:
    """Return the log density of a t distribution with unit scale at a squared distance."""
    from scipy.special import gammaln

    constant = gammaln(0.5 * (freedom + Q)) - gammaln(0.5 * freedom)
    spread = 0.5 * Q * np.log(freedom * np.pi)
    return np.asarray(constant - spread - 0.5 * (freedom + Q) * np.log1p(squares / freedom))
