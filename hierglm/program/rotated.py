"""Effects by level, of terms that are written in coordinates in which levels are independent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.forms import GroupForm, Plan, ResponseForm
from hierglm.program.fragment import Block, Declare, Fragment, Statement
from hierglm.program.groups import predictor


def is_rotated(plan: Plan, number: int) -> bool:
    """Tell whether a term is written in coordinates in which its levels are independent."""
    return plan.numbers is not None and number in plan.numbers.rotation


def by_level(plan: Plan, number: int, fragment: Fragment) -> Fragment:
    """Return the fragment of a term with its effects by level, where it is about coordinates.

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term, from 0.
    fragment : Fragment
        Its effects r are those in coordinates.

    Returns
    -------
    Fragment
        With effects u of each level; the same where there is nothing to turn back.
    """
    numbers = plan.numbers
    if numbers is None or number not in numbers.rotation:
        return fragment
    if plan.groups[number].form is GroupForm.INTEGRATED:
        return fragment
    grouping, k = plan.model.design.groups[number], number + 1
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    block = Block.TRANSFORMED_PARAMETERS if rows else Block.GENERATED
    own = next(d for d in fragment.declares if d.name == f"r_{k}")
    return replace(
        fragment,
        declares=(
            *(_in_coordinates(d, k) for d in fragment.declares),
            rotation_of(k, numbers.rotation[number]),
            Declare(
                block, own.type, f"u_{k}", own.dims, note=f"effects of each {grouping.group}"
            ),
        ),
        statements=(
            *fragment.statements,
            Statement(block, f"u_{k} = rotation_{k} * r_{k};"),
        ),
        predictor=predictor(grouping, k, matrix=own.type == "matrix", effects="u") if rows else "",
        outputs=tuple(
            replace(out, stan=f"u_{k}") if out.effect == "ran_vals" else out
            for out in fragment.outputs
        ),
    )  # fmt: skip


def rotation_of(k: int, R: NDArray[np.float64]) -> Declare:
    """Return the declaration of what effects in coordinates are multiplied by."""
    return Declare(
        Block.DATA, "matrix", f"rotation_{k}", (f"J_{k}", f"J_{k}"), value=R,
        note="levels from coordinates",
    )  # fmt: skip


def _in_coordinates(declare: Declare, k: int) -> Declare:
    if declare.name != f"r_{k}":
        return declare
    return replace(declare, note="effects in coordinates independent in prior and data")
