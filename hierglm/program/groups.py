"""What every way of writing a group term shares: sizes, data by row, names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.plan.crossproducts import memberships
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Block, Declare

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
    """Return the levels of each row, and the columns that vary where they are not all 1."""
    grouping, k = plan.model.groups[number], number + 1
    (index, shares), Z = memberships(grouping), grouping.effects.matrix
    rows = plan.numbers.rows if plan.numbers is not None else None
    if rows is not None:
        index, shares, Z = rows.index[number], rows.shares[number], rows.Z[number]
    names, N = ", ".join(grouping.terms), f"N{plan.model.rows_of(number)}"
    if shares is None:
        declares = [
            Declare(
                Block.DATA, "array[] int", f"group_{k}", (N,), f"lower=1, upper=J_{k}",
                value=index + 1, note=f"{grouping.group} of each row",
            )
        ]  # fmt: skip
    else:
        size = (str(len(shares)), N)
        declares = [
            Declare(
                Block.DATA, "array[,] int", f"group_{k}", size, f"lower=1, upper=J_{k}",
                value=index + 1, note=f"levels of each row: {grouping.group}",
            ),
            Declare(
                Block.DATA, "array[] vector", f"share_{k}", size, value=shares,
                note="how much a row has of each",
            ),
        ]  # fmt: skip
    if len(grouping.terms) > 1:
        declares.append(Declare(Block.DATA, "matrix", f"Z_{k}", (N, f"M_{k}"), value=Z, note=names))
    elif not intercept_only(grouping):
        declares.append(Declare(Block.DATA, "vector", f"Z_{k}", (N,), value=Z[:, 0], note=names))
    return declares


def predictor(grouping: Grouping, k: int, *, matrix: bool = False, effects: str = "r") -> str:
    """Return what a term adds to the linear predictor.

    Parameters
    ----------
    grouping : Grouping
    k : int
        Number of the term in Stan names.
    matrix : bool
        Whether its effects are a matrix even where there is one effect a level.
    effects : str
        What the Stan name of its effects begins with.
    """
    r = f"{effects}_{k}"
    if grouping.relation.members is not None:
        if len(grouping.terms) > 1:
            return f"member_products(Z_{k}, {r}, group_{k}, share_{k})"
        one = f"member_sums({f'to_vector({r})' if matrix else r}, group_{k}, share_{k})"
        return one if intercept_only(grouping) else f"Z_{k} .* {one}"
    if len(grouping.terms) > 1:
        return f"rows_dot_product(Z_{k}, {r}[group_{k}])"
    by_level = f"to_vector({r})[group_{k}]" if matrix else f"{r}[group_{k}]"
    return by_level if intercept_only(grouping) else f"Z_{k} .* {by_level}"


def row_functions(grouping: Grouping) -> tuple[str, ...]:
    """Return the library functions that `predictor` needs."""
    if grouping.relation.members is None:
        return ()
    return ("member_products" if len(grouping.terms) > 1 else "member_sums",)


def intercept_only(grouping: Grouping) -> bool:
    """Tell whether a term's effects multiply nothing but ones."""
    return grouping.terms == ("Intercept",)


def effect_dims(grouping: Grouping) -> tuple[tuple[str, Any], ...]:
    """Return names and labels of the dimensions of a term's effects."""
    return ((grouping.group, grouping.levels), (f"{grouping.group}_term", grouping.terms))
