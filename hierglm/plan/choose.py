"""Choose how each part of a model is written."""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.errors import SettingsError, suggest
from hierglm.model import Model
from hierglm.plan.forms import Ability, Choice, CommonForm, GroupForm, Plan, ResponseForm

PLANS = ("auto", "textbook")


def choose(model: Model, abilities: frozenset[Ability], plan: str = "auto") -> Plan:
    """Return the plan for a model on an engine with these abilities.

    Parameters
    ----------
    model : Model
        What is to be fitted.
    abilities : frozenset of Ability
        What the engine offers.
    plan : {"auto", "textbook"}
        "textbook" writes what a person would write: rows, standardised effects, and the
        fused ``*_glm`` densities where the engine has them. "auto" does better where it
        can: a Gaussian response with at most one group term needs crossproducts only, and
        its effects are integrated out. The posterior is the same.

    Raises
    ------
    SettingsError
        For a plan that is not among them.
    """
    if plan not in PLANS:
        raise SettingsError(f"no plan {plan!r}{suggest(str(plan), PLANS)}")
    if plan == "auto" and _rows_drop_out(model):
        return Plan(
            model=model,
            name=plan,
            response=_crossproducts(model),
            common=_common(model),
            groups=tuple(_integrated(g) for g in model.design.groups),
        )
    return Plan(
        model=model,
        name=plan,
        response=_response(model, abilities),
        common=_common(model),
        groups=tuple(_group(g) for g in model.design.groups),
    )


def _rows_drop_out(model: Model) -> bool:
    """Tell whether the likelihood depends on crossproducts only, effects integrated out."""
    design = model.design
    gaussian = model.family.name == "gaussian" and model.family.link.name == "identity"
    # More columns than rows: their products are more numbers than the rows were.
    fewer = len(design.common.labels) < design.rows
    # With known errors and a sigma besides, each row has a variance of its own.
    return gaussian and fewer and not design.response.se_and_sigma and len(design.groups) < 2


def _crossproducts(model: Model) -> Choice[ResponseForm]:
    p = len(model.design.common.labels) + model.design.intercept
    why = (
        f"Gaussian: {model.design.rows:,} rows enter through {p} x {p} sums of products; "
        "chains start about the maximum of the likelihood"
    )
    part = f"response {model.design.response.label}"
    return Choice(part, ResponseForm.CROSSPRODUCTS, why)


def _integrated(group: Grouping) -> Choice[GroupForm]:
    why = f"Gaussian, one group term: {_size(group)} have a normal posterior given the rest"
    return Choice(group.source, GroupForm.INTEGRATED, why)


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
    effects = len(group.terms)
    kinds = {True: "their sds and correlations", False: "their sds"}
    scale = kinds[group.correlated] if effects > 1 else "their sd"
    return Choice(
        group.source, GroupForm.STANDARDISED, f"{_size(group)}: standard normals, scaled by {scale}"
    )


def _size(group: Grouping) -> str:
    levels, effects = len(group.levels), len(group.terms)
    return f"{levels:,} levels x {effects} effect{'' if effects == 1 else 's'}"
