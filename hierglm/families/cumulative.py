"""Ordered categories by thresholds on a latent scale: cumulative logit and probit models.

The category is at most k with probability F(threshold k - eta), F the logistic or the normal
distribution function (McCullagh 1980). The thresholds stand in place of an intercept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.binary import LOGISTIC_P, NORMAL_P, Probability
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    Slopes,
    StanDensity,
    refuse,
    refuse_se,
    refuse_trials,
)

MOST = 100
"""Categories, beyond which numbers are rather not meant as categories."""


def ordered_categories(response: Response) -> Response:
    """Return a response as places of its categories, the lowest being 0.

    Parameters
    ----------
    response : Response
        Categories in their order; or whole numbers from 1 on, each a category.

    Raises
    ------
    ResponseError
        Numbers that are no whole ones from 1 on, or fewer than two categories.
    """
    if response.levels is not None:
        return response
    y = response.values
    bad = ~((y >= 1) & (y == np.floor(y)) & np.isfinite(y))
    refuse("cumulative", "ordered categories, or whole numbers from 1 on", response, bad)
    most = int(y.max())
    if not 2 <= most <= MOST:
        raise ResponseError(
            f"cumulative needs 2 to {MOST} categories, numbered from 1; {response.label!r} goes "
            f"up to {most:,}"
        )
    return replace(response, values=y - 1, levels=tuple(str(k + 1) for k in range(most)))


def known_categories(response: Response, levels: tuple[str, ...]) -> Response:
    """Return the response of new rows as places of the categories that a fit knows.

    Parameters
    ----------
    response : Response
        Categories among `levels`, already places of these; or whole numbers from 1 on.
    levels : tuple of str
        What `ordered_categories` called them.

    Raises
    ------
    ResponseError
        A number that is no category of the fit.
    """
    if response.levels is not None:
        return response
    y = response.values
    bad = ~((y >= 1) & (y <= len(levels)) & (y == np.floor(y)))
    refuse("cumulative", f"a category of the fit, 1 to {len(levels)}", response, bad)
    return replace(response, values=y - 1, levels=levels)


def _check(response: Response) -> None:
    refuse_trials("cumulative", response)
    refuse_se("cumulative", response)


def _edges(y: Floats, eta: Floats, scales: Scales) -> tuple[Floats, Floats]:
    """Return the thresholds below and above each response, less the linear predictor."""
    inner = scales["Intercept"]
    # Of many draws the thresholds have a dimension of length 1 where rows are.
    inner = inner[..., 0, :] if inner.ndim > 1 else inner
    outer = np.full((*inner.shape[:-1], 1), np.inf)
    edges = np.concatenate([-outer, inner, outer], axis=-1)
    at = y.astype(np.int64)
    return edges[..., at] - eta, edges[..., at + 1] - eta


def _log_between(p: Probability, low: Floats, high: Floats) -> Floats:
    """Return log(F(high) - F(low)), by the tails that are the smaller ones."""
    turn = low + high > 0
    low, high = np.where(turn, -high, low), np.where(turn, -low, high)
    with np.errstate(invalid="ignore"):
        above, below = p.success(high), p.success(low)
    gap = np.where(np.isneginf(below), -np.inf, below - above)
    out: Floats = above + np.log(-np.expm1(np.minimum(gap, -1e-300)))
    return out


def probabilities(p: Probability, eta: Floats, thresholds: Floats) -> Floats:
    """Return the probability of each category.

    Parameters
    ----------
    p : Probability
        F, by link.
    eta : ndarray, shape (...)
    thresholds : ndarray, shape (..., categories - 1)
        To be broadcast with ``eta[..., None]``.

    Returns
    -------
    ndarray, shape (..., categories)
    """
    below = p.link.invert(thresholds - eta[..., None])
    ends = np.zeros((*below.shape[:-1], 1))
    return np.diff(np.concatenate([ends, below, ends + 1], axis=-1), axis=-1)


def _score(p: Probability, y: Floats, eta: Floats, scales: Scales) -> Floats:
    low, high = _edges(y, eta, scales)
    log_share = _log_between(p, low, high)
    return np.exp(p.slope(low) - log_share) - np.exp(p.slope(high) - log_share)


def _information(p: Probability, eta: Floats, scales: Scales) -> Floats:
    """Return the expected information about the linear predictor."""
    low, high = _roots(p, eta, scales["Intercept"])
    return np.asarray(np.sum((high - low) ** 2, axis=-1))


def _roots(p: Probability, eta: Floats, thresholds: Floats) -> tuple[Floats, Floats]:
    """Return densities at the ends of each category, over the root of its probability.

    By logarithms: far out probabilities are 0 where these quotients are not. The shape is that of
    eta and one dimension more, of the categories.
    """
    inner = thresholds - eta[..., None]
    outer = np.full((*inner.shape[:-1], 1), np.inf)
    low = np.concatenate([-outer, inner], axis=-1)
    high = np.concatenate([inner, outer], axis=-1)
    half = 0.5 * _log_between(p, low, high)
    return np.exp(p.slope(low) - half), np.exp(p.slope(high) - half)


def threshold_slopes(
    p: Probability, y: Floats, eta: Floats, thresholds: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return score and expected information of the thresholds.

    Parameters
    ----------
    p : Probability
        By link.
    y, eta, weights : ndarray, shape (rows,)
        Places of categories, linear predictors, and weights of the log likelihood.
    thresholds : ndarray, shape (C,)

    Returns
    -------
    score : ndarray, shape (C,)
    information : ndarray, shape (C, C)
        Tridiagonal.
    """
    low, high = _edges(y, eta, {"Intercept": thresholds})
    log_share, place = _log_between(p, low, high), y.astype(np.int64)
    count = len(thresholds)
    up = np.bincount(place, weights * np.exp(p.slope(high) - log_share), count + 1)
    down = np.bincount(place, weights * np.exp(p.slope(low) - log_share), count + 1)
    score = up[:-1] - down[1:]
    below, above = _roots(p, eta, thresholds)
    information = np.diag(weights @ (above[:, :-1] ** 2 + below[:, 1:] ** 2))
    beside = -weights @ (below * above)[:, 1:-1]
    information += np.diag(beside, 1) + np.diag(beside, -1)
    return np.asarray(score), information


def _family(
    p: Probability, plain: str, noise: Callable[[np.random.Generator, tuple[int, ...]], Floats]
) -> Family:
    def log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        return _log_between(p, *_edges(y, eta, scales))

    def draw(
        rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None
    ) -> Floats:
        latent = eta + noise(rng, np.shape(eta))
        above = latent[..., None] > scales["Intercept"]
        return np.asarray(above.sum(axis=-1), dtype=np.float64)

    def moment(eta: Floats, scales: Scales, power: int) -> Floats:
        share = probabilities(p, eta, scales["Intercept"])
        out: Floats = share @ (np.arange(share.shape[-1]) ** float(power))
        return out

    def mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        return moment(eta, scales, 1)

    def variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
        return moment(eta, scales, 2) - moment(eta, scales, 1) ** 2

    return Family(
        name="cumulative",
        link=p.link,
        parameters=(),
        stan=StanDensity(
            plain, None, "array[] int", "lower=1", lowest=1, arguments="{eta}, {Intercept}"
        ),
        check=_check,
        log_density=log_density,
        draw=draw,
        mean=mean,
        variance=variance,
        slopes=Slopes(
            lambda y, eta, scales, trials: _score(p, y, eta, scales),
            lambda eta, scales, trials: _information(p, eta, scales),
        ),
        thresholds=True,
        ends="both",
    )


LATENT: Mapping[str, Probability] = {"logit": LOGISTIC_P, "probit": NORMAL_P}
"""Distribution functions by link."""


CUMULATIVE = _family(LOGISTIC_P, "ordered_logistic", lambda rng, size: rng.logistic(size=size))
CUMULATIVE_PROBIT = _family(NORMAL_P, "ordered_probit", lambda rng, size: rng.standard_normal(size))
