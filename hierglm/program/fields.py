"""Fields on graphs: parameters that change how levels depend on each other."""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Block, Declare, Output
from hierglm.program.given import bounded, given_value
from hierglm.program.priors import PriorText


def spectrum(grouping: Grouping, k: int, coordinates: str) -> list[Declare]:
    """Return the data by which a field's parameter weighs coordinates, if it has one.

    Parameters
    ----------
    grouping : Grouping
    k : int
        Number of the term in Stan names.
    coordinates : str
        Stan name of the number of coordinates.
    """
    relation = grouping.relation
    if relation.spectrum is None:
        return []
    note = {
        "car": "eigenvalues of the scaled adjacency",
        "bym2": "variances of the scaled intrinsic field",
    }[relation.kind]
    return [
        Declare(
            Block.DATA, "vector", f"spectrum_{k}", (coordinates,), value=relation.spectrum,
            note=note,
        )
    ]  # fmt: skip


def field_parts(plan: Plan, number: int) -> PriorText:
    """Return alpha of proper fields, or rho of mixed ones, one for each effect."""
    grouping, k = plan.model.groups[number], number + 1
    name = grouping.relation.parameter
    if not name:
        return PriorText()
    said = {
        "alpha": "how much a level follows its neighbours",
        "rho": "share of the variance that follows the graph",
    }[name]
    priors = plan.model.priors.of(name, number)
    return bounded(f"{name}_{k}", priors, said, f"M_{k}", "lower=0, upper=1")


def field_weights(grouping: Grouping, k: int) -> str:
    """Return the Stan expression of the weights of coordinates, one column an effect."""
    return {
        "car": f"inv_sqrt(1 - spectrum_{k} * alpha_{k}')",
        "bym2": f"sqrt(1 + (spectrum_{k} - 1) * rho_{k}')",
    }.get(grouping.relation.kind, f"rep_matrix(1, J_{k}, M_{k})")


def field_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the output of `field_parts`."""
    grouping, k = plan.model.groups[number], number + 1
    name, group = grouping.relation.parameter, grouping.group
    if not name:
        return ()
    value = given_value(plan.model.priors.of(name, number), scalar=False)
    dims = ((f"{group}_term", grouping.terms),)
    return (Output(f"{name}_{k}", f"{name}_{group}", f"ran_{name}", group, dims, value=value),)
