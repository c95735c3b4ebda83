"""Effects that vary over the levels of a grouping factor."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan
from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.priors import PriorText, scalar_prior, vector_prior


def group(plan: Plan, number: int) -> Fragment:
    """Return the fragment of one group term, with standardised effects.

    Parameters
    ----------
    plan : Plan
        The plan.
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    grouping = plan.model.design.groups[number]
    k = number + 1
    several = len(grouping.terms) > 1
    correlated = several and grouping.correlated
    sd = standard_deviations(plan, number)
    cor = correlations(plan, number) if correlated else PriorText()
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *_data(grouping, k),
            *sd.declares,
            *cor.declares,
            *_effects(grouping, k, correlated),
        ),
        statements=(*sd.statements, *cor.statements, _standard(k, several)),
        predictor=_predictor(grouping, k),
        uses=("scale_effects",) if correlated else (),
        outputs=(
            *scale_outputs(grouping, k, correlated),
            Output(
                f"r_{k}",
                f"r_{grouping.group}",
                "ran_vals",
                grouping.group,
                effect_dims(grouping),
            ),
        ),
    )


def _intercept_only(grouping: Grouping) -> bool:
    return grouping.terms == ("Intercept",)


def _data(grouping: Grouping, k: int) -> list[Declare]:
    levels, terms = len(grouping.levels), grouping.terms
    index = grouping.index + 1
    declares = [
        Declare(
            Block.DATA, "int", f"J_{k}", bounds="lower=1", value=levels,
            note=f"levels of {grouping.group}",
        ),
        Declare(
            Block.DATA, "array[] int", f"group_{k}", ("N",), f"lower=1, upper=J_{k}",
            value=index, note=f"{grouping.group} of each row",
        ),
    ]  # fmt: skip
    z, names = grouping.effects.matrix, ", ".join(terms)
    if len(terms) > 1:
        declares += [
            Declare(
                Block.DATA, "int", f"M_{k}", bounds="lower=1", value=len(terms),
                note="effects a level",
            ),
            Declare(Block.DATA, "matrix", f"Z_{k}", ("N", f"M_{k}"), value=z, note=names),
        ]  # fmt: skip
    elif not _intercept_only(grouping):
        declares.append(Declare(Block.DATA, "vector", f"Z_{k}", ("N",), value=z[:, 0], note=names))
    return declares


def standard_deviations(plan: Plan, number: int) -> PriorText:
    """Return declaration and prior of a term's standard deviations."""
    grouping = plan.model.design.groups[number]
    k, terms = number + 1, grouping.terms
    priors = plan.model.priors.of("sd", number)
    note = f"sd of {', '.join(terms)} over {grouping.group}"
    if priors[0].kind == "decov":
        return _decov(plan, number, priors[0], note)
    if len(terms) == 1:
        declare = Declare(Block.PARAMETERS, "real", f"sd_{k}", bounds="lower=0", note=note)
        prior = scalar_prior(f"sd_{k}", priors[0])
    else:
        declare = Declare(Block.PARAMETERS, "vector", f"sd_{k}", (f"M_{k}",), "lower=0", note=note)
        prior = vector_prior(f"sd_{k}", f"M_{k}", priors)
    return PriorText((declare, *prior.declares), prior.statements)


def _decov(plan: Plan, number: int, prior: Prior, note: str) -> PriorText:
    """Return rstanarm's prior: a common scale tau, split over the effects by proportions pi."""
    k, several = number + 1, len(plan.model.design.groups[number].terms) > 1
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


def correlations(plan: Plan, number: int) -> PriorText:
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
                note=f"correlations of {', '.join(plan.model.design.groups[number].terms)}",
            ),
        ),
        (Statement(Block.MODEL, f"L_{k} ~ lkj_corr_cholesky({name});"),),
    )  # fmt: skip


def _effects(grouping: Grouping, k: int, correlated: bool) -> list[Declare]:
    note = f"effects of each {grouping.group}"
    if len(grouping.terms) == 1:
        return [
            Declare(Block.PARAMETERS, "vector", f"z_{k}", (f"J_{k}",), note="standardised effects"),
            Declare(
                Block.TRANSFORMED_PARAMETERS, "vector", f"r_{k}", (f"J_{k}",),
                expr=f"sd_{k} * z_{k}", note=note,
            ),
        ]  # fmt: skip
    expr = f"scale_effects(z_{k}, sd_{k}, L_{k})"
    if not correlated:
        expr = f"diag_pre_multiply(sd_{k}, z_{k})'"
    dims = (f"M_{k}", f"J_{k}")
    return [
        Declare(Block.PARAMETERS, "matrix", f"z_{k}", dims, note="standardised effects"),
        Declare(Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", dims[::-1], expr=expr, note=note),
    ]


def _standard(k: int, several: bool) -> Statement:
    z = f"to_vector(z_{k})" if several else f"z_{k}"
    return Statement(Block.MODEL, f"{z} ~ std_normal();")


def _predictor(grouping: Grouping, k: int) -> str:
    if len(grouping.terms) > 1:
        return f"rows_dot_product(Z_{k}, r_{k}[group_{k}])"
    if _intercept_only(grouping):
        return f"r_{k}[group_{k}]"
    return f"Z_{k} .* r_{k}[group_{k}]"


def scale_outputs(grouping: Grouping, k: int, correlated: bool) -> tuple[Output, ...]:
    """Return the outputs of a term's standard deviations and correlations."""
    name, terms = grouping.group, grouping.terms
    by_term = (f"{name}_term", terms)
    outputs = [Output(f"sd_{k}", f"sd_{name}", "ran_sd", name, (by_term,))]
    if correlated:
        pairs = tuple(combinations(terms, 2))
        rows, columns = np.triu_indices(len(terms), 1)
        pick = (rows.astype(np.int64), columns.astype(np.int64))
        dims = ((f"{name}_pair", pairs),)
        outputs.append(Output(f"cor_{k}", f"cor_{name}", "ran_cor", name, dims, pick))
    return tuple(outputs)


def effect_dims(grouping: Grouping) -> tuple[tuple[str, Any], ...]:
    """Return names and labels of the dimensions of a term's effects."""
    return ((grouping.group, grouping.levels), (f"{grouping.group}_term", grouping.terms))
