"""What effects are conditioned on beside several linear predictors: penalised fits of each.

Given the effects, responses are independent: their log likelihoods add up, and so do their normal
approximations near the fits. The information about a mean and the logarithm of its sd has no
entry between them either. With A and c of each predictor the effects of a level have the
information diag(A_1, A_2, ...) and the score (c_1, c_2, ...), whatever their covariance is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
    places, terms = _in_order(model, terms, fits)
    return Beside(fits, terms, places, why, next(iter(without.values()), ""))


def _in_order(
    model: Model, terms: Mapping[int, tuple[Conditional, Floats]], fits: Mapping[int, Penalised]
) -> tuple[tuple[int, ...], dict[int, tuple[Conditional, Floats]]]:
    """Return all terms so that effects come after those that they move with, and the latter.

    Where two terms move with each other, as predictors eliminate them in different orders, the
    second is left where the fits have it.
    """
    waiting, placed, found = list(range(len(model.joined))), list[int](), dict(terms)
    while waiting:
        needs = {k: set(terms[k][0].F) & set(waiting) if k in terms else set() for k in waiting}
        k = next((k for k in waiting if not needs[k]), waiting[0])
        for m in needs[k]:
            about, centre = found[k]
            members = model.joined[m].members
            effects = np.concatenate([fits[o.part].effects[o.number] for o in members], axis=1)
            held = (about.F[m] @ effects.reshape(-1)).reshape(about.c.shape)
            kept = {other: F for other, F in about.F.items() if other != m}
            found[k] = replace(about, F=kept, c=about.c - held), centre
        placed.append(k)
        waiting.remove(k)
    return tuple(placed), found


def _without(model: Model, predictor: Model) -> str:
    """Return why a predictor has no penalised fit, whatever the data are, or ""."""
    if any(not g.relation.plain or covariance_of(g).low_rank for g in predictor.design.groups):
        return "levels that are related, and few factors, stay standardised beside other predictors"
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
    by_level = order(factors(predictor.design), terms, terms)
    numbers = compute(alone, by_level, by_rows=True)
    if numbers.fit is None:
        return f"no penalised fit of {predictor.part.label}: {numbers.doubt}"
    return numbers.fit


def _together(
    model: Model, joined: Joined, fits: Mapping[int, Penalised]
) -> tuple[Conditional, Floats]:
    """Return what predictors say of their effects side by side, nothing of each other's."""
    levels, effects = len(joined.grouping.levels), len(joined.grouping.terms)
    centre = np.concatenate([fits[m.part].common for m in joined.members])
    A, c = np.zeros((levels, effects, effects)), np.zeros((levels, effects))
    B, F = np.zeros((levels, effects, len(centre))), dict[int, Any]()
    column = 0
    for member in joined.members:
        fit, predictor = fits[member.part], model.parts[member.part]
        share = predictor.part.weight / fit.sigma**2
        own = scaled(condition(fit, member.number, fit.common), share)
        q, p = own.c.shape[1], len(fit.common)
        rows = slice(member.first, member.first + q)
        A[:, rows, rows], c[:, rows] = own.A, own.c
        B[:, rows, column : column + p] = own.B.reshape(levels, q, p)
        column += p
        for number, matrix in own.F.items():
            k, first = model.place(predictor, number)
            other = model.joined[k].grouping
            size = (effects, len(other.terms))
            between = (q, len(predictor.design.groups[number].terms))
            F[k] = F.get(k, 0) + _within(matrix, between, size, (member.first, first))
    return Conditional(A, B.reshape(levels * effects, len(centre)), F, c), centre


def _within(
    matrix: Any, own: tuple[int, int], size: tuple[int, int], first: tuple[int, int]
) -> Any:
    """Return a matrix between effects of levels among those of terms with more of them.

    Parameters
    ----------
    matrix : sparse or dense array, shape (J q, K s)
    own, size : tuple of int
        Effects a level of its rows and columns, and of those of what is returned.
    first : tuple of int
        Where its own begin there.
    """
    from scipy import sparse

    found = sparse.coo_array(matrix)
    rows, columns = (
        at // q * n + at % q + f
        for at, q, n, f in zip((found.row, found.col), own, size, first, strict=True)
    )
    shape = tuple(n // q * m for n, q, m in zip(found.shape, own, size, strict=True))
    return sparse.coo_array((found.data, (rows, columns)), shape=shape).tocsr()
