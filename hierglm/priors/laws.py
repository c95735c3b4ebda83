"""Draws and log densities of prior distributions, cut off where their parameter ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances.covariance import OneCorrelation
from hierglm.errors import PriorError
from hierglm.priors.distributions import Prior

Floats = NDArray[np.float64]

_GRID = 4000
"""Points between which the distribution function of one correlation is a line."""


def draw(
    prior: Prior,
    rng: np.random.Generator,
    size: int,
    low: float = -np.inf,
    high: float = np.inf,
) -> Floats:
    """Return independent draws of a prior between two bounds.

    Parameters
    ----------
    prior : Prior
        A distribution of one number, or a constant.
    rng : Generator
    size : int
    low, high : float
        What the parameter may be, as declared in the program.

    Returns
    -------
    ndarray, shape (size,)

    Raises
    ------
    PriorError
        Where the prior has no mass between the bounds, but for rounding.

    Examples
    --------
    >>> from hierglm.priors.distributions import normal
    >>> bool(draw(normal(-20, 1), np.random.default_rng(1), 3, low=0).min() > 0)
    True
    """
    if prior.given:
        return np.full(size, prior.numbers[0])
    below, quantile, shift, scale, symmetric = _standard(prior)
    ends = (np.array([low, high]) - shift) / scale
    # Probabilities near 1 have no digits left; those of the mirrored interval near 0 have.
    turned = symmetric and ends[0] > 0
    if turned:
        ends = -ends[::-1]
    first, last = below(ends)
    if not last > first:
        raise PriorError(
            f"{prior!r} has no draws between {low:g} and {high:g}: its mass there rounds to 0"
        )
    x = quantile(first + (last - first) * rng.random(size))
    return np.asarray(np.clip(shift + scale * (-x if turned else x), low, high))


def log_density(prior: Prior, x: Floats) -> Floats:
    """Return the log density of a prior up to a constant, elementwise.

    Parameters
    ----------
    prior : Prior
        A distribution of one number; flat ones and constants give zeros.
    x : ndarray
        Inside the support.
    """
    match prior.kind, prior.numbers:
        case "normal", (location, scale):
            return np.asarray(-0.5 * ((x - location) / scale) ** 2)
        case "student_t", (df, location, scale):
            return np.asarray(-0.5 * (df + 1) * np.log1p(((x - location) / scale) ** 2 / df))
        case "cauchy", (location, scale):
            return np.asarray(-np.log1p(((x - location) / scale) ** 2))
        case "exponential", (rate,):
            return np.asarray(-rate * x)
        case "gamma", (shape, rate):
            return np.asarray((shape - 1) * np.log(x) - rate * x)
        case "inv_gamma", (shape, scale):
            return np.asarray(-(shape + 1) * np.log(x) - scale / x)
        case "beta", (alpha, beta):
            return np.asarray((alpha - 1) * np.log(x) + (beta - 1) * np.log1p(-x))
    assert prior.kind in ("flat", "constant")
    return np.zeros_like(x)


def draw_correlations(eta: float, q: int, rng: np.random.Generator, size: int) -> Floats:
    """Return draws of a correlation matrix with density proportional to |C|^(eta - 1).

    By canonical partial correlations, each a beta variable on (-1, 1) (Lewandowski, Kurowicka
    and Joe 2009, section 2.4: the C-vine).

    Parameters
    ----------
    eta : float
    q : int
        Number of rows.
    rng : Generator
    size : int

    Returns
    -------
    ndarray, shape (size, q, q)
    """
    L = np.zeros((size, q, q))
    left = np.ones((size, q))
    for j in range(q - 1):
        shape = eta + (q - 2 - j) / 2
        partial = 2 * rng.beta(shape, shape, (size, q - 1 - j)) - 1
        L[:, j, j] = np.sqrt(left[:, j])
        L[:, j + 1 :, j] = partial * np.sqrt(left[:, j + 1 :])
        left[:, j + 1 :] *= 1 - partial**2
    L[:, q - 1, q - 1] = np.sqrt(left[:, q - 1])
    return L @ L.swapaxes(1, 2)


def draw_one_correlation(
    prior: Prior, one: OneCorrelation, times: NDArray[np.int64], rng: np.random.Generator, size: int
) -> Floats:
    """Return draws of the one correlation that decides those of all effects, shape (size,).

    Parameters
    ----------
    prior : Prior
        Of the correlation itself; or lkj, of the matrix that it makes.
    one : OneCorrelation
    times : ndarray of int, shape (q,)
    rng : Generator
    size : int
    """
    low = one.lowest(len(times))
    if prior.kind != "lkj":
        return draw(prior, rng, size, low, 1.0)
    edges = np.linspace(low, 1, _GRID + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    # The density is proportional to |C|^(eta - 1), as in the program.
    log_height = (prior.numbers[0] - 1) * log_determinant(one.matrix(middle, times))
    mass = np.cumsum(np.exp(log_height - log_height.max()))
    total = np.concatenate([[0.0], mass / mass[-1]])
    return np.asarray(np.interp(rng.random(size), total, edges))


def log_determinant(matrices: Floats) -> Floats:
    """Return the log determinants of positive definite matrices, shape (draws,)."""
    return np.asarray(np.linalg.slogdet(matrices)[1])


def draw_loadings(
    prior: Prior, q: int, rank: int, shrunk: bool, rng: np.random.Generator, size: int
) -> Floats:
    """Return draws of all loadings of a term, shape (size, q, rank).

    Normal ones; or all with one common scale, so that together they are Student t; or, where
    the rank is found by shrinkage, a matrix t (Gupta and Nagar 2000, theorem 4.2.1): rows that
    are normal with a common covariance from an inverse Wishart distribution.

    Parameters
    ----------
    prior : Prior
        normal or student_t, about 0.
    q, rank : int
    shrunk : bool
        Whether loadings are drawn to fewer factors than there are.
    rng : Generator
    size : int
    """
    z = prior.numbers[-1] * rng.standard_normal((size, q, rank))
    if prior.kind == "normal":
        return z
    df = prior.numbers[0]
    if not shrunk:
        return z * np.sqrt(df / rng.chisquare(df, size))[:, None, None]
    # Bartlett's factor T of a Wishart matrix of df + rank - 1 degrees of freedom.
    T = np.tril(rng.standard_normal((size, rank, rank)), -1)
    diagonal = np.sqrt(rng.chisquare(df + rank - 1 - np.arange(rank), (size, rank)))
    T[:, np.arange(rank), np.arange(rank)] = diagonal
    return np.asarray(np.sqrt(df) * np.linalg.solve(T.swapaxes(1, 2), z.swapaxes(1, 2))).swapaxes(
        1, 2
    )


_Law = tuple[Callable[[Any], Any], Callable[[Any], Any], float, float, bool]


def _standard(prior: Prior) -> _Law:
    """Return distribution function, quantiles, location, scale, and whether 0 is the middle."""
    from scipy import special

    match prior.kind, prior.numbers:
        case "normal", (location, scale):
            return special.ndtr, special.ndtri, location, scale, True
        case "student_t", (df, location, scale):
            # Infinite ends are not among what stdtr takes.
            return (
                lambda x: np.where(np.isinf(x), x > 0, special.stdtr(df, x)),
                lambda p: special.stdtrit(df, p),
                location, scale, True,
            )  # fmt: skip
        case "cauchy", (location, scale):
            return (
                lambda x: np.where(x < 0, np.arctan2(1, -x), np.pi - np.arctan2(1, x)) / np.pi,
                lambda p: -1 / np.tan(np.pi * p),
                location, scale, True,
            )  # fmt: skip
        case "exponential", (rate,):
            return (
                lambda x: -np.expm1(-np.maximum(x, 0)), lambda p: -np.log1p(-p), 0, 1 / rate, False
            )  # fmt: skip
        case "gamma", (shape, rate):
            return (
                lambda x: special.gammainc(shape, np.maximum(x, 0)),
                lambda p: special.gammaincinv(shape, p),
                0, 1 / rate, False,
            )  # fmt: skip
        case "inv_gamma", (shape, scale):
            return (
                lambda x: special.gammaincc(shape, _reciprocal(x)),
                lambda p: 1 / special.gammainccinv(shape, p),
                0, scale, False,
            )  # fmt: skip
    alpha, beta = prior.numbers
    return (
        lambda x: special.betainc(alpha, beta, np.clip(x, 0, 1)),
        lambda p: special.betaincinv(alpha, beta, p),
        0, 1, False,
    )  # fmt: skip


def _reciprocal(x: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return 1 / np.maximum(x, 0)
