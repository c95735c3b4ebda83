"""What every way of writing a group term shares: sds, correlations, data, names."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan
from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare, Output, Statement
from hierglm.program.given import given_value
from hierglm.program.positive import positive
from hierglm.program.priors import PriorText, scalar_prior

Floats = NDArray[np.float64]


def sizes(grouping: Grouping, k: int) -> list[Declare]:
    """Return the numbers of levels and of effects, and of entries of a packed triangle."""
    q = len(grouping.terms)
    return [
        Declare(
            Block.DATA, "int", f"J_{k}", bounds="lower=1", value=len(grouping.levels),
            note=f"levels of {grouping.group}",
        ),
        Declare(
            Block.DATA, "int", f"M_{k}", bounds="lower=1", value=q,
            note=f"effects a level: {', '.join(grouping.terms)}",
        ),
        Declare(
            Block.DATA, "int", f"T_{k}", bounds="lower=1", value=q * (q + 1) // 2,
            note="entries of a packed triangle",
        ),
    ]  # fmt: skip


def by_row(plan: Plan, number: int) -> list[Declare]:
    """Return the level of each row, and the columns that vary where they are not all 1."""
    grouping, k = plan.model.design.groups[number], number + 1
    index, Z = grouping.index, grouping.effects.matrix
    rows = plan.numbers.rows if plan.numbers is not None else None
    if rows is not None:
        index, Z = rows.index[number], rows.Z[number]
    names = ", ".join(grouping.terms)
    declares = [
        Declare(
            Block.DATA, "array[] int", f"group_{k}", ("N",), f"lower=1, upper=J_{k}",
            value=index + 1, note=f"{grouping.group} of each row",
        )
    ]  # fmt: skip
    if len(grouping.terms) > 1:
        declares.append(
            Declare(Block.DATA, "matrix", f"Z_{k}", ("N", f"M_{k}"), value=Z, note=names)
        )
    elif not intercept_only(grouping):
        declares.append(Declare(Block.DATA, "vector", f"Z_{k}", ("N",), value=Z[:, 0], note=names))
    return declares


def predictor(grouping: Grouping, k: int, *, matrix: bool = False) -> str:
    """Return what a term adds to the linear predictor.

    Parameters
    ----------
    grouping : Grouping
    k : int
        Number of the term in Stan names.
    matrix : bool
        Whether its effects are a matrix even where there is one effect a level.
    """
    if len(grouping.terms) > 1:
        return f"rows_dot_product(Z_{k}, r_{k}[group_{k}])"
    by_level = f"to_vector(r_{k})[group_{k}]" if matrix else f"r_{k}[group_{k}]"
    return by_level if intercept_only(grouping) else f"Z_{k} .* {by_level}"


def scale(plan: Plan, number: int) -> str:
    """Return the Stan expression of the triangular factor of a term's covariance."""
    grouping, k = plan.model.design.groups[number], number + 1
    if len(grouping.terms) == 1:
        return f"rep_matrix(sd_{k}, 1, 1)"
    return f"diag_pre_multiply(sd_{k}, L_{k})" if grouping.correlated else f"diag_matrix(sd_{k})"


def intercept_only(grouping: Grouping) -> bool:
    """Tell whether a term's effects multiply nothing but ones."""
    return grouping.terms == ("Intercept",)


def standard_deviations(plan: Plan, number: int) -> PriorText:
    """Return declaration and prior of a term's standard deviations."""
    grouping = plan.model.design.groups[number]
    k, terms = number + 1, grouping.terms
    priors = plan.model.priors.of("sd", number)
    note = f"sd of {', '.join(terms)} over {grouping.group}"
    if priors[0].kind == "decov":
        return _decov(plan, number, priors[0], note)
    return positive(plan, f"sd_{k}", note, priors, f"M_{k}" if len(terms) > 1 else "")


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


def scale_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the outputs of a term's standard deviations and correlations."""
    grouping, k = plan.model.design.groups[number], number + 1
    name, terms = grouping.group, grouping.terms
    by_term = (f"{name}_term", terms)
    value = given_value(plan.model.priors.of("sd", number), scalar=False)
    outputs = [Output(f"sd_{k}", f"sd_{name}", "ran_sd", name, (by_term,), value=value)]
    if grouping.correlated and len(terms) > 1:
        pairs = term_pairs(grouping)
        rows, columns = np.triu_indices(len(terms), 1)
        pick = (rows.astype(np.int64), columns.astype(np.int64))
        dims = ((f"{name}_pair", pairs),)
        outputs.append(Output(f"cor_{k}", f"cor_{name}", "ran_cor", name, dims, pick))
    return tuple(outputs)


def term_pairs(grouping: Grouping) -> tuple[tuple[str, str], ...]:
    """Return the pairs of terms that have a correlation, in order."""
    return tuple(combinations(grouping.terms, 2))


def effect_dims(grouping: Grouping) -> tuple[tuple[str, Any], ...]:
    """Return names and labels of the dimensions of a term's effects."""
    return ((grouping.group, grouping.levels), (f"{grouping.group}_term", grouping.terms))
