"""Effects as standard normals, scaled."""

from __future__ import annotations

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.plan.forms import GroupForm, Plan, ResponseForm
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import by_row, effect_dims, predictor, row_functions, sizes
from hierglm.program.related import related
from hierglm.program.rotated import is_rotated
from hierglm.program.scales import factors, scale_functions, scale_outputs, scale_parts, scaled


def standardised(plan: Plan, number: int) -> Fragment:
    """Return the fragment of one group term, with standardised effects.

    Parameters
    ----------
    plan : Plan
        The plan.
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    grouping = plan.model.groups[number]
    # In coordinates a term is one with independent levels, but for what a field makes of them.
    alike = is_rotated(plan, number) and not grouping.relation.parameter
    if not (grouping.relation.plain or alike):
        return related(plan, number)
    k = number + 1
    several = len(grouping.terms) > 1
    covariance, scales = covariance_of(grouping), scale_parts(plan, number)
    each = covariance.correlated and not covariance.common_sd
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    # Crossproducts, and terms that move with these effects, have them in a matrix.
    matrix = several or not rows or any(c.form is GroupForm.CONDITIONAL for c in plan.groups)
    count = 3 if not rows else 2 if matrix else 1
    # Of a term that several predictors share, each has rows of its own.
    own = rows and not plan.model.shares(number)
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *sizes(grouping, k)[:count],
            *(by_row(plan, number) if own else ()),
            *scales.declares,
            *_effects(grouping, k, matrix),
        ),
        statements=(*scales.statements, _standard(k, matrix)),
        predictor=predictor(grouping, k, matrix=matrix) if own else "",
        uses=(
            *scale_functions(plan, number),
            *(("scale_effects",) if each else ()),
            *(row_functions(grouping) if own else ()),
        ),
        outputs=(
            *scale_outputs(plan, number),
            Output(
                f"r_{k}",
                f"r_{grouping.group}",
                "ran_vals",
                grouping.group,
                effect_dims(grouping),
            ),
        ),
    )


def _effects(grouping: Grouping, k: int, matrix: bool) -> list[Declare]:
    note = f"effects of each {grouping.group}"
    if not matrix:
        return [
            Declare(Block.PARAMETERS, "vector", f"z_{k}", (f"J_{k}",), note="standardised effects"),
            Declare(
                Block.TRANSFORMED_PARAMETERS, "vector", f"r_{k}", (f"J_{k}",),
                expr=f"sd_{k} * z_{k}", note=note,
            ),
        ]  # fmt: skip
    dims, expr = (f"M_{k}", f"J_{k}"), scaled(grouping, k)
    return [
        Declare(
            Block.PARAMETERS, "matrix", f"z_{k}", (factors(grouping, k), f"J_{k}"),
            note="standardised effects",
        ),
        Declare(Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", dims[::-1], expr=expr, note=note),
    ]  # fmt: skip


def _standard(k: int, matrix: bool) -> Statement:
    z = f"to_vector(z_{k})" if matrix else f"z_{k}"
    return Statement(Block.MODEL, f"{z} ~ std_normal();")
