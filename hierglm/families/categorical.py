"""Categories without an order, logit link: a linear predictor for each but the first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.family import (
    Family,
    Floats,
    Scales,
    StanDensity,
    refuse,
    refuse_se,
    refuse_trials,
)
from hierglm.families.links import LOGIT

MOST = 50
"""Categories, beyond which numbers are rather not meant as categories."""


def categories(response: Response) -> Response:
    """Return a response as places of its levels: 0 is the first, to which others are compared.

    Parameters
    ----------
    response : Response
        Text, categories, booleans; or numbers, each a level.

    Raises
    ------
    ResponseError
        Fewer than two levels, or more numbers than are likely to be meant as categories.
    """
    if response.levels is not None:
        return response
    found, place = np.unique(response.values, return_inverse=True)
    if not 2 <= len(found) <= MOST:
        raise ResponseError(
            f"categorical needs 2 to {MOST} categories; {response.label!r} has {len(found):,} "
            "different numbers"
        )
    levels = tuple(f"{x:g}" for x in found)
    return replace(response, values=place.astype(np.float64), levels=levels)


def placed(response: Response, levels: tuple[str, ...]) -> Response:
    """Return new responses as places of the levels that `categories` returned.

    Raises
    ------
    ResponseError
        A number that is no category of the fit.
    """
    if response.levels is not None:
        return response
    place = {level: k for k, level in enumerate(levels)}
    found = np.array([place.get(f"{x:g}", -1) for x in response.values], dtype=np.float64)
    refuse("categorical", f"a category of the fit, {', '.join(levels)}", response, found < 0)
    return replace(response, values=found, levels=levels)


def probabilities(eta: Floats) -> Floats:
    """Return the probability of each category.

    Parameters
    ----------
    eta : ndarray, shape (..., categories - 1)
        Linear predictors of all but the first.
    """
    whole = np.concatenate([np.zeros((*eta.shape[:-1], 1)), eta], axis=-1)
    chances = np.exp(whole - whole.max(axis=-1, keepdims=True))
    out: Floats = chances / chances.sum(axis=-1, keepdims=True)
    return out


def _check(response: Response) -> None:
    refuse_trials("categorical", response)
    refuse_se("categorical", response)


def _log_density(y: Floats, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    whole = np.concatenate([np.zeros((*eta.shape[:-1], 1)), eta], axis=-1)
    at = np.broadcast_to(y.astype(np.int64), eta.shape[:-1])[..., None]
    own = np.take_along_axis(whole, at, axis=-1)[..., 0]
    out: Floats = own - np.logaddexp.reduce(whole, axis=-1)
    return out


def _draw(rng: np.random.Generator, eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    below = probabilities(eta).cumsum(axis=-1)[..., :-1]
    out: Floats = (rng.random(eta.shape[:-1])[..., None] > below).sum(axis=-1).astype(np.float64)
    return out


def _mean(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    return probabilities(eta)


def _variance(eta: Floats, scales: Scales, trials: Floats | None) -> Floats:
    p = probabilities(eta)
    return p * (1 - p)


CATEGORICAL = Family(
    name="categorical",
    link=LOGIT,
    parameters=(),
    stan=StanDensity(
        plain="categorical_logit", glm=None, response="array[] int", bounds="lower=1", lowest=1
    ),
    check=_check,
    log_density=_log_density,
    draw=_draw,
    mean=_mean,
    variance=_variance,
    categories=True,
)
"""Linear predictors have a last dimension, (..., categories - 1); so has the mean."""
