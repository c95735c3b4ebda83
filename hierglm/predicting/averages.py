"""Means of responses over the distribution of the group effects, for each draw.

Given a row and a draw, the effects that are averaged over add a normal variable to each linear
predictor that they act on: one number for a mean, whatever the number of terms and effects.
Where the mean is a multiple of g^-1(eta) the average is one of g^-1(eta + e), e ~ N(0, v):

- identity: eta; log: exp(eta + v / 2);
- probit: Phi(eta / (1 + v)^1/2) (Zeger, Liang and Albert 1988);
- logit: see `hierglm.predicting.logistic_normal`, to 2.2e-9 for every v;
- cloglog, and means that bend otherwise (hurdles): Gauss-Hermite quadrature with 61 nodes, whose
  error of a probability is below 1e-10, 3e-6 and 1e-4 for standard deviations of 1, 2 and 3.

The last two are done for the many draws of a row by `hierglm.predicting.interpolating`.

Where several linear predictors vary together (a mean and a probability of zeros, categories)
the average is over their joint normal distribution: 21 x 21 nodes for two, and for more 256
points of a Sobol sequence, shifted at random for each draw: 1 % of the mean or less in a draw, and
much less in the mean of the draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from hierglm.families import Family
from hierglm.families.family import Scales
from hierglm.families.links import LOG, PROBIT, Link
from hierglm.predicting.interpolating import interpolated
from hierglm.predicting.logistic_normal import logistic_normal

Floats = NDArray[np.float64]
Inverse = Callable[[Floats], Floats]

NODES, NODES_OF_TWO, POINTS = 61, 21, 256
"""Of quadrature in one dimension, in each of two, and in more."""


def averaged_inverse(link: Link, eta: Floats, variance: Floats) -> Floats:
    """Return the mean of g^-1(eta + e), e ~ N(0, variance), elementwise.

    Parameters
    ----------
    link : Link
    eta, variance : ndarray
        To be broadcast with each other.
    """
    if link.name == "identity":
        return eta
    if link.name == "log":
        return np.asarray(np.exp(eta + 0.5 * variance))
    if link.name == "probit":
        return PROBIT.invert(eta / np.sqrt(1 + variance))
    if link.name == "logit":
        return interpolated(logistic_normal, eta, variance)
    return interpolated(partial(_by_quadrature, link), eta, variance)


def averaged_mean(
    family: Family, mean: Callable[[Floats], Floats], eta: Floats, variance: Floats
) -> Floats:
    """Return the average mean of a family.

    For families whose mean is a multiple of g^-1(eta), the other parameters given.

    Parameters
    ----------
    family : Family
    mean : callable
        Takes linear predictors, shape (S, rows) or (1, rows), and returns means.
    eta, variance : ndarray, shape (S, rows)
    """
    # A lognormal mean is that of exp(eta), whose linear predictor has no link.
    link = LOG if family.scale is LOG else family.link
    if link.name == "identity":
        return mean(eta)
    if link.name == "log":
        return mean(eta + 0.5 * variance)
    nothing = np.zeros((1, eta.shape[1]))
    multiple = mean(nothing) / link.invert(nothing)
    found = averaged_inverse(link, eta, variance)
    return found if np.all(multiple == 1) else np.asarray(found * multiple)


def averaged_categories(
    family: Family, eta: Floats, thresholds: Floats, variance: Floats
) -> Floats:
    """Return the probability of each ordered category, shape (S, rows, categories).

    Parameters
    ----------
    family : Family
        With thresholds.
    eta, variance : ndarray, shape (S, rows)
        A variance of 0 gives the probabilities at eta.
    thresholds : ndarray
        To be broadcast with ``eta[..., None]``.
    """
    distance = thresholds - eta[..., None]
    if np.any(variance):
        below = averaged_inverse(family.link, distance, variance[..., None])
    else:
        below = family.link.invert(distance)
    ends = np.zeros((*below.shape[:-1], 1))
    return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)


def averaged_value(
    value: Callable[[Sequence[Floats]], Floats],
    etas: Sequence[Floats],
    factor: Sequence[Sequence[Floats]],
    which: Sequence[int],
    shift: Floats,
) -> Floats:
    """Return the mean of a function of linear predictors that vary together.

    Parameters
    ----------
    value : callable
        Takes all linear predictors.
    etas : sequence of ndarray, shape (S, rows) each
    factor : sequence of sequences of ndarray
        Lower triangle of the factor of the covariance of those that vary: row a has a + 1
        entries of shape (S, rows).
    which : sequence of int
        Those that vary.
    shift : ndarray, shape (S, len(which))
        Of the Sobol points, between 0 and 1.
    """
    nodes, weights = normal_rule(len(which))
    total: Floats | float = 0.0
    for point, weight in zip(nodes, weights, strict=True):
        z = point[None] if len(which) < 3 else _normal((point + shift) % 1)
        total = total + weight * value(moved(etas, factor, which, z.T[:, :, None]))
    return np.asarray(total)


def with_noise(
    etas: Sequence[Floats],
    factor: Sequence[Sequence[Floats]],
    which: Sequence[int],
    rng: np.random.Generator,
) -> list[Floats]:
    """Return linear predictors of rows each of which has drawn a level of its own.

    The other arguments are those of `averaged_value`.
    """
    z = rng.standard_normal((len(which), *np.shape(etas[0])))
    return moved(etas, factor, which, z)


def moved(
    etas: Sequence[Floats],
    factor: Sequence[Sequence[Floats]],
    which: Sequence[int],
    z: Sequence[Floats] | Floats,
) -> list[Floats]:
    """Return linear predictors moved by correlated effects, whose standardised values are z."""
    out = list(etas)
    for a, k in enumerate(which):
        for b in range(a + 1):
            out[k] = out[k] + factor[a][b] * z[b]
    return out


@cache
def normal_rule(dimensions: int) -> tuple[Floats, Floats]:
    """Return points, shape (n, dimensions), and weights that sum to 1.

    For one and two dimensions those of the standard normal distribution, else of the unit cube.
    """
    if dimensions > 2:
        from scipy.stats.qmc import Sobol

        points = Sobol(dimensions, scramble=False).random(POINTS)
        return points, np.full(POINTS, 1 / POINTS)
    count = NODES if dimensions == 1 else NODES_OF_TWO
    z, w = np.polynomial.hermite_e.hermegauss(count)
    w = w / w.sum()
    grid = np.stack(np.meshgrid(*[z] * dimensions, indexing="ij"), axis=-1)
    weights = w if dimensions == 1 else np.outer(w, w).ravel()
    return grid.reshape(-1, dimensions), weights


def triangular(
    covariance: Mapping[tuple[int, int], Floats], which: Sequence[int]
) -> list[list[Floats]]:
    """Return the factor of a covariance that may be singular, entry by entry.

    Parameters
    ----------
    covariance : mapping
        Of predictors (a, b), a >= b, each an array of one shape; what is not there is 0.
    which : sequence of int
        Rows and columns, ascending.

    Returns
    -------
    list of lists of ndarray
        Row a has a + 1 entries.
    """
    rows: list[list[Floats]] = []
    for a, k in enumerate(which):
        row: list[Floats] = []
        for b, j in enumerate(which[: a + 1]):
            left = covariance.get((k, j), 0.0)
            for c in range(b):
                left = left - row[c] * (row[c] if b == a else rows[b][c])
            if b == a:
                row.append(np.sqrt(np.maximum(left, 0)))
            else:
                pivot = rows[b][b]
                row.append(np.where(pivot > 0, left / np.where(pivot > 0, pivot, 1), 0.0))
        rows.append(row)
    return rows


def mean_moves_with(family: Family, parameter: str) -> bool:
    """Tell whether the mean of a family depends on one of its parameters."""
    eta = np.array([0.3])
    halves: dict[str, Floats] = {p.name: np.array([0.5]) for p in family.parameters}
    other: Scales = {**halves, parameter: np.array([0.25])}
    return bool(np.any(family.mean(eta, halves, None) != family.mean(eta, other, None)))


def _by_quadrature(link: Link, eta: Floats, variance: Floats) -> Floats:
    spread = np.sqrt(variance)
    nodes, weights = normal_rule(1)
    total = sum(
        w * link.invert(eta + z * spread) for z, w in zip(nodes[:, 0], weights, strict=True)
    )
    return np.asarray(total)


def _normal(u: Floats) -> Floats:
    tiny = np.finfo(float).tiny
    return PROBIT.apply(np.maximum(u, tiny))
