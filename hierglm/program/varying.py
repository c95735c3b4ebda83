"""The covariance of a term's effects where levels may differ in it.

They do in strata, by the weights of Student t effects, and as coordinates of fields.
"""

from __future__ import annotations

from hierglm.covariances import covariance_of
from hierglm.plan.forms import Plan
from hierglm.program.fields import field_outputs, field_parts, field_weights, spectrum
from hierglm.program.fragment import Output
from hierglm.program.priors import PriorText
from hierglm.program.scales import factors, scale, scale_functions, scale_outputs, scale_parts
from hierglm.program.strata import strata_data, strata_outputs, strata_parts
from hierglm.program.tails import tail_outputs, tails


def level_parts(plan: Plan, number: int) -> PriorText:
    """Return what is known of strata and fields, and all that makes covariances, with priors."""
    grouping, k = plan.model.groups[number], number + 1
    strata = bool(grouping.relation.strata)
    scales = strata_parts(plan, number) if strata else scale_parts(plan, number)
    weights, field = tails(plan, number), field_parts(plan, number)
    known = strata_data(grouping, k) if strata else spectrum(grouping, k, f"J_{k}")
    return PriorText(
        (*known, *scales.declares, *weights.declares, *field.declares),
        (*scales.statements, *weights.statements, *field.statements),
    )


def level_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the outputs of `level_parts`."""
    strata = bool(plan.model.groups[number].relation.strata)
    scales = strata_outputs(plan, number) if strata else scale_outputs(plan, number)
    return (*scales, *tail_outputs(plan, number), *field_outputs(plan, number))


def level_functions(plan: Plan, number: int) -> tuple[str, ...]:
    """Return the library functions that `level_scale` needs."""
    grouping = plan.model.groups[number]
    own = scale_functions(plan, number)
    if grouping.relation.parameter:
        return (*own, "field_factors")
    if not grouping.relation.varying or len(grouping.terms) == 1:
        return own
    return (*own, "strata_factors" if grouping.relation.strata else "sized_factors")


def level_scale(plan: Plan, number: int, name: str, sigma: str) -> list[str]:
    """Return the statements that define the factor of a term's covariance over sigma^2.

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term, from 0.
    name : str
        Its Stan name: a matrix, or an array of vectors over levels where these differ.
    sigma : str
        Stan name of the residual sd; "1" where there is none.
    """
    grouping, k = plan.model.groups[number], number + 1
    relation, over = grouping.relation, "" if sigma == "1" else f" / {sigma}"
    if relation.parameter:
        whole = f"{scale(plan, number)}{over}, {field_weights(grouping, k)}"
        return [f"array[T_{k}] vector[J_{k}] {name} = field_factors({whole}, M_{k}, J_{k});"]
    if not relation.varying:
        return [f"matrix[M_{k}, {factors(grouping, k)}] {name} = {scale(plan, number)}{over};"]
    size = f"inv_sqrt(weight_{k})"
    declared = f"array[T_{k}] vector[J_{k}] {name}"
    if len(grouping.terms) == 1:
        sd = f"sd_{k}[stratum_{k}]" if relation.strata else f"sd_{k}"
        times = ".*" if relation.strata else "*"
        return [f"{declared} = {{{sd}{over}{f' {times} {size}' if relation.student else ''}}};"]
    if not relation.strata:
        whole = f"{scale(plan, number)}{over}"
        return [f"{declared} = sized_factors({whole}, {size}, M_{k}, J_{k});"]
    covariance = covariance_of(grouping)
    sd = (
        f"rep_matrix(sd_{k}', M_{k})"
        if covariance.common_sd
        else f"to_matrix(sd_{k}, M_{k}, F_{k})"
    )
    L = f"L_{k}" if covariance.free else f"rep_array(identity_matrix(M_{k}), F_{k})"
    lines = [f"{declared} = strata_factors({sd}{over}, {L}, stratum_{k}, M_{k}, J_{k});"]
    if relation.student:
        lines.append(f"for (t in 1:T_{k}) {{\n  {name}[t] .*= {size};\n}}")
    return lines
