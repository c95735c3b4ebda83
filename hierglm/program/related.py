"""Effects of levels that are related: known covariances, graphs, strata, outliers, memberships."""

from __future__ import annotations

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan, ResponseForm
from hierglm.program.fields import field_outputs, field_parts, field_weights, spectrum
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import by_row, effect_dims, intercept_only, predictor, sizes
from hierglm.program.scales import scale_functions, scale_outputs, scale_parts, scaled
from hierglm.program.strata import strata_data, strata_outputs, strata_parts, strata_scaled
from hierglm.program.tails import tail_outputs, tails


def related(plan: Plan, number: int) -> Fragment:
    """Return the fragment of one group term whose levels are related, standardised.

    Effects are ``factor (w * z) Lambda'`` of standard normals z, as
    `hierglm.design.relation.Relation` says.

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    grouping = plan.model.groups[number]
    relation, k = grouping.relation, number + 1
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    scales = strata_parts(plan, number) if relation.strata else scale_parts(plan, number)
    field, weights = field_parts(plan, number), tails(plan, number)
    functions = (
        *scale_functions(plan, number),
        *(("scale_strata",) if relation.strata and covariance_of(grouping).free else ()),
        *(("scale_effects",) if _by_effect(grouping) else ()),
        *(("member_effects",) if relation.members is not None else ()),
    )
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *sizes(grouping, k)[: 2 if rows else 3],
            *_levels(grouping, k),
            *(_rows(plan, number) if rows else ()),
            *scales.declares,
            *field.declares,
            *weights.declares,
            *_effects(grouping, k),
        ),
        statements=(
            *scales.statements,
            *field.statements,
            *weights.statements,
            Statement(Block.MODEL, f"to_vector(z_{k}) ~ std_normal();"),
        ),
        predictor=_predictor(grouping, k) if rows else "",
        uses=functions,
        outputs=(
            *(strata_outputs(plan, number) if relation.strata else scale_outputs(plan, number)),
            *_outputs(plan, number),
        ),
    )


def _levels(grouping: Grouping, k: int) -> list[Declare]:
    """Return what is known of the levels."""
    relation, declares = grouping.relation, []
    if relation.factor is not None:
        what = "independent coordinates of " + grouping.group
        square = relation.factor.shape[0] == relation.factor.shape[1]
        if not square:
            declares.append(
                Declare(
                    Block.DATA, "int", f"K_{k}", bounds="lower=1", value=relation.factor.shape[1],
                    note=what,
                )
            )  # fmt: skip
        note = "factor of the covariance of levels" if relation.kind == "cov" else f"from {what}"
        declares.append(
            Declare(
                Block.DATA, "matrix", f"factor_{k}", (f"J_{k}", _coordinates(grouping, k)),
                value=relation.factor, note=note,
            )
        )  # fmt: skip
    declares += spectrum(grouping, k, _coordinates(grouping, k))
    if relation.strata:
        declares += strata_data(grouping, k)
    return declares


def _rows(plan: Plan, number: int) -> list[Declare]:
    """Return the levels of each row, and the columns that vary."""
    grouping, k = plan.model.groups[number], number + 1
    members, shares = grouping.relation.members, grouping.relation.shares
    one = by_row(plan, number)
    if members is None or shares is None:
        return one
    N = f"N{plan.model.rows_of(number)}"
    return [
        Declare(
            Block.DATA, "array[,] int", f"group_{k}", (str(len(members)), N),
            f"lower=1, upper=J_{k}", value=members + 1,
            note=f"levels of each row: {grouping.group}",
        ),
        Declare(
            Block.DATA, "array[] vector", f"share_{k}", (str(len(members)), N), value=shares,
            note="how much a row has of each",
        ),
        *one[1:],
    ]  # fmt: skip


def _predictor(grouping: Grouping, k: int) -> str:
    if grouping.relation.members is None:
        return predictor(grouping, k, matrix=True)
    effects = f"member_effects(r_{k}, group_{k}, share_{k})"
    if len(grouping.terms) > 1:
        return f"rows_dot_product(Z_{k}, {effects})"
    one = f"to_vector({effects})"
    return one if intercept_only(grouping) else f"Z_{k} .* {one}"


def _effects(grouping: Grouping, k: int) -> list[Declare]:
    """Return standardised effects, and the effects of each level."""
    relation = grouping.relation
    z = f"z_{k}"
    if relation.strata:
        expr = strata_scaled(grouping, k, z if relation.factor is None else f"z_{k} * factor_{k}'")
    else:
        expr = scaled(grouping, k)
        if relation.parameter:
            weight = field_weights(grouping, k)
            expr = f"({weight} .* {expr})" if "*" not in expr else f"({weight} .* ({expr}))"
        if relation.factor is not None:
            expr = f"factor_{k} * {expr}" if expr.endswith(")") else f"factor_{k} * ({expr})"
    if relation.student:
        expr = f"diag_pre_multiply(inv_sqrt(weight_{k}), {expr})"
    return [
        Declare(
            Block.PARAMETERS, "matrix", f"z_{k}", (f"M_{k}", _coordinates(grouping, k)),
            note="standardised effects",
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", (f"J_{k}", f"M_{k}"), expr=expr,
            note=f"effects of each {grouping.group}",
        ),
    ]  # fmt: skip


def _coordinates(grouping: Grouping, k: int) -> str:
    """Return the Stan name of the number of standardised values of an effect."""
    factor = grouping.relation.factor
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
