"""Hurdle negative binomial counts, log link."""

from __future__ import annotations

import numpy as np

from hierglm.families.family import Floats, Scales, StanDensity
from hierglm.families.hurdle import hurdle, poisson_above_zero
from hierglm.families.negbinomial import draw, log_zero, steepness
from hierglm.families.zeros import NEGBINOMIAL_COUNTS


def _positive(rng: np.random.Generator, eta: Floats, scales: Scales) -> Floats:
    """Return negative binomial counts, given that they are not 0.

    Where 0 is rare, they are drawn until they are not. Elsewhere, such a count is a Poisson
    number of logarithmic ones (Quenouille 1949): the Poisson one is drawn above 0, and the rest
    follows.
    """
    shape = np.broadcast_shapes(np.shape(eta), np.shape(scales["shape"]))
    eta = np.broadcast_to(eta, shape)
    own = {"shape": np.broadcast_to(scales["shape"], shape)}
    rare = log_zero(eta, own) < np.log(0.5)
    out = np.zeros(shape)
    left = rare.copy()
    while left.any():
        out[left] = draw(rng, eta[left], {"shape": own["shape"][left]}, None)
        left &= out == 0
    often = {"shape": own["shape"][~rare]}
    out[~rare] = _clustered(rng, eta[~rare], often)
    return out


def _clustered(rng: np.random.Generator, eta: Floats, scales: Scales) -> Floats:
    left = poisson_above_zero(rng, -log_zero(eta, scales))
    share = np.minimum(1 - steepness(eta, scales), _MOST)
    out = np.zeros(np.shape(left))
    while (left > 0).any():
        out += np.where(left > 0, rng.logseries(share), 0)
        left = left - 1
    return out


_MOST = float(np.nextafter(1.0, 0.0))


HURDLE_NEGBINOMIAL = hurdle(
    "hurdle_negbinomial",
    NEGBINOMIAL_COUNTS,
    _positive,
    StanDensity(
        "hurdle_negbinomial_log_lik", None, "vector", "lower=0", by_row=True,
        beside=("zeros", "counts"),
    ),
)  # fmt: skip
