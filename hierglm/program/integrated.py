"""A Gaussian response without its rows: crossproducts, and effects integrated out."""

from __future__ import annotations

from collections.abc import Mapping

from hierglm.plan.crossproducts import (
    Crossproducts,
    GroupCrossproducts,
    crossproducts,
    group_crossproducts,
)
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Block, Declare, Fragment, Place, Statement
from hierglm.program.groups import correlations, scale_outputs, standard_deviations
from hierglm.program.priors import PriorText
from hierglm.program.start import integrated_start

_FUNCTIONS = ("packed", "batched_precision", "batched_cholesky", "integrated_effects")


def integrated(plan: Plan) -> tuple[tuple[Fragment, ...], Mapping[str, Place]]:
    """Return the fragments of crossproducts, groups and likelihood, and where to start.

    Parameters
    ----------
    plan : Plan
        Its response is written by crossproducts and its effects are integrated out.
    """
    products, e = crossproducts(plan.model.design)
    design = plan.model.design
    sums = [group_crossproducts(design, grouping, e) for grouping in design.groups]
    groups = [_group(plan, number, found) for number, found in enumerate(sums)]
    places = integrated_start(plan, products, sums[0] if sums else None)
    return (_data(plan, products), *groups, _likelihood(plan)), places


def _group(plan: Plan, number: int, sums: GroupCrossproducts) -> Fragment:
    grouping = plan.model.design.groups[number]
    k, q = number + 1, len(grouping.terms)
    correlated = q > 1 and grouping.correlated
    sd = standard_deviations(plan, number)
    cor = correlations(plan, number) if correlated else PriorText()
    size = (f"J_{k}",)
    data = [
        Declare(
            Block.DATA, "int", f"J_{k}", bounds="lower=1", value=len(grouping.levels),
            note=f"levels of {grouping.group}",
        ),
        Declare(
            Block.DATA, "int", f"M_{k}", bounds="lower=1", value=q,
            note=f"effects a level: {', '.join(grouping.terms)}",
        ),
        Declare(
            Block.DATA, "int", f"T_{k}", bounds="lower=1", value=len(sums.ZZ),
            note="entries of a packed triangle",
        ),
        Declare(
            Block.DATA, "array[] vector", f"ZZ_{k}", (f"T_{k}", *size), value=sums.ZZ,
            note="Z'Z by level, packed",
        ),
        Declare(
            Block.DATA, "array[] matrix", f"ZX_{k}", (f"M_{k}", *size, "P"), value=sums.ZX,
            note="Z'X by level",
        ),
        Declare(
            Block.DATA, "array[] vector", f"Ze_{k}", (f"M_{k}", *size), value=sums.Ze,
            note="Z'e by level",
        ),
    ]  # fmt: skip
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(*data, *sd.declares, *cor.declares),
        statements=(*sd.statements, *cor.statements),
        outputs=scale_outputs(grouping, k, correlated),
    )


def _data(plan: Plan, products: Crossproducts) -> Fragment:
    data = [
        Declare(
            Block.DATA, "int", "P", bounds="lower=0", value=len(products.ols),
            note="common coefficients",
        ),
        Declare(
            Block.DATA, "vector", "b_ols", ("P",), value=products.ols,
            note="their least-squares estimates",
        ),
        Declare(Block.DATA, "matrix", "R", ("P", "P"), value=products.R, note="R'R = X'X"),
        Declare(
            Block.DATA, "real", "rss", bounds="lower=0", value=products.rss,
            note="residual sum of squares of least squares",
        ),
        Declare(
            Block.DATA, "real", "weights", bounds="lower=0", value=products.weights,
            note="rows, or the sum of their weights",
        ),
    ]  # fmt: skip
    label = plan.model.design.response.label
    return Fragment(origin=f"crossproducts of {label}", declares=tuple(data))


def _likelihood(plan: Plan) -> Fragment:
    sigma = "sigma" if "sigma" in plan.model.scales else "1"
    statements = [
        Statement(Block.MODEL, f"vector[P] d = {_coefficients(plan)} - b_ols;"),
        Statement(Block.MODEL, f"target += crossproducts_normal(d, {sigma}, weights, rss, R);"),
    ]
    for number in range(len(plan.groups)):
        scale = _scale(plan, number) + (" / sigma" if sigma == "sigma" else "")
        k = number + 1
        call = f"integrated_effects(d, {sigma}, {scale}, ZZ_{k}, ZX_{k}, Ze_{k})"
        statements.append(Statement(Block.MODEL, f"target += {call};"))
    return Fragment(
        origin=f"likelihood: {plan.model.family!r}",
        statements=tuple(statements),
        uses=("crossproducts_normal", *(_FUNCTIONS if plan.groups else ())),
    )


def _coefficients(plan: Plan) -> str:
    design = plan.model.design
    if not design.common.labels:
        return "rep_vector(Intercept, 1)" if design.intercept else "rep_vector(0, 0)"
    return "append_row(Intercept, b)" if design.intercept else "b"


def _scale(plan: Plan, number: int) -> str:
    """Return the Stan expression of the triangular factor of a term's covariance."""
    grouping, k = plan.model.design.groups[number], number + 1
    if len(grouping.terms) == 1:
        return f"rep_matrix(sd_{k}, 1, 1)"
    return f"diag_pre_multiply(sd_{k}, L_{k})" if grouping.correlated else f"diag_matrix(sd_{k})"
