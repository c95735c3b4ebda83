"""What effects that several responses share are conditioned on: penalised fits of each response.

Given the effects, responses are independent: their log likelihoods add up, and so do their normal
approximations near the fits. With A and c of each response the effects of a level have the
information diag(A_1, A_2, ...) and the score (c_1, c_2, ...), whatever their covariance is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.models import Model, Part
from hierglm.plan.compute import compute
from hierglm.plan.conditional import Conditional, condition, scaled
from hierglm.plan.order import order
from hierglm.plan.rows import factors
from hierglm.priors.assign import assign
from hierglm.suiting import estimated

Floats = NDArray[np.float64]


def condition_shared(model: Model) -> tuple[Conditional | None, Floats, str]:
    """Return what the effects of the one term that responses share are conditioned on.

    Parameters
    ----------
    model : Model
        Of several linear predictors.

    Returns
    -------
    Conditional or None
        Of all effects of a level, response by response, as they stand in the term.
    ndarray, shape (p,)
        From where coefficients are counted, response by response.
    str
        Why there is none, or "".
    """
    nothing = np.zeros(0)
    why = _barred(model)
    if why:
        return None, nothing, why
    found: list[Conditional] = []
    centres = []
    for member in model.joined[0].members:
        m = model.parts[member.part]
        # Any fit that is near enough will do: one with priors of its own.
        priors = assign(m.design, m.family, estimated(m.design, m.family), None)
        alone = replace(m, part=Part(), priors=priors)
        numbers = compute(alone, order(factors(m.design), [0], [0]), by_rows=True)
        if numbers.fit is None:
            return None, nothing, f"no penalised fit of {m.part.label}: {numbers.doubt}"
        centre = numbers.fit.common
        share = m.part.weight / numbers.fit.sigma**2
        found.append(scaled(condition(numbers.fit, 0, centre), share))
        centres.append(centre)
    return _together(found), np.concatenate(centres), ""


def _barred(model: Model) -> str:
    """Return why the terms of a model have no such form, or ""."""
    if len(model.joined) != 1 or not model.joined[0].shared:
        return "one term that all share can be written about conditional means, no others so far"
    if any(m.part.modelled or m.family.categories for m in model.parts):
        return "parameters and categories with predictors have no penalised fits so far"
    if any(m.family.thresholds for m in model.parts):
        return "thresholds beside other responses have no penalised fits so far"
    grouping = model.joined[0].grouping
    if not grouping.relation.plain or covariance_of(grouping).low_rank:
        return "levels that are related, and few factors, stay standardised beside other responses"
    places = [member.part for member in model.joined[0].members]
    if len(set(places)) != len(places):
        return "a response with the term twice has no penalised fit of both so far"
    return ""


def _together(parts: list[Conditional]) -> Conditional:
    """Return parts side by side, which say nothing of each other's effects."""
    from scipy.linalg import block_diag

    levels = len(parts[0].c)
    rows = [p.B.reshape(levels, p.c.shape[1], -1) for p in parts]
    B = np.stack([block_diag(*(r[j] for r in rows)) for j in range(levels)])
    return Conditional(
        np.stack([block_diag(*(p.A[j] for p in parts)) for j in range(levels)]),
        B.reshape(levels * B.shape[1], -1),
        {},
        np.concatenate([p.c for p in parts], axis=1),
    )
