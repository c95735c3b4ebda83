"""Effects of levels that are related: known covariances, graphs, strata, outliers, memberships."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan, ResponseForm
from hierglm.program.fields import field_outputs, field_parts, field_weights, spectrum
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import by_row, effect_dims, predictor, row_functions, sizes
from hierglm.program.rotated import is_rotated
from hierglm.program.scales import scale_functions, scale_outputs, scale_parts, scaled
from hierglm.program.strata import strata_data, strata_outputs, strata_parts, strata_scaled
from hierglm.program.tails import tail_outputs, tails

Floats = NDArray[np.float64]


def related(plan: Plan, number: int) -> Fragment:
    """Return the fragment of one group term whose levels are related, standardised.

    Effects are ``factor (w * z) Lambda'`` of standard normals z, as
    `hierglm.design.relation.Relation` says; those in coordinates where the term is about these.

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    grouping = plan.model.groups[number]
    relation, k = grouping.relation, number + 1
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    factor = None if is_rotated(plan, number) else relation.factor
    scales = strata_parts(plan, number) if relation.strata else scale_parts(plan, number)
    field, weights = field_parts(plan, number), tails(plan, number)
    functions = (
        *scale_functions(plan, number),
        *(("scale_strata",) if relation.strata and covariance_of(grouping).free else ()),
        *(("scale_effects",) if _by_effect(grouping) else ()),
        *(row_functions(grouping) if rows else ()),
    )
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *sizes(grouping, k)[: 2 if rows else 3],
            *_levels(grouping, k, factor),
            *(by_row(plan, number) if rows else ()),
            *scales.declares,
            *field.declares,
            *weights.declares,
            *_effects(grouping, k, factor),
        ),
        statements=(
            *scales.statements,
            *field.statements,
            *weights.statements,
            Statement(Block.MODEL, f"to_vector(z_{k}) ~ std_normal();"),
        ),
        predictor=predictor(grouping, k, matrix=True) if rows else "",
        uses=functions,
        outputs=(
            *(strata_outputs(plan, number) if relation.strata else scale_outputs(plan, number)),
            *_outputs(plan, number),
        ),
    )


def _levels(grouping: Grouping, k: int, factor: Floats | None) -> list[Declare]:
    """Return what is known of the levels."""
    relation, declares = grouping.relation, []
    if factor is not None:
        what = "independent coordinates of " + grouping.group
        square = factor.shape[0] == factor.shape[1]
        if not square:
            declares.append(
                Declare(
                    Block.DATA, "int", f"K_{k}", bounds="lower=1", value=factor.shape[1],
                    note=what,
                )
            )  # fmt: skip
        note = "factor of the covariance of levels" if relation.kind == "cov" else f"from {what}"
        declares.append(
            Declare(
                Block.DATA, "matrix", f"factor_{k}", (f"J_{k}", _coordinates(factor, k)),
                value=factor, note=note,
            )
        )  # fmt: skip
    declares += spectrum(grouping, k, _coordinates(factor, k))
    if relation.strata:
        declares += strata_data(grouping, k)
    return declares


def _effects(grouping: Grouping, k: int, factor: Floats | None) -> list[Declare]:
    """Return standardised effects, and the effects of each level."""
    relation = grouping.relation
    z = f"z_{k}"
    if relation.strata:
        expr = strata_scaled(grouping, k, z if factor is None else f"z_{k} * factor_{k}'")
    else:
        expr = scaled(grouping, k)
        if relation.parameter:
            weight = field_weights(grouping, k)
            expr = f"({weight} .* {expr})" if "*" not in expr else f"({weight} .* ({expr}))"
        if factor is not None:
            expr = f"factor_{k} * {expr}" if expr.endswith(")") else f"factor_{k} * ({expr})"
    if relation.student:
        expr = f"diag_pre_multiply(inv_sqrt(weight_{k}), {expr})"
    return [
        Declare(
            Block.PARAMETERS, "matrix", f"z_{k}", (f"M_{k}", _coordinates(factor, k)),
            note="standardised effects",
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", (f"J_{k}", f"M_{k}"), expr=expr,
            note=f"effects of each {grouping.group}",
        ),
    ]  # fmt: skip


def _coordinates(factor: Floats | None, k: int) -> str:
    """Return the Stan name of the number of standardised values of an effect."""
    return f"J_{k}" if factor is None or factor.shape[0] == factor.shape[1] else f"K_{k}"


def _by_effect(grouping: Grouping) -> bool:
    """Tell whether each effect has an sd, and correlations."""
    covariance = covariance_of(grouping)
    each = covariance.correlated and not covariance.common_sd
    return each and not grouping.relation.strata


def _outputs(plan: Plan, number: int) -> list[Output]:
    grouping, k = plan.model.groups[number], number + 1
    name = grouping.group
    return [
        *field_outputs(plan, number),
        *tail_outputs(plan, number),
        Output(f"r_{k}", f"r_{name}", "ran_vals", name, effect_dims(grouping)),
    ]
