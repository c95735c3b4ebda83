"""Steps of alpha or rho of fields on graphs in a penalised fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances.fields import field_weights
from hierglm.models import Model
from hierglm.plan.blocks import inverse
from hierglm.plan.varied import LONGEST, Varied
from hierglm.priors.slopes import log_density

Floats = NDArray[np.float64]

_STEP = 1e-3
"""Of differences along a logit."""

_UNIFORM = 3 / np.pi**2
"""One over the variance of the logit of a uniform share: what the data at least say."""

_FARTHEST = 6.0
"""Largest logit of a share."""


def step_shares(
    model: Model, k: int, at: Varied, x: Floats, uncertain: Floats, pace: float
) -> tuple[Floats, Floats, Floats]:
    """Return the next shares of a field's effects, their spreads, and the steps of their logits.

    Each climbs the marginal posterior of its logit, whose slope is the expectation of that of the
    effects' density (Fisher's identity); a coordinate counts as far as the data tell it.

    Parameters
    ----------
    model : Model
    k : int
        Position of the term.
    at : Varied
        Where it is.
    x : ndarray, shape (J, q)
        Effects in coordinates over the weights of these.
    uncertain : ndarray, shape (J, q, q)
        Their posterior covariances.
    pace : float
        Share of a whole step.
    """
    relation = model.design.groups[k].relation
    assert at.shares is not None
    assert relation.parameter
    priors = model.priors.of(relation.parameter, k)
    second = x[:, :, None] * x[:, None, :] + uncertain
    squares = np.einsum("ab,jba->ja", inverse(at.covariance), second)
    reliable = 1 - np.diagonal(uncertain, axis1=1, axis2=2) / np.diag(at.covariance)
    told = np.clip(reliable, 0, 1) ** 2

    def logs(y: Floats) -> tuple[Floats, Floats]:
        """Return log weights, and log priors of the logits."""
        share = 1 / (1 + np.exp(-y))
        density = [log_density(p, float(s)) for p, s in zip(priors, share, strict=True)]
        return np.log(field_weights(relation, share)), density + np.log(share * (1 - share))

    y = np.log(at.shares / (1 - at.shares))
    (low, below), (_, here), (high, above) = logs(y - _STEP), logs(y), logs(y + _STEP)
    along = (high - low) / (2 * _STEP)
    slope = np.sum(along * (squares - 1), axis=0) + (above - below) / (2 * _STEP)
    bend = np.maximum((2 * here - below - above) / _STEP**2, _UNIFORM / 10)
    information = np.maximum(2 * np.sum(told * along**2, axis=0) + bend, _UNIFORM)
    given = np.array([p.given for p in priors])
    step = np.where(given, 0.0, np.clip(pace * slope / information, -LONGEST, LONGEST))
    moved = np.clip(y + step, -_FARTHEST, _FARTHEST)
    shares = np.where(given, at.shares, 1 / (1 + np.exp(-moved)))
    return shares, information**-0.5, np.where(given, 0.0, moved - y)
