"""Where sampling starts beside several linear predictors: about the penalised fit of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.plan.forms import GroupForm, Plan
from hierglm.plan.penalised import Penalised
from hierglm.program.fragment import Place
from hierglm.program.positive import WIDEST
from hierglm.program.start import correlation_place, family_place

Floats = NDArray[np.float64]


def start_beside(plan: Plan) -> Mapping[str, Place]:
    """Return start and spread of each parameter of a program, by Stan name.

    Empty where a predictor has no penalised fit, an effect stays standardised, a parameter is
    given, or effects have one correlation for all.

    Parameters
    ----------
    plan : Plan
        With `parts`.
    """
    beside = plan.numbers.beside if plan.numbers is not None else None
    groups = plan.model.groups
    if beside is None or len(beside.fits) < len(plan.parts) or plan.model.priors.given:
        return {}
    if any(c.form is not GroupForm.CONDITIONAL for c in plan.groups):
        return {}
    if any(covariance_of(g).one is not None for g in groups):
        return {}
    places: dict[str, Place] = {}
    for k, part in enumerate(plan.parts):
        places |= _coefficients(part, beside.fits[k]) | _own(part, beside.fits[k])
    for number, joined in enumerate(plan.model.joined):
        places |= _effects(plan, number, [(beside.fits[m.part], m.number) for m in joined.members])
    return places


def _coefficients(part: Plan, fit: Penalised) -> dict[str, Place]:
    """Return where the intercept and the coefficients of a predictor are."""
    design, of = part.model.design, part.model.part.ending
    spread, at = np.sqrt(np.diag(fit.solved.covariance)), int(design.intercept)
    places = {}
    if design.intercept:
        places[f"Intercept{of}"] = Place(float(fit.common[0]), spread[:1])
    if design.common.labels:
        places[f"b{of}"] = Place(fit.common[at:], spread[at:])
    return places


def _own(part: Plan, fit: Penalised) -> dict[str, Place]:
    """Return where the parameters of the family are."""
    places = {}
    for parameter in part.model.parameters:
        value, spread = fit.sigma, fit.sigma_spread
        if parameter.name in fit.own:
            value, spread = fit.own[parameter.name].value, fit.own[parameter.name].spread
        name = f"{parameter.name}{part.model.part.rows}"
        places[name] = family_place(parameter, value, spread)
    return places


def _effects(plan: Plan, number: int, fits: Sequence[tuple[Penalised, int]]) -> dict[str, Place]:
    """Return where the sds, the correlations and the effects of a term are."""
    from scipy.linalg import block_diag

    grouping, k = plan.model.groups[number], number + 1
    structure, q = covariance_of(grouping), len(grouping.terms)
    sd = np.concatenate([fit.sds[n] for fit, n in fits])
    reach = np.minimum(WIDEST, np.concatenate([fit.spreads[n] for fit, n in fits]))
    places = {f"sd_{k}": Place(sd if len(sd) > 1 else float(sd[0]), reach, "positive")}
    if structure.free:
        covariance = block_diag(*(fit.covariances[n] for fit, n in fits))
        row, column = np.tril_indices(q, -1)
        width = np.minimum(WIDEST, 1.4 * np.maximum(reach[row], reach[column]))
        places[f"L_{k}"] = correlation_place(covariance, sd, width)
    levels = len(grouping.levels)
    places[f"z_{k}"] = Place(np.zeros((q, levels)), np.ones(q * levels))
    return places
