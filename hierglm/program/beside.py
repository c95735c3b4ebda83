"""Effects about their conditional means, beside several linear predictors."""

from __future__ import annotations

from functools import reduce
from textwrap import indent

from hierglm.plan.blocks import pack
from hierglm.plan.forms import Plan
from hierglm.program.crossing import crossing
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import by_row, effect_dims, predictor, sizes
from hierglm.program.scales import (
    TOGETHER,
    factors,
    scale,
    scale_functions,
    scale_outputs,
    scale_parts,
)


def conditional_beside(plan: Plan, number: int) -> Fragment:
    """Return the fragment of a term of one or several predictors, conditional on penalised fits.

    Parameters
    ----------
    plan : Plan
        Whose numbers have what the effects are conditioned on.
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    assert plan.numbers is not None
    assert plan.numbers.beside is not None
    about, centre = plan.numbers.beside.terms[number]
    grouping, k = plan.model.groups[number], number + 1
    levels, q = about.c.shape
    B = about.B.reshape(levels, q, -1).transpose(1, 0, 2)
    # Of a term that several predictors share, each has rows of its own.
    own = not plan.model.shares(number)
    scales = scale_parts(plan, number)
    function = "conditional_by_level" if q > TOGETHER else "conditional_effects"
    effects = f"{function}(A_{k}, S, e, 1, z_{k}, J_{k})"
    crossings = [
        (m + 1, crossing(f"F_{k}_{m + 1}", k, m + 1, F, (q, len(plan.model.groups[m].terms)),
                         f"and with {plan.model.groups[m].group}"))
        for m, F in about.F.items()
    ]  # fmt: skip
    lines = [
        f"matrix[M_{k}, {factors(grouping, k)}] S = {scale(plan, number)};",
        f"array[M_{k}] vector[J_{k}] e = level_residuals(c_{k}, B_{k}, d_{k});",
        *(f"e = {call('e', f'r_{m}')};" for m, call in crossings),
        f"matrix[J_{k}, M_{k} + 1] u = {effects};",
        f"r_{k} = u[, 1:M_{k}];",
        f"log_prior_{k} = sum(u[, M_{k} + 1]);",
    ]
    text = "{\n" + indent("\n".join(lines), "  ") + "\n}"
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *sizes(grouping, k),
            *(by_row(plan, number) if own else ()),
            Declare(Block.DATA, "int", f"P_{k}", bounds="lower=0", value=len(centre),
                    note="coefficients of its predictors"),
            Declare(Block.DATA, "vector", f"centre_{k}", (f"P_{k}",), value=centre,
                    note="of their penalised fits"),
            Declare(Block.DATA, "array[] vector", f"A_{k}", (f"T_{k}", f"J_{k}"),
                    value=pack(about.A), note="information by level at the fits, packed"),
            Declare(Block.DATA, "array[] vector", f"c_{k}", (f"M_{k}", f"J_{k}"), value=about.c.T,
                    note="its score"),
            Declare(Block.DATA, "array[] matrix", f"B_{k}", (f"M_{k}", f"J_{k}", f"P_{k}"),
                    value=B, note="how that moves with the coefficients"),
            *(d for _, c in crossings for d in c.declares),
            *scales.declares,
            Declare(Block.PARAMETERS, "array[] vector", f"z_{k}",
                    (factors(grouping, k), f"J_{k}"), note="about standard normal, given the data"),
            Declare(Block.TRANSFORMED_PARAMETERS, "vector", f"d_{k}", (f"P_{k}",),
                    expr=f"{_coefficients(plan, number)} - centre_{k}",
                    note="distance from the fits"),
            Declare(Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", (f"J_{k}", f"M_{k}"),
                    note=f"effects of each {grouping.group}"),
            Declare(Block.TRANSFORMED_PARAMETERS, "real", f"log_prior_{k}", note="theirs, by z"),
        ),
        statements=(
            *scales.statements,
            Statement(Block.TRANSFORMED_PARAMETERS, text),
            Statement(Block.MODEL, f"target += log_prior_{k};"),
        ),
        predictor=predictor(grouping, k, matrix=True) if own else "",
        uses=(*scale_functions(plan, number), "level_residuals", function,
              *(c.function for _, c in crossings)),
        outputs=(
            *scale_outputs(plan, number),
            Output(f"r_{k}", f"r_{grouping.group}", "ran_vals", grouping.group,
                   effect_dims(grouping)),
        ),
    )  # fmt: skip


def _coefficients(plan: Plan, number: int) -> str:
    """Return the Stan expression of the coefficients of the predictors with the term, in order."""
    found = []
    for member in plan.model.joined[number].members:
        design, of = plan.parts[member.part].model.design, plan.parts[member.part].model.part.ending
        if design.intercept and design.common.labels:
            found.append(f"append_row(Intercept{of}, b{of})")
        elif design.intercept:
            found.append(f"[Intercept{of}]'")
        elif design.common.labels:
            found.append(f"b{of}")
    return reduce("append_row({}, {})".format, found) if found else "rep_vector(0, 0)"
