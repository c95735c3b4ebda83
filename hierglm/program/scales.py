"""The covariance of a term's effects as Stan text: sds, correlations, their triangular factor."""

from __future__ import annotations

from typing import Any

import numpy as np

from hierglm.covariances import correlated_terms, covariance_of, effect_times, sd_terms
from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan
from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare, Output, Statement
from hierglm.program.given import datum, given_value
from hierglm.program.low_rank import low_rank_functions, low_rank_outputs, low_rank_parts
from hierglm.program.positive import positive
from hierglm.program.priors import PriorText, scalar_prior

TOGETHER = 10
"""Most effects of a term whose small matrices are factored for all levels at once; those of more
are, one level after the other: `stan/functions/integrated_by_level.stan` has what both take."""


def scale_parts(plan: Plan, number: int) -> PriorText:
    """Return declarations and priors of the sds and the correlations of a term's effects."""
    covariance = covariance_of(plan.model.groups[number])
    if covariance.low_rank:
        return low_rank_parts(plan, number)
    sd = _standard_deviations(plan, number)
    cor = PriorText()
    if covariance.free:
        cor = _correlations(plan, number)
    elif covariance.one is not None:
        cor = _one_correlation(plan, number)
    return PriorText((*sd.declares, *cor.declares), (*sd.statements, *cor.statements))


def scale_functions(plan: Plan, number: int) -> tuple[str, ...]:
    """Return the library functions that the factor of a term's covariance needs."""
    covariance = covariance_of(plan.model.groups[number])
    if covariance.low_rank:
        return low_rank_functions(plan, number)
    one = covariance.one
    return () if one is None else (one.stan,)


def scale(plan: Plan, number: int) -> str:
    """Return the Stan expression of the factor of a term's covariance.

    It is lower triangular, unless the covariance is that of a few factors.
    """
    grouping, k = plan.model.groups[number], number + 1
    covariance = covariance_of(grouping)
    if covariance.low_rank:
        return f"U_{k}"
    if len(grouping.terms) == 1:
        return f"rep_matrix(sd_{k}, 1, 1)"
    if covariance.common_sd:
        one = f"diag_matrix(rep_vector(sd_{k}, M_{k}))"
        return f"sd_{k} * L_{k}" if covariance.correlated else one
    return f"diag_pre_multiply(sd_{k}, L_{k})" if covariance.correlated else f"diag_matrix(sd_{k})"


def factors(grouping: Grouping, k: int) -> str:
    """Return the Stan name of the number of standardised effects of a level."""
    return f"{'D' if covariance_of(grouping).low_rank else 'M'}_{k}"


def scaled(grouping: Grouping, k: int) -> str:
    """Return the Stan expression of effects, one row a level, from standardised ones."""
    covariance = covariance_of(grouping)
    if covariance.low_rank:
        return f"(U_{k} * z_{k})'"
    if len(grouping.terms) == 1:
        return f"sd_{k} * z_{k}'"
    if covariance.common_sd:
        return f"sd_{k} * (L_{k} * z_{k})'" if covariance.correlated else f"sd_{k} * z_{k}'"
    if covariance.correlated:
        return f"scale_effects(z_{k}, sd_{k}, L_{k})"
    return f"diag_pre_multiply(sd_{k}, z_{k})'"


def _standard_deviations(plan: Plan, number: int) -> PriorText:
    """Return declaration and prior of a term's standard deviations."""
    grouping = plan.model.groups[number]
    k, several = number + 1, len(sd_terms(grouping)) > 1
    priors = plan.model.priors.of("sd", number)
    note = f"sd of {', '.join(grouping.terms)} over {grouping.group}"
    if priors[0].kind == "decov":
        return _decov(plan, number, priors[0], note)
    return positive(plan, f"sd_{k}", note, priors, f"M_{k}" if several else "")


def _decov(plan: Plan, number: int, prior: Prior, note: str) -> PriorText:
    """Return rstanarm's prior: a common scale tau, split over the effects by proportions pi."""
    k, several = number + 1, len(sd_terms(plan.model.groups[number])) > 1
    _, concentration, shape, scale = prior.numbers
    times = "sigma * " if "sigma" in plan.model.scales else ""
    tau = scalar_prior(f"tau_{k}", Prior("gamma", (shape, 1 / scale)))
    declares = [
        Declare(Block.PARAMETERS, "real", f"tau_{k}", bounds="lower=0", note="common scale"),
        *tau.declares,
    ]
    statements = list(tau.statements)
    if not several:
        expr = f"{times}tau_{k}"
        declares.append(
            Declare(Block.TRANSFORMED_PARAMETERS, "real", f"sd_{k}", expr=expr, note=note)
        )
        return PriorText(tuple(declares), tuple(statements))
    name = f"prior_pi_{k}_concentration"
    declares += [
        Declare(Block.DATA, "real", name, bounds="lower=0", value=concentration),
        Declare(Block.PARAMETERS, "simplex", f"pi_{k}", (f"M_{k}",), note="shares of the variance"),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "vector", f"sd_{k}", (f"M_{k}",),
            expr=f"{times}tau_{k} * sqrt(M_{k} * pi_{k})", note=note,
        ),
    ]  # fmt: skip
    text = f"pi_{k} ~ dirichlet(rep_vector({name}, M_{k}));"
    return PriorText(tuple(declares), (*statements, Statement(Block.MODEL, text)))


def _correlations(plan: Plan, number: int) -> PriorText:
    """Return declaration and prior of a term's correlations."""
    k = number + 1
    eta = plan.model.priors.of("cor", number)[0].numbers[0]
    name = f"prior_cor_{k}_eta"
    note = "Cholesky factor of their correlation matrix"
    return PriorText(
        (
            Declare(Block.DATA, "real", name, bounds="lower=0", value=eta),
            Declare(Block.PARAMETERS, "cholesky_factor_corr", f"L_{k}", (f"M_{k}",), note=note),
            Declare(
                Block.GENERATED, "corr_matrix", f"cor_{k}", (f"M_{k}",),
                expr=f"multiply_lower_tri_self_transpose(L_{k})",
                note=f"correlations of {', '.join(plan.model.groups[number].terms)}",
            ),
        ),
        (Statement(Block.MODEL, f"L_{k} ~ lkj_corr_cholesky({name});"),),
    )  # fmt: skip


def _one_correlation(plan: Plan, number: int) -> PriorText:
    """Return declaration and prior of the one correlation of a term's effects."""
    grouping, k = plan.model.groups[number], number + 1
    one = covariance_of(grouping).one
    assert one is not None
    priors = plan.model.priors.of("cor", number)
    name, note = f"rho_{k}", f"correlation of {', '.join(grouping.terms)}"
    bounds = f"lower={'-1' if one.by_time else f'-1.0 / (M_{k} - 1)'}, upper=1"
    times = Declare(
        Block.DATA, "array[] int", f"time_{k}", (f"M_{k}",), value=effect_times(grouping),
        note="times of the effects",
    )  # fmt: skip
    rho = Declare(Block.PARAMETERS, "real", name, bounds=bounds, note=note)
    factor = Declare(
        Block.TRANSFORMED_PARAMETERS, "matrix", f"L_{k}", (f"M_{k}", f"M_{k}"),
        expr=f"{one.stan}({name}, {f'time_{k}' if one.by_time else f'M_{k}'})",
        note="Cholesky factor of their correlation matrix",
    )  # fmt: skip
    prior = _lkj(k, priors[0]) if priors[0].kind == "lkj" else scalar_prior(name, priors[0])
    return PriorText(
        (
            *((times,) if one.by_time else ()),
            datum(name, priors, note) if priors[0].given else rho,
            factor,
            *prior.declares,
        ),
        prior.statements,
    )


def _lkj(k: int, prior: Prior) -> PriorText:
    """Return a density proportional to |C|^(eta - 1)."""
    name = f"prior_cor_{k}_eta"
    text = f"target += 2 * ({name} - 1) * sum(log(diagonal(L_{k})));"
    return PriorText(
        (Declare(Block.DATA, "real", name, bounds="lower=0", value=prior.numbers[0]),),
        (Statement(Block.MODEL, text, f"|C|^({name} - 1)"),),
    )


def scale_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the outputs of a term's standard deviations and correlations."""
    grouping, k = plan.model.groups[number], number + 1
    name, covariance = grouping.group, covariance_of(grouping)
    if covariance.low_rank:
        return tuple(low_rank_outputs(plan, number))
    value = given_value(plan.model.priors.of("sd", number), scalar=False)
    dims: tuple[tuple[str, Any], ...] = ((f"{name}_term", sd_terms(grouping)),)
    outputs = [Output(f"sd_{k}", f"sd_{name}", "ran_sd", name, dims, value=value)]
    dims = ((f"{name}_pair", correlated_terms(grouping)),)
    if covariance.free:
        rows, columns = np.triu_indices(len(grouping.terms), 1)
        pick = (rows.astype(np.int64), columns.astype(np.int64))
        outputs.append(Output(f"cor_{k}", f"cor_{name}", "ran_cor", name, dims, pick))
    elif covariance.one is not None:
        value = given_value(plan.model.priors.of("cor", number), scalar=False)
        outputs.append(Output(f"rho_{k}", f"cor_{name}", "ran_cor", name, dims, value=value))
    return tuple(outputs)
