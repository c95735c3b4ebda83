"""Draws moved to where the posterior without a unit is: implicitly adaptive importance sampling.

Paananen, Piironen, Bürkner and Vehtari (2021), "Implicitly adaptive importance sampling",
Statistics and Computing 31, 16; step by step as the R package loo's ``loo_moment_match``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.pareto import log_sum, pareto_smoothed

Floats = NDArray[np.float64]
At = Callable[[Floats], tuple[Floats, Floats]]

MOST = 30
"""Moves in all."""
_FEW = 10
"""Draws a coordinate from which on covariances are matched."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Draws that have been moved, and weighted.

    Attributes
    ----------
    log_density : ndarray, shape (S,)
        Of the unit, at each draw.
    log_weights : ndarray, shape (S,)
        Towards the posterior without the unit; normalised.
    khat : float
        Pareto's k-hat: the larger of that of all draws moved (which the package loo reports) and
        that of half of them.
    moves : int
        How many there were.
    """

    log_density: Floats
    log_weights: Floats
    khat: float
    moves: int

    @property
    def elpd(self) -> float:
        """Log density of the unit given all others."""
        return float(log_sum(self.log_density + self.log_weights))

    @property
    def ess(self) -> float:
        """How many draws the weighted ones are worth."""
        return float(np.exp(-log_sum(2 * self.log_weights)))


def matched(x: Floats, at: At, limit: float, efficiency: float = 1.0) -> Matched:
    """Return draws of the posterior, moved until they can be weighted to that without a unit.

    All draws are moved together, to the weighted mean, then also to the weighted variances, then
    covariances; a move stays where k-hat falls. Then half of the draws are moved by all that,
    and weighted against the mixture of both halves.

    Parameters
    ----------
    x : ndarray, shape (S, d)
        Draws of the whole posterior, on a scale without bounds; each coordinate varies.
    at : callable
        From such draws to the log density of everything but the unit, and that of the unit
        given it, shape (S,) each. Their sum is the posterior's, up to a constant.
    limit : float
        The k-hat below which it ends.
    efficiency : float
        See `hierglm.draws.pareto.pareto_smoothed`.

    Returns
    -------
    Matched

    Examples
    --------
    A normal mean with a unit normal prior and one observation of 4, left out:

    >>> x = np.random.default_rng(1).normal(2, 0.5**0.5, size=(4000, 1))
    >>> def at(x):
    ...     prior = -0.5 * x[:, 0] ** 2
    ...     return prior, -0.5 * (4 - x[:, 0]) ** 2 - 0.5 * np.log(2 * np.pi)
    >>> found = matched(x, at, 0.7)
    >>> exact = -0.25 * 4**2 - 0.5 * np.log(4 * np.pi)
    >>> found.khat < 0.7, bool(round(found.elpd - exact, 1) == 0)
    (True, True)
    """
    rest, unit = at(x)
    before = rest + unit
    weights, khat = pareto_smoothed(-unit, efficiency)
    moved, done, moves, within = x, np.ones(x.shape[1]), 0, len(x) >= _FEW * x.shape[1]
    while moves < MOST and khat > limit:
        for by in _moves(moved, np.exp(weights), within):
            new = _moved(moved, by, moved.mean(axis=0), np.exp(weights) @ moved)
            new_rest, new_unit = at(new)
            found, own = pareto_smoothed(_ratios(new_rest - before), efficiency)
            if own < khat:
                moved, weights, khat, unit = new, found, own, new_unit
                done, moves = _after(by, done), moves + 1
                break
        else:
            break
    if not moves:
        return Matched(unit, weights, khat, 0)
    return _split(x, moved, done, at, efficiency, khat, moves)


def _moves(x: Floats, weights: Floats, within: bool) -> Iterator[Floats]:
    """Yield by what draws about their mean are multiplied, the simplest first."""
    yield np.ones(x.shape[1])
    size, mean = len(x), weights @ x
    centred = x - mean
    yield np.sqrt(weights @ centred**2 * size / (size - 1) / x.var(axis=0, ddof=1))
    if not within:
        return
    covariance = (weights[:, None] * centred).T @ centred / (1 - np.sum(weights**2))
    try:
        new = np.linalg.cholesky(covariance)
        old = np.linalg.cholesky(np.atleast_2d(np.cov(x.T)))
    except np.linalg.LinAlgError:
        return
    yield np.linalg.solve(old.T, new.T).T


def _split(
    x: Floats, moved: Floats, by: Floats, at: At, efficiency: float, khat: float, moves: int
) -> Matched:
    """Return the draws half of which have moved, weighted against both halves together."""
    half = len(x) // 2
    back = np.asarray(1 / by if by.ndim == 1 else np.linalg.inv(by), dtype=np.float64)
    mixed = np.concatenate([moved[:half], x[half:]])
    # Where these would have come from, had the other half been moved.
    origin = np.concatenate([x[:half], _moved(x[half:], back, moved.mean(axis=0), x.mean(axis=0))])
    log_size = np.log(by).sum() if by.ndim == 1 else np.linalg.slogdet(by)[1]
    rest, unit = at(mixed)
    here, there = rest + unit, np.add(*at(origin)) - log_size
    weights, own = pareto_smoothed(_ratios(rest - np.logaddexp(here, there)), efficiency)
    return Matched(unit, weights, max(khat, own), moves)


def _moved(x: Floats, by: Floats, start: Floats, end: Floats) -> Floats:
    away = x - start
    return np.asarray(end + (away * by if by.ndim == 1 else away @ by.T))


def _after(by: Floats, done: Floats) -> Floats:
    """Return what two moves do after each other; one dimension stands for a diagonal."""
    if by.ndim == 1:
        return by * done if done.ndim == 1 else by[:, None] * done
    return np.asarray(by * done if done.ndim == 1 else by @ done)


def _ratios(log_ratios: Floats) -> Floats:
    """Return log ratios in which draws that have no density weigh nothing."""
    return np.where(np.isnan(log_ratios), -np.inf, log_ratios)
