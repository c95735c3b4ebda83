"""A simpler model for a penalised fit: levels that depend on each other are alike in it.

Where they differ besides (strata, Student t effects) no coordinates are independent a priori
whatever the sds. What effects are conditioned on may come from any fit that is near enough, since
the posterior is the same: here from one with the first stratum's covariance in all levels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.models import Model
from hierglm.plan.penalised import Penalised
from hierglm.plan.rotation import differ
from hierglm.priors.slots import Assigned, Priors

Floats = NDArray[np.float64]


def alike(model: Model) -> Model:
    """Return a model in which levels that depend on each other have one covariance.

    Parameters
    ----------
    model : Model
        Of one linear predictor. Returned as it is where nothing is to be made alike.
    """
    uneven = {k for k, g in enumerate(model.design.groups) if differ(g)}
    if not uneven:
        return model
    groups = tuple(
        replace(g, relation=replace(g.relation, strata=(), stratum=None, student=False))
        if k in uneven
        else g
        for k, g in enumerate(model.design.groups)
    )
    kept: list[Assigned] = []
    for k, g in enumerate(model.design.groups):
        if k not in uneven:
            continue
        sds = [a for a in model.priors if a.slot.number == k and a.slot.role == "sd"]
        kept += sds[: len(sds) // (len(g.relation.strata) or 1)]
    priors = Priors(
        tuple(
            a
            for a in model.priors
            if a.slot.number not in uneven or a.slot.role not in ("sd", "df") or a in kept
        )
    )
    return replace(model, design=replace(model.design, groups=groups), priors=priors)


def apart(fit: Penalised, model: Model) -> Penalised:
    """Return a penalised fit of `alike` with the sds of every stratum, and weights of levels.

    A stratum has a share of the levels: the logarithms of its sds reach farther.

    Parameters
    ----------
    fit : Penalised
    model : Model
        As it was.
    """
    covariances, weights = list(fit.covariances), list(fit.weights)
    sds, spreads = list(fit.sds), list(fit.spreads)
    for k, g in enumerate(model.design.groups):
        if not differ(g):
            continue
        if g.relation.student:
            weights[k] = np.ones(len(g.levels))
        if g.relation.strata:
            count = len(g.relation.strata)
            covariances[k] = np.stack([covariances[k]] * count)
            sds[k], spreads[k] = np.tile(sds[k], count), np.tile(spreads[k], count) * count**0.5
    return replace(
        fit, covariances=tuple(covariances), weights=tuple(weights), sds=tuple(sds),
        spreads=tuple(spreads),
    )  # fmt: skip


def shares(R: Floats, information: Floats) -> Floats:
    """Return how much of what the data say of each coordinate comes by each level, shape (J, J).

    Parameters
    ----------
    R : ndarray, shape (J, J)
        Levels from coordinates.
    information : ndarray, shape (J, q, q)
        That of the data about the effects in each coordinate.

    Returns
    -------
    ndarray
        One row a coordinate, with the sum 1.

    Examples
    --------
    Of two levels that have a coordinate each, one has all that is said of its own:

    >>> shares(np.eye(2), np.array([[[4.0]], [[1.0]]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    own = np.maximum(np.diagonal(information, axis1=1, axis2=2), 0.0)
    total = own.sum(axis=0)
    told = (own / np.where(total > 0, total, 1.0)).sum(axis=1)
    by_level = (np.linalg.inv(R) ** 2).T @ told
    # Levels without rows have their say in coordinates that no data tell.
    weighed = (R**2).T * (by_level + _LEAST * (by_level.mean() or 1.0))
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))


_LEAST = 1e-6
"""What a level without rows counts as, of the mean information of levels."""
