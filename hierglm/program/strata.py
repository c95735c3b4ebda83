"""Covariances of their own in each stratum of levels: ``(x | gr(g, by=f))``."""

from __future__ import annotations

import numpy as np

from hierglm.covariances import correlated_terms, covariance_of, sd_terms
from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Block, Declare, Output, Statement
from hierglm.program.given import given_value
from hierglm.program.positive import positive
from hierglm.program.priors import PriorText


def strata_data(grouping: Grouping, k: int) -> list[Declare]:
    """Return how many strata there are, and in which each level lies."""
    relation = grouping.relation
    assert relation.stratum is not None
    return [
        Declare(
            Block.DATA, "int", f"F_{k}", bounds="lower=1", value=len(relation.strata),
            note=f"strata: {', '.join(relation.strata)}",
        ),
        Declare(
            Block.DATA, "array[] int", f"stratum_{k}", (f"J_{k}",), f"lower=1, upper=F_{k}",
            value=relation.stratum + 1, note="of each level",
        ),
    ]  # fmt: skip


def strata_parts(plan: Plan, number: int) -> PriorText:
    """Return sds and correlations of a term's effects in each stratum, with their priors.

    The sds are one vector, stratum by stratum.
    """
    grouping, k = plan.model.groups[number], number + 1
    priors = plan.model.priors.of("sd", number)
    note = f"sd of {', '.join(grouping.terms)} in each stratum"
    size = f"F_{k}" if covariance_of(grouping).common_sd else f"F_{k} * M_{k}"
    sd = positive(plan, f"sd_{k}", note, priors, size)
    if not covariance_of(grouping).free:
        return sd
    eta, name = plan.model.priors.of("cor", number)[0].numbers[0], f"prior_cor_{k}_eta"
    return PriorText(
        (
            *sd.declares,
            Declare(Block.DATA, "real", name, bounds="lower=0", value=eta),
            Declare(
                Block.PARAMETERS, "array[] cholesky_factor_corr", f"L_{k}", (f"F_{k}", f"M_{k}"),
                note="Cholesky factors of their correlation matrices",
            ),
            Declare(
                Block.GENERATED, "array[] corr_matrix", f"cor_{k}", (f"F_{k}", f"M_{k}"),
                note=f"correlations of {', '.join(grouping.terms)}",
            ),
        ),
        (
            *sd.statements,
            _each(Block.MODEL, k, f"L_{k}[f] ~ lkj_corr_cholesky({name});"),
            _each(Block.GENERATED, k, f"cor_{k}[f] = multiply_lower_tri_self_transpose(L_{k}[f]);"),
        ),
    )  # fmt: skip


def strata_scaled(grouping: Grouping, k: int, z: str) -> str:
    """Return the Stan expression of effects, one row a level, from standardised ones.

    Parameters
    ----------
    grouping : Grouping
    k : int
        Number of the term in Stan names.
    z : str
        Standardised effects, one column a level.
    """
    if covariance_of(grouping).common_sd or len(grouping.terms) == 1:
        sd = f"sd_{k}[stratum_{k}]"
        return f"diag_pre_multiply({sd}, ({z})')" if " " in z else f"diag_pre_multiply({sd}, {z}')"
    sd = f"to_matrix(sd_{k}, M_{k}, F_{k})"
    if covariance_of(grouping).free:
        return f"scale_strata({z}, {sd}, L_{k}, stratum_{k})"
    return f"({sd}[, stratum_{k}] .* ({z}))'" if " " in z else f"({sd}[, stratum_{k}] .* {z})'"


def strata_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the outputs of a term's sds and correlations, stratum by stratum."""
    grouping, k = plan.model.groups[number], number + 1
    name, terms, strata = grouping.group, grouping.terms, grouping.relation.strata
    value = given_value(plan.model.priors.of("sd", number), scalar=False)
    dims = ((f"{name}_term", sd_terms(grouping)),)
    outputs = [Output(f"sd_{k}", f"sd_{name}", "ran_sd", name, dims, value=value)]
    if covariance_of(grouping).free:
        rows, columns = (x.astype(np.int64) for x in np.triu_indices(len(terms), 1))
        pick = (
            np.repeat(np.arange(len(strata)), len(rows)),
            np.tile(rows, len(strata)),
            np.tile(columns, len(strata)),
        )
        outputs.append(
            Output(
                f"cor_{k}",
                f"cor_{name}",
                "ran_cor",
                name,
                ((f"{name}_pair", correlated_terms(grouping)),),
                pick,
            )
        )
    return tuple(outputs)


def _each(block: Block, k: int, text: str) -> Statement:
    return Statement(block, f"for (f in 1:F_{k}) {{\n  {text}\n}}")
