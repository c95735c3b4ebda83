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
from hierglm.plan.forms import Beside
from hierglm.plan.modelled_sigma import penalise_both
from hierglm.plan.order import order
from hierglm.plan.penalised import Penalised
from hierglm.plan.rows import factors
from hierglm.priors.assign import assign
from hierglm.suiting import estimated

Floats = NDArray[np.float64]


def condition_beside(model: Model) -> Beside:
    """Return the penalised fits of several linear predictors, and what effects are about.

    Parameters
    ----------
    model : Model
        Of several linear predictors.
    """
    found = _fits(model)
    fits = {k: fit for k, fit in found.items() if isinstance(fit, Penalised)}
    without = {k: fit for k, fit in found.items() if isinstance(fit, str)}
    terms, why = {}, {}
    for k, joined in enumerate(model.joined):
        missing = [without[m.part] for m in joined.members if m.part in without]
        if missing:
            why[k] = missing[0]
        else:
            terms[k] = _together(model, joined, fits)
    return Beside(fits, terms, why, next(iter(without.values()), ""))


def _without(model: Model, predictor: Model) -> str:
    """Return why a predictor has no penalised fit, whatever the data are, or ""."""
    if any(not g.relation.plain or covariance_of(g).low_rank for g in predictor.design.groups):
        return "levels that are related, and few factors, stay standardised beside other predictors"
    if len(predictor.design.groups) > 1:
        return "a predictor beside others has no penalised fit with several group terms so far"
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


def _fits(model: Model) -> dict[int, Penalised | str]:
    """Return the penalised fit of each predictor, or why there is none."""
    found: dict[int, Penalised | str] = {}
    places = {(m.part.response, m.part.dpar): k for k, m in enumerate(model.parts)}
    for k, predictor in enumerate(model.parts):
        response, dpar = predictor.part.response, predictor.part.dpar
        why = _without(model, predictor)
        if why:
            found[k] = why
        elif not dpar and not predictor.part.modelled:
            found[k] = _alone(predictor)
        elif not dpar:
            beside = places[response, "sigma"]
            both = _without(model, model.parts[beside]) or penalise_both(
                predictor, model.parts[beside]
            )
            pair = (both, both) if isinstance(both, str) else both
            found |= dict(zip((k, beside), pair, strict=True))
        elif k not in found:
            found[k] = _without(model, model.parts[places[response, ""]])
    return found


def _alone(predictor: Model) -> Penalised | str:
    """Return the penalised fit of a response, apart from the others."""
    # Any fit that is near enough will do: one with priors of its own.
    own = estimated(predictor.design, predictor.family)
    priors = assign(predictor.design, predictor.family, own, None)
    alone = replace(predictor, part=Part(), priors=priors)
    terms = range(len(predictor.design.groups))
    numbers = compute(alone, order(factors(predictor.design), terms, terms), by_rows=True)
    if numbers.fit is None:
        return f"no penalised fit of {predictor.part.label}: {numbers.doubt}"
    return numbers.fit


def _together(
    model: Model, joined: Joined, fits: Mapping[int, Penalised]
) -> tuple[Conditional, Floats]:
    """Return what predictors say of their effects side by side, nothing of each other's."""
    found, centres = [], []
    for member in joined.members:
        fit = fits[member.part]
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
