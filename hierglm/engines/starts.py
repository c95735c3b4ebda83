"""Where chains start: about the place that a program comes with, each somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.program.fragment import Place, Program

Floats = NDArray[np.float64]

APART = 2.0
"""Chains start up to so many sds from the centre, as far as Stan's own do where the posterior
has sd 1, so that R-hat can tell whether they have met."""


def starting_values(program: Program, chains: int, seed: int) -> list[dict[str, Any]]:
    """Return starting values of each chain, on the parameters' own scales.

    Parameters
    ----------
    program : Program
        With a start.
    chains : int
        How many.
    seed : int

    Returns
    -------
    list of dict
        By Stan name, as Stan reads them from JSON; empty where the place is none.
    """
    sizes = [len(place.spread) for place in program.start.values()]
    apart = np.random.default_rng(seed).uniform(-APART, APART, (chains, sum(sizes)))
    ends = np.cumsum(sizes)[:-1]
    found = [
        {
            name: _MOVES[place.support](place, place.spread * step)
            for (name, place), step in zip(
                program.start.items(), np.split(steps, ends), strict=True
            )
        }
        for steps in apart
    ]
    finite = all(np.isfinite(value).all() for values in found for value in values.values())
    return found if finite else []


def inverse_metric(program: Program) -> Floats:
    """Return the inverse metric that a program's start tells, shape (unconstrained elements,)."""
    return np.concatenate([place.spread for place in program.start.values()]) ** 2


def _real(place: Place, step: Floats) -> Any:
    value = np.asarray(place.value, dtype=np.float64)
    return value + place.unit * step.reshape(value.shape, order="F")


def _positive(place: Place, step: Floats) -> Any:
    low = place.bounds[0]
    above = np.asarray(place.value) - low
    return low + above * np.exp(step.reshape(np.shape(place.value)))


def _bounded(place: Place, step: Floats) -> Any:
    """Move the logit of the share of its range."""
    low, high = place.bounds
    share = (np.asarray(place.value, dtype=np.float64) - low) / (high - low)
    logit = np.log(share / (1 - share)) + step.reshape(share.shape, order="F")
    return low + (high - low) / (1 + np.exp(-logit))


def _simplex(place: Place, step: Floats) -> Any:
    """Move the logarithms of all shares but the last, against the last."""
    moved = np.asarray(place.value) * np.exp(np.append(step, 0.0))
    return moved / moved.sum()


def _ordered(place: Place, step: Floats) -> Any:
    """Move the first, and the logarithms of the gaps."""
    first, gaps = np.asarray(place.value)[:1], np.diff(place.value)
    return np.cumsum(np.append(first + step[:1], gaps * np.exp(step[1:])))


def _correlation(place: Place, step: Floats) -> Any:
    """Move a Cholesky factor along Stan's unconstrained scale, row by row.

    That is atanh of L[i, j] over the length of row i from j on (Stan Reference Manual,
    "Cholesky factors of correlation matrices").
    """
    L = np.array(place.value, dtype=np.float64)
    if L.ndim == 3:
        # One factor for each stratum of levels, one after the other.
        each = zip(L, np.split(step, len(L)), strict=True)
        return np.stack([_correlation(replace(place, value=one), own) for one, own in each])
    steps = iter(step)
    for i in range(1, len(L)):
        left = left_before = 1.0
        for j in range(i):
            partial = L[i, j] / np.sqrt(left_before)
            left_before -= L[i, j] ** 2
            L[i, j] = np.tanh(np.arctanh(partial) + next(steps)) * np.sqrt(left)
            left -= L[i, j] ** 2
        L[i, i] = np.sqrt(left)
    return L


_MOVES: Mapping[str, Callable[[Place, Floats], Any]] = {
    "real": _real,
    "positive": _positive,
    "bounded": _bounded,
    "simplex": _simplex,
    "ordered": _ordered,
    "correlation": _correlation,
}
