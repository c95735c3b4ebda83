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
from typing import Any, Protocol

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
        """Return first derivative and information of each row, shape (S, rows)."""
        family, exponential = self.family, self.family.exponential
        if family.slopes is not None:
            score = family.slopes.score(self.y, eta, self.scales, self.trials)
            information = family.slopes.information(eta, self.scales, self.trials)
        elif exponential is None:
            return self._by_differences(eta)
        else:
            spread = self.scales["sigma"] ** 2 if exponential.dispersion else 1.0
            score = (self.y - self._counts * exponential.mean(eta)) / spread
            information = self._counts * exponential.variance(eta) / spread
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


class Likelihood(Protocol):
    """A log likelihood as a function of linear predictors, such as `RowDensity`."""

    def __call__(self, eta: Floats) -> Floats:
        """Return it, shape (S,), for linear predictors of shape (S, rows)."""

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return first derivative and information by each row, shape (S, rows)."""

    def repeated(self, count: int) -> Likelihood:
        """Return the same for linear predictors that come `count` times for each draw."""


@dataclass(frozen=True, slots=True)
class Prior:
    """The prior of standardised effects: standard normal, some of them Student t.

    Attributes
    ----------
    tails : tuple of (slice, ndarray of shape (S,))
        Effects that are multivariate t together, and their degrees of freedom.
    """

    tails: tuple[tuple[slice, Floats], ...] = ()

    def draw(self, S: int, Q: int, rng: np.random.Generator) -> Floats:
        """Return a draw for each of S draws of the rest, shape (S, Q)."""
        v = rng.standard_normal((S, Q))
        for own, df in self.tails:
            v[:, own] *= np.sqrt(df / rng.chisquare(df))[:, None]
        return v

    def log_density(self, v: Floats) -> Floats:
        """Return the log density, shape (S, ...) for effects of shape (S, ..., Q)."""
        normal = np.ones(v.shape[-1], dtype=bool)
        total = np.zeros(v.shape[:-1])
        for own, df in self.tails:
            normal[own] = False
            freedom = df.reshape(-1, *(1,) * (v.ndim - 2))
            squares = np.sum(v[..., own] ** 2, axis=-1)
            total += _log_t(squares, freedom, own.stop - own.start)
        count = int(normal.sum())
        squares = np.sum(v[..., normal] ** 2, axis=-1)
        return np.asarray(total - 0.5 * squares - 0.5 * count * np.log(2 * np.pi))

    def precision(self, v: Floats) -> Floats:
        """Return the precision of the normal distribution that is closest at v, shape (S, Q).

        That is 1; of t effects that of the mixture's weight given v, by which steps of an EM
        algorithm go uphill (Lange, Little and Taylor 1989).
        """
        out = np.ones(v.shape)
        for own, df in self.tails:
            q = own.stop - own.start
            out[:, own] = ((df + q) / (df + np.sum(v[:, own] ** 2, axis=1)))[:, None]
        return out


NORMAL = Prior()


def weighted_effects(
    density: Likelihood, eta: Floats, B: Floats, rng: np.random.Generator, prior: Prior = NORMAL
) -> WeightedEffects:
    """Return weighted proposals of standardised effects v ~ N(0, I).

    Parameters
    ----------
    density : Likelihood
    eta : ndarray, shape (S, rows)
        Linear predictor without the effects.
    B : ndarray, shape (S, rows, Q)
        What one unit of a standardised effect adds to each row.
    rng : Generator
    prior : Prior
        Of effects some of which are Student t.
    """
    S, rows, Q = B.shape
    mode, factor = find_modes(density, eta, B, prior)
    # Heavier tails than any posterior with a normal prior, but no heavier than they must be:
    # in many dimensions a t distribution with few degrees of freedom seldom hits.
    freedom = np.full((S, 1), 4.0 + Q)
    for _, df in prior.tails:
        freedom = np.minimum(freedom, df[:, None])
    z = rng.standard_normal((S, PROPOSALS - 1, Q))
    spread = rng.chisquare(freedom, (S, PROPOSALS - 1)) / freedom
    near = mode[:, None] + backwards(factor, z / np.sqrt(spread)[:, :, None])
    # The first comes from the prior: a second mode is found too, and no weight is larger than
    # the likelihood times `PROPOSALS` (Hesterberg 1995).
    v = np.concatenate([prior.draw(S, Q, rng)[:, None], near], axis=1)
    squares = np.sum(((v - mode[:, None]) @ factor) ** 2, axis=2)
    log_t = _log_t(squares, freedom, Q) + log_determinant(factor)[:, None]
    before = prior.log_density(v)
    proposed = np.logaddexp(before, np.log(PROPOSALS - 1) + log_t) - np.log(PROPOSALS)
    every = (eta[:, None] + v @ np.swapaxes(B, 1, 2)).reshape(-1, rows)
    likelihood = density.repeated(PROPOSALS)(every).reshape(S, PROPOSALS)
    ratios = likelihood + before - proposed
    log_marginal = np.logaddexp.reduce(ratios, axis=1) - np.log(PROPOSALS)
    return WeightedEffects(log_marginal, v, ratios - log_marginal[:, None])


def find_modes(
    density: Likelihood, eta: Floats, B: Floats, prior: Prior = NORMAL
) -> tuple[Floats, Floats]:
    """Return the mode of the standardised effects, and the Cholesky factor of the precision there.

    Newton's method with steps halved where they go down, all draws at once.

    Parameters
    ----------
    density, eta, B, prior
        See `weighted_effects`.

    Returns
    -------
    ndarray, shape (S, Q), and ndarray, shape (S, Q, Q)
    """
    S, _, Q = B.shape
    transposed = np.swapaxes(B, 1, 2)
    v = np.zeros((S, Q))
    moved, value = eta, density(eta) + prior.log_density(v)
    for _ in range(_STEPS):
        score, information = density.slopes(moved)
        pull = prior.precision(v)
        uphill = (transposed @ score[:, :, None])[:, :, 0] - pull * v
        M = pull[:, :, None] * np.eye(Q) + transposed @ (information[:, :, None] * B)
        step = np.linalg.solve(M, uphill[:, :, None])[:, :, 0]
        gain = np.sum(step * uphill, axis=1)
        if gain.max() < _NEAR:
            break
        for _ in range(_HALVINGS):
            there = v + step
            moved = eta + (B @ there[:, :, None])[:, :, 0]
            found = density(moved) + prior.log_density(there)
            down = ~(found >= value - _NEAR)
            if not down.any():
                break
            step = np.where(down[:, None], 0.5 * step, step)
        v, value = there, found
    return v, np.asarray(np.linalg.cholesky(M), dtype=np.float64)


def _log_t(squares: Floats, freedom: Floats, Q: int) -> Floats:
    """Return the log density of a t distribution with unit scale at a squared distance."""
    from scipy.special import gammaln

    constant = gammaln(0.5 * (freedom + Q)) - gammaln(0.5 * freedom)
    spread = 0.5 * Q * np.log(freedom * np.pi)
    return np.asarray(constant - spread - 0.5 * (freedom + Q) * np.log1p(squares / freedom))
