"""What effects are conditioned on beside several linear predictors: penalised fits of each.

Given the effects, responses are independent: their log likelihoods add up, and so do their normal
approximations near the fits. The information about a mean and the logarithm of its sd has no
entry between them either. With A and c of each predictor the effects of a level have the
information diag(A_1, A_2, ...) and the score (c_1, c_2, ...), whatever their covariance is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.design.several import Joined
from hierglm.models import Model, Part
from hierglm.plan.compute import compute
from hierglm.plan.conditional import Conditional, condition, scaled
from hierglm.plan.modelled_sigma import penalise_both
from hierglm.plan.order import order
from hierglm.plan.penalised import Penalised
from hierglm.plan.rows import factors
from hierglm.priors.assign import assign
from hierglm.suiting import estimated

Floats = NDArray[np.float64]


def condition_beside(
    model: Model,
) -> tuple[dict[int, tuple[Conditional, Floats]], dict[int, str]]:
    """Return what the effects of terms beside several linear predictors are conditioned on.

    Parameters
    ----------
    model : Model
        Of several linear predictors.

    Returns
    -------
    mapping of int to (Conditional, ndarray)
        By position of the term: of all its effects of a level, predictor by predictor, and
        from where the coefficients of these predictors are counted.
    mapping of int to str
        Why the other terms have none.
    """
    why = {k: _barred(model, joined) for k, joined in enumerate(model.joined)}
    wanted = {m.part for k, j in enumerate(model.joined) if not why[k] for m in j.members}
    fits = _fits(model, wanted)
    found = {}
    for k, joined in enumerate(model.joined):
        missing = [fit for m in joined.members if isinstance(fit := fits.get(m.part), str)]
        why[k] = why[k] or next(iter(missing), "")
        if not why[k]:
            found[k] = _together(model, joined, fits)
    return found, {k: reason for k, reason in why.items() if reason}


def _barred(model: Model, joined: Joined) -> str:
    """Return why a term has no such form, whatever the data are, or ""."""
    grouping = joined.grouping
    if not grouping.relation.plain or covariance_of(grouping).low_rank:
        return "levels that are related, and few factors, stay standardised beside other predictors"
    if any(len(model.parts[m.part].design.groups) > 1 for m in joined.members):
        return "a predictor beside others has a penalised fit with one group term, so far"
    return next((w for m in joined.members if (w := _without(model, model.parts[m.part]))), "")


def _without(model: Model, predictor: Model) -> str:
    """Return why a predictor has no penalised fit, or ""."""
    mean = next(m for m in model.responses if m.part.response == predictor.part.response)
    if mean.family.categories:
        return "categories with predictors have no penalised fits so far"
    if mean.family.thresholds:
        return "thresholds beside other predictors have no penalised fits so far"
    if not mean.part.modelled:
        return ""
    if mean.family.name != "gaussian" or mean.design.response.se is not None:
        return (
            "of parameters with predictors sigma has a penalised fit, of a Gaussian response "
            "without known errors"
        )
    return ""


def _fits(model: Model, wanted: set[int]) -> dict[int, Penalised | str]:
    """Return the penalised fit of each predictor that is wanted, or why there is none."""
    found: dict[int, Penalised | str] = {}
    places = {(m.part.response, m.part.dpar): k for k, m in enumerate(model.parts)}
    for k in sorted(wanted):
        predictor = model.parts[k]
        own = places[predictor.part.response, ""]
        if not model.parts[own].part.modelled:
            found[k] = _alone(predictor)
        elif k not in found:
            beside = places[predictor.part.response, "sigma"]
            both = penalise_both(model.parts[own], model.parts[beside])
            pair = (both, both) if isinstance(both, str) else both
            found |= dict(zip((own, beside), pair, strict=True))
    return found


def _alone(predictor: Model) -> Penalised | str:
    """Return the penalised fit of a response, apart from the others."""
    # Any fit that is near enough will do: one with priors of its own.
    own = estimated(predictor.design, predictor.family)
    priors = assign(predictor.design, predictor.family, own, None)
    alone = replace(predictor, part=Part(), priors=priors)
    numbers = compute(alone, order(factors(predictor.design), [0], [0]), by_rows=True)
    if numbers.fit is None:
        return f"no penalised fit of {predictor.part.label}: {numbers.doubt}"
    return numbers.fit


def _together(
    model: Model, joined: Joined, fits: Mapping[int, Penalised | str]
) -> tuple[Conditional, Floats]:
    """Return what predictors say of their effects side by side, nothing of each other's."""
    found, centres = [], []
    for member in joined.members:
        fit = fits[member.part]
        assert isinstance(fit, Penalised)
        share = model.parts[member.part].part.weight / fit.sigma**2
        found.append(scaled(condition(fit, 0, fit.common), share))
        centres.append(fit.common)
    c, centre = np.concatenate([p.c for p in found], axis=1), np.concatenate(centres)
    levels, effects = c.shape
    A, B = np.zeros((levels, effects, effects)), np.zeros((levels, effects, len(centre)))
    row = column = 0
    for own, at in zip(found, centres, strict=True):
        q = own.c.shape[1]
        A[:, row : row + q, row : row + q] = own.A
        B[:, row : row + q, column : column + len(at)] = own.B.reshape(levels, q, len(at))
        row, column = row + q, column + len(at)
    return Conditional(A, B.reshape(levels * effects, len(centre)), {}, c), centre
