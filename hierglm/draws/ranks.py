"""Ranks of draws turned into normal scores, for whole blocks of parameters at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def split_chains(values: Floats) -> Floats:
    """Return each chain as two: its first and its last half; a middle draw is left out.

    Parameters
    ----------
    values : ndarray, shape (parameters, chains, draws)

    Returns
    -------
    ndarray, shape (parameters, 2 * chains, draws // 2)
        First halves, then last halves.
    """
    half = values.shape[-1] // 2
    return np.concatenate([values[..., :half], values[..., -half:]], axis=1)


def normal_scores(values: Floats) -> tuple[Floats, Floats]:
    """Return normal scores of the draws, and of their distances from the median.

    Ranks r (ties get their average) become Phi^-1((r - 3/8) / (S + 1/4)) (Blom 1958;
    Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, equation 14). The distances are
    a descending and an ascending run once the draws are sorted, so that the second
    sorting only merges.

    Parameters
    ----------
    values : ndarray, shape (parameters, S)
        Without NaN, S even; all chains together.

    Returns
    -------
    scores, folded : ndarray, shape (parameters, S)
        In the order of `values`. `folded` is NaN where the median is infinite.

    Examples
    --------
    >>> scores, folded = normal_scores(np.array([[3.0, 1.0, 1.0, 9.0]]))
    >>> scores.round(2).tolist()
    [[0.3, -0.63, -0.63, 1.05]]
    """
    size = values.shape[-1]
    table = _score_table(size)
    order = np.argsort(values, axis=-1)
    ascending = np.take_along_axis(values, order, axis=-1)
    scores = _scatter(table[_twice_ranks(ascending)], order)
    median = ascending[:, size // 2 - 1 : size // 2 + 1].mean(axis=-1, keepdims=True)
    distance = np.abs(ascending - median)
    folds = np.argsort(distance, axis=-1, kind="stable")
    twice = _twice_ranks(np.take_along_axis(distance, folds, axis=-1))
    folded = _scatter(_scatter(table[twice], folds), order)
    folded[np.isnan(distance).any(axis=-1)] = np.nan
    return scores, folded


def _score_table(size: int) -> Floats:
    """Return the scores of the ranks 1, 1.5, 2, ..., `size`: there are no others."""
    from scipy.special import ndtri

    ranks = np.arange(2 * size - 1) / 2 + 1
    table: Floats = ndtri((ranks - 3 / 8) / (size - 2 * 3 / 8 + 1))
    return table


def _twice_ranks(ascending: Floats) -> Ints:
    """Return 2 (r - 1) for the average ranks r of sorted rows."""
    size = ascending.shape[-1]
    place = np.arange(size)
    first = np.ones(ascending.shape, dtype=bool)
    np.not_equal(ascending[:, 1:], ascending[:, :-1], out=first[:, 1:])
    if first.all():
        return np.broadcast_to(2 * place, ascending.shape)
    last = np.ones(ascending.shape, dtype=bool)
    last[:, :-1] = first[:, 1:]
    low = np.maximum.accumulate(np.where(first, place, 0), axis=-1)
    high = np.minimum.accumulate(np.where(last, place, size)[:, ::-1], axis=-1)[:, ::-1]
    return low + high


def _scatter(values: Floats, order: Ints) -> Floats:
    out = np.empty_like(values)
    np.put_along_axis(out, order, values, axis=-1)
    return out
