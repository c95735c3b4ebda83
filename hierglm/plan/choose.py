"""Choose how each part of a model is written."""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.errors import SettingsError, suggest
from hierglm.model import Model
from hierglm.plan.forms import Ability, Choice, CommonForm, GroupForm, Plan, ResponseForm

PLANS = ("textbook",)


def choose(model: Model, abilities: frozenset[Ability], plan: str = "textbook") -> Plan:
    """Return the plan for a model on an engine with these abilities.

    Parameters
    ----------
    model : Model
        What is to be fitted.
    abilities : frozenset of Ability
        What the engine offers.
    plan : {"textbook"}
        "textbook" writes what a person would write: rows, standardised effects, and the
        fused ``*_glm`` densities where the engine has them.

    Raises
    ------
    SettingsError
        For a plan that is not among them.
    """
    if plan not in PLANS:
        raise SettingsError(f"no plan {plan!r}{suggest(str(plan), PLANS)}")
    return Plan(
        model=model,
        name=plan,
        response=_response(model, abilities),
        common=_common(model),
        groups=tuple(_group(g) for g in model.design.groups),
    )


def _response(model: Model, abilities: frozenset[Ability]) -> Choice[ResponseForm]:
    part = f"response {model.design.response.label}"
    rows = f"{model.design.rows:,} rows"
    if model.design.response.weights is not None:
        return Choice(part, ResponseForm.WEIGHTED, f"{rows}, each with a weight")
    fused = model.family.stan.glm
    if not model.design.common.labels:
        return Choice(part, ResponseForm.VECTOR, f"{rows}, no common columns to fuse")
    if fused is None or fused not in {a.value for a in abilities}:
        return Choice(part, ResponseForm.VECTOR, f"{rows}; the engine has no {fused}")
    return Choice(part, ResponseForm.GLM, f"{rows}; {fused} has its own gradient")


def _common(model: Model) -> Choice[CommonForm]:
    count = len(model.design.common.labels)
    columns = f"{count} column{'' if count == 1 else 's'}"
    if not count:
        return Choice("common", CommonForm.NONE, "only an intercept, or nothing")
    if model.design.intercept:
        why = f"{columns} beside an intercept: centring makes them less dependent on it"
        return Choice("common", CommonForm.CENTRED, why)
    return Choice("common", CommonForm.DIRECT, f"{columns} and no intercept to centre about")


def _group(group: Grouping) -> Choice[GroupForm]:
    levels, effects = len(group.levels), len(group.terms)
    size = f"{levels:,} levels x {effects} effect{'' if effects == 1 else 's'}"
    kinds = {True: "their sds and correlations", False: "their sds"}
    scale = kinds[group.correlated] if effects > 1 else "their sd"
    return Choice(
        group.source, GroupForm.STANDARDISED, f"{size}: standard normals, scaled by {scale}"
    )
