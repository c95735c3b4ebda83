"""Where sampling starts, and how far the posterior reaches along each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.covariances.rr import rank
from hierglm.families.parameters import BOUNDS, FamilyParameter
from hierglm.plan.blocks import inverse
from hierglm.plan.forms import CommonForm, GroupForm, Plan
from hierglm.plan.penalised import Penalised
from hierglm.plan.rotation import known_factor
from hierglm.plan.variances import likely_freedom
from hierglm.program.common import centre, whitening
from hierglm.program.fragment import Place
from hierglm.program.given import estimated
from hierglm.program.low_rank import low_rank_places, low_rank_scores
from hierglm.program.positive import WIDEST, reaches
from hierglm.program.thresholds import threshold_places

Floats = NDArray[np.float64]

_FREEDOM = 0.8
"""About the posterior sd of the logarithm of degrees of freedom: the data say little of them."""


def start(plan: Plan) -> Mapping[str, Place]:
    """Return start and spread of each parameter of a program, by Stan name.

    Empty where there is no penalised fit to start from.
    """
    if plan.numbers is None or plan.numbers.fit is None:
        return {}
    fit = plan.numbers.fit
    places: dict[str, Place] = {}
    if plan.common.form is CommonForm.WHITENED:
        # Coefficients that are given have rows of 0 in W, and are at their centre.
        free = np.isnan(plan.model.given)
        away = np.linalg.solve(whitening(plan)[free], (fit.common - centre(plan))[free])
        places["b_std"] = Place(away, np.ones(len(away)))
        if plan.model.family.thresholds:
            places |= threshold_places(plan)
    for own in plan.model.parameters:
        if not plan.model.priors.scale(own.name).given:
            places |= _own(plan, own)
    for number, choice in enumerate(plan.groups):
        places |= _scales(plan, fit, number)
        if choice.form is not GroupForm.INTEGRATED:
            places |= _effects(plan, fit, number)
    return places


def _own(plan: Plan, parameter: FamilyParameter) -> dict[str, Place]:
    """Return where a parameter of the family is."""
    name = parameter.name
    if parameter.support == "positive":
        mode, reach = reaches(plan, name)
        return {f"log_{name}": Place(float(mode[0]), np.ones(1), unit=float(reach[0]))}
    assert plan.numbers is not None
    assert plan.numbers.fit is not None
    found = plan.numbers.fit.own[name]
    return {name: family_place(parameter, found.value, found.spread)}


def family_place(parameter: FamilyParameter, value: float, spread: float) -> Place:
    """Return where a parameter of the family is that is sampled as it is."""
    kind: Literal["bounded", "positive"] = "bounded" if parameter.support == "unit" else "positive"
    bounds = BOUNDS[parameter.support]
    return Place(value, np.minimum(WIDEST, [spread]), kind, bounds=bounds)


def _scales(plan: Plan, fit: Penalised, number: int) -> dict[str, Place]:
    if covariance_of(plan.model.groups[number]).low_rank:
        return low_rank_places(plan, fit, number)
    k, sd = number + 1, fit.sds[number]
    reach, ones = np.minimum(WIDEST, fit.spreads[number]), np.ones(len(sd))
    places: dict[str, Place] = {}
    if plan.model.priors.of("sd", number)[0].kind == "decov":
        tau = np.sqrt(np.mean(sd**2)) / fit.sigma
        places[f"tau_{k}"] = Place(float(tau), reach.max(keepdims=True), "positive")
        if len(sd) > 1:
            shares = sd**2 / np.sum(sd**2)
            places[f"pi_{k}"] = Place(shares, np.full(len(sd) - 1, reach.max()), "simplex")
    else:
        free = estimated(plan.model.priors.of("sd", number)).at
        several = len(sd) > 1 or bool(plan.model.groups[number].relation.strata)
        mode, unit = (
            (np.log(sd[free]), reach[free]) if several else (float(np.log(sd[0])), float(reach[0]))
        )
        places[f"log_sd_{k}"] = Place(mode, ones[free], unit=unit)
    places |= _correlations(plan, fit, number, reach)
    return places | _tails(plan, fit, number) | _fields(plan, fit, number)


def _fields(plan: Plan, fit: Penalised, number: int) -> dict[str, Place]:
    """Return where alpha or rho of a field is."""
    shares, spreads = fit.shares[number], fit.share_spreads[number]
    name = plan.model.groups[number].relation.parameter
    if shares is None or spreads is None or not name:
        return {}
    free = estimated(plan.model.priors.of(name, number))
    if free.none:
        return {}
    stan = f"{name}_{number + 1}{'_free' if free.mixed else ''}"
    return {stan: Place(shares[free.at], np.minimum(2.0, spreads[free.at]), "bounded")}


def _tails(plan: Plan, fit: Penalised, number: int) -> dict[str, Place]:
    """Return where degrees of freedom are, and the weights of levels."""
    weights, k = fit.weights[number], number + 1
    if weights is None:
        return {}
    df = likely_freedom(plan.model, number)
    places: dict[str, Place] = {}
    if not plan.model.priors.of("df", number)[0].given:
        places[f"df_{k}"] = Place(df, np.array([_FREEDOM]), "positive", bounds=(1.0, np.inf))
    unit = np.sqrt(2 * (df + 1)) / df
    places[f"log_weight_{k}"] = Place(np.log(weights), np.ones(len(weights)), unit=unit)
    return places


def _correlations(plan: Plan, fit: Penalised, number: int, reach: Floats) -> dict[str, Place]:
    k, sd = number + 1, fit.sds[number]
    structure = covariance_of(plan.model.design.groups[number])
    places: dict[str, Place] = {}
    if structure.one is not None and not plan.model.priors.of("cor", number)[0].given:
        q = len(fit.covariances[number])
        ends, width = (structure.one.lowest(q), 1.0), np.array([fit.rho_spreads[number]])
        places[f"rho_{k}"] = Place(fit.rhos[number], width, "bounded", bounds=ends)
    elif structure.free:
        covariance = fit.covariances[number]
        sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        q = sd.shape[-1]
        pairs = sd.size // q * (q * (q - 1) // 2)
        width = np.full(pairs, min(WIDEST, 1.4 * float(reach.max())))
        places[f"L_{k}"] = correlation_place(covariance, sd, width)
    return places


def correlation_place(covariance: Floats, sd: Floats, width: Floats) -> Place:
    """Return where the factor of a correlation matrix is, or of one for each stratum."""
    correlation = covariance / (sd[..., :, None] * sd[..., None, :])
    # Away from correlations of 1, where the factor has no unconstrained scale.
    correlation = 0.99 * correlation + 0.01 * np.eye(sd.shape[-1])
    return Place(np.linalg.cholesky(correlation), width, "correlation")


def _effects(plan: Plan, fit: Penalised, number: int) -> dict[str, Place]:
    """Return where standardised effects are; those about their conditional means are at 0."""
    levels, q = fit.effects[number].shape
    grouping = plan.model.groups[number]
    low = covariance_of(grouping).low_rank
    if plan.groups[number].form is GroupForm.CONDITIONAL:
        q = rank(grouping) if low else q
        return {f"z_{number + 1}": Place(np.zeros((q, levels)), np.ones(q * levels))}
    if low:
        z, spread = low_rank_scores(plan, fit, number)
        return {f"z_{number + 1}": Place(z, spread.flatten(order="F"))}
    covariance = inverse(fit.priors[number])
    C = np.broadcast_to(np.linalg.cholesky(covariance), (levels, q, q))
    effects = fit.effects[number]
    if plan.numbers is not None and number in plan.numbers.within:
        # From the fit's coordinates to those of the factor that the program has.
        by_level = plan.numbers.within[number] @ effects
        effects = np.asarray(np.linalg.solve(known_factor(grouping), by_level), dtype=np.float64)
    found = np.linalg.solve(C, effects[:, :, None])
    z = np.asarray(found[:, :, 0].T, dtype=np.float64)
    wide = np.sqrt(np.maximum(np.diagonal(fit.uncertain[number], axis1=1, axis2=2), 0))
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    spread = np.clip(wide / sd, 1e-3, 1.0)
    return {f"z_{number + 1}": Place(z, spread.reshape(-1))}
