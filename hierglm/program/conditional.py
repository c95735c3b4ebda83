"""Effects about their conditional means at a penalised fit."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.plan.alike import shares
from hierglm.plan.blocks import pack
from hierglm.plan.conditional import by_levels, scaled
from hierglm.plan.forms import Plan, ResponseForm
from hierglm.plan.rotation import differ
from hierglm.program.common import centre, moves
from hierglm.program.crossing import Crossing, crossing
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import by_row, effect_dims, predictor, row_functions, sizes
from hierglm.program.rotated import rotation_of
from hierglm.program.scales import TOGETHER, factors
from hierglm.program.varying import level_functions, level_outputs, level_parts, level_scale

Floats = NDArray[np.float64]


def conditional(plan: Plan, number: int) -> Fragment:
    """Return the fragment of one group term, its effects about their conditional means.

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term, from 0; Stan names count from 1.
    """
    numbers, grouping = plan.numbers, plan.model.design.groups[number]
    assert numbers is not None
    assert numbers.fit is not None
    k, q = number + 1, len(grouping.terms)
    about = by_levels(numbers.fit, number, centre(plan), numbers.within)
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    if rows:
        about = scaled(about, 1 / numbers.fit.sigma**2)
    crossings = [
        (m + 1, crossing(f"F_{k}_{m + 1}", k, m + 1, F, (q, numbers.fit.effects[m].shape[1]),
                         f"and with {plan.model.design.groups[m].group}"))
        for m, F in about.F.items()
    ]  # fmt: skip
    scales = level_parts(plan, number)
    p = about.B.shape[1]
    B = about.B.reshape(len(about.c), q, p).transpose(1, 0, 2)
    data = [
        *sizes(grouping, k),
        *(by_row(plan, number) if rows else ()),
        Declare(
            Block.DATA, "array[] vector", f"A_{k}", (f"T_{k}", f"J_{k}"), value=pack(about.A),
            note="information by level at the fit, packed",
        ),
        *_coordinates(k, about.A, numbers.within.get(number)),
        Declare(
            Block.DATA, "array[] vector", f"c_{k}", (f"M_{k}", f"J_{k}"), value=about.c.T,
            note="its score",
        ),
    ]  # fmt: skip
    if moves(plan):
        data.append(
            Declare(
                Block.DATA, "array[] matrix", f"B_{k}", (f"M_{k}", f"J_{k}", "P"), value=B,
                note="how that moves with the coefficients",
            )
        )  # fmt: skip
    parameters = [
        Declare(
            Block.PARAMETERS, "array[] vector", f"z_{k}", (factors(grouping, k), f"J_{k}"),
            note="about standard normal, given the data",
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "matrix", f"r_{k}", (f"J_{k}", f"M_{k}"),
            note=f"effects of each {grouping.group}",
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "real", f"log_prior_{k}", note="theirs, by z"
        ),
    ]  # fmt: skip
    uses = [*(["level_residuals"] if moves(plan) else []), _function(grouping)]
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *data,
            *(d for _, c in crossings for d in c.declares),
            *scales.declares,
            *parameters,
        ),
        statements=(
            *scales.statements,
            _effects(plan, number, crossings),
            Statement(Block.MODEL, f"target += log_prior_{k};"),
        ),
        predictor=predictor(grouping, k, matrix=True) if rows else "",
        uses=(
            *level_functions(plan, number),
            *uses,
            *(c.function for _, c in crossings),
            *(row_functions(grouping) if rows else ()),
        ),
        outputs=(
            *level_outputs(plan, number),
            Output(f"r_{k}", f"r_{grouping.group}", "ran_vals", grouping.group,
                   effect_dims(grouping)),
        ),
    )  # fmt: skip


def _coordinates(k: int, A: Floats, R: Floats | None) -> list[Declare]:
    """Return what effects need where levels depend on each other and differ; else nothing."""
    if R is None:
        return []
    return [
        rotation_of(k, R),
        Declare(
            Block.DATA, "matrix", f"shares_{k}", (f"J_{k}", f"J_{k}"), value=shares(R, A),
            note="of levels in what the data say of each coordinate",
        ),
    ]  # fmt: skip


def _function(grouping: Grouping) -> str:
    if differ(grouping):
        return "related_effects"
    if grouping.relation.varying or grouping.relation.parameter:
        return "varying_effects"
    if covariance_of(grouping).low_rank:
        return "low_rank_effects"
    many = len(grouping.terms) > TOGETHER
    return "conditional_by_level" if many else "conditional_effects"


def _effects(plan: Plan, number: int, crossings: Sequence[tuple[int, Crossing]]) -> Statement:
    """Return the block of statements that makes effects from z."""
    k = number + 1
    gaussian = plan.response.form is ResponseForm.CROSSPRODUCTS
    sigma = "sigma" if gaussian and "sigma" in plan.model.scales else "1"
    e = f"level_residuals(c_{k}, B_{k}, d)" if moves(plan) else f"c_{k}"
    grouping = plan.model.groups[number]
    within = f"rotation_{k}, shares_{k}, " if differ(grouping) else ""
    effects = f"{_function(grouping)}(A_{k}, S, e, {sigma}, z_{k}, {within}J_{k})"
    lines = [
        *level_scale(plan, number, "S", sigma),
        f"array[M_{k}] vector[J_{k}] e = {e};",
        *(f"e = {call('e', f'r_{m}')};" for m, call in crossings),
        f"matrix[J_{k}, M_{k} + 1] u = {effects};",
        f"r_{k} = u[, 1:M_{k}];",
        f"log_prior_{k} = sum(u[, M_{k} + 1]);",
    ]
    text = "{\n" + indent("\n".join(lines), "  ") + "\n}"
    return Statement(Block.TRANSFORMED_PARAMETERS, text)
