"""Choose how each part of a model is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hierglm.design.design import Grouping
from hierglm.design.reduced import Counted
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.plan.choose_groups import (
    choice_beside,
    group_choice,
    refuse_coupled,
    standardised_choice,
)
from hierglm.plan.compute import compute, rows_drop_out
from hierglm.plan.forms import (
    Ability,
    Beside,
    Choice,
    CommonForm,
    Numbers,
    Plan,
    ResponseForm,
)
from hierglm.plan.order import Order, order
from hierglm.plan.rotation import coupled, rotates
from hierglm.plan.rows import factors, sort
from hierglm.plan.several import condition_beside

PLANS = ("auto", "textbook")
OWN = {
    "response": ("crossproducts", "rows"),
    "effects": ("integrated", "conditional", "standardised"),
}
"""What may be asked for, by part."""

Asked = str | Mapping[str, str]


def choose(model: Model, abilities: frozenset[Ability], plan: Asked = "auto") -> Plan:
    """Return the plan for a model on an engine with these abilities.

    Parameters
    ----------
    model : Model
        What is to be fitted.
    abilities : frozenset of Ability
        What the engine offers.
    plan : {"auto", "textbook"} or mapping
        "textbook" writes what a person would write: rows, standardised effects, and the
        fused ``*_glm`` densities where the engine has them. "auto" does better where it
        can. A mapping is "auto" but for the parts it names: "response" ("crossproducts" or
        "rows"), and group terms as written or by their group ("integrated", "conditional",
        "standardised"). The posterior is the same.

    Raises
    ------
    SettingsError
        For a plan, a part or a form that does not exist, or cannot be had for this model.
    """
    asked = _asked(model, plan)
    if model.parts:
        return _several(model, abilities, plan, asked)
    if plan == "textbook":
        _refuse_without_rows(model, "plan='textbook' is")
        return Plan(
            model=model,
            asked="textbook",
            response=_response(model, abilities, None),
            common=_plain_common(model),
            groups=tuple(standardised_choice(g, "") for g in model.design.groups),
        )
    wants = [_wanted(g, asked) for g in model.design.groups]
    by_rows = _by_rows(model, asked, wants)
    if by_rows and not isinstance(model.design.reduced, Counted):
        _refuse_without_rows(model, "this model's program is")
    found = _by_level(model) if by_rows else _integrable(model, wants)
    numbers = compute(model, found, by_rows=by_rows)
    if _by_kernel(model, abilities, numbers):
        assert numbers.rows is not None
        numbers = replace(
            numbers, rows=sort(numbers.rows, [len(g.levels) for g in model.design.groups])
        )
    return Plan(
        model=model,
        asked=tuple(asked.items()) or "auto",
        response=_crossproducts(model) if not by_rows else _response(model, abilities, numbers),
        common=_common(model, numbers),
        groups=tuple(
            group_choice(g, not by_rows and k in found.chain, want, numbers)
            for k, (g, want) in enumerate(zip(model.design.groups, wants, strict=True))
        ),
        numbers=numbers,
    )


def _several(
    model: Model, abilities: frozenset[Ability], plan: Asked, asked: Mapping[str, str]
) -> Plan:
    """Return the plan of several linear predictors: rows, and effects in one of two forms."""
    for part, form in asked.items():
        if form not in ("rows", "standardised", "conditional"):
            raise SettingsError(
                f"{part} cannot be {form!r}: several linear predictors have rows, and effects "
                "standardised or conditional"
            )
    textbook = plan == "textbook"
    kept = "textbook" if textbook else tuple(asked.items()) or "auto"
    parts = tuple(
        Plan(
            model=m, asked=kept, response=_response(m, abilities, None), common=_plain_common(m),
            groups=(),
        )
        for m in model.parts
    )  # fmt: skip
    wants = [_wanted(g, asked) for g in model.groups]
    beside = Beside({}, {}, tuple(range(len(wants))), {}, "")
    if not textbook and not (wants and all(want == "standardised" for want in wants)):
        beside = condition_beside(model)
    groups = tuple(
        choice_beside(g, want, k in beside.terms, beside.why.get(k, ""))
        for k, (g, want) in enumerate(zip(model.groups, wants, strict=True))
    )
    numbers = Numbers(Order((), (), {}), doubt=beside.doubt, beside=beside)
    return Plan(
        model=model,
        asked=kept,
        response=parts[0].response,
        common=parts[0].common,
        groups=groups,
        numbers=numbers,
        parts=parts,
    )


def _refuse_without_rows(model: Model, what: str) -> None:
    """Refuse a program by rows where rows were read in batches and not kept."""
    if model.design.reduced is not None:
        raise SettingsError(
            f"{what} written by rows, and those of {model.design.reduced.source} were read in "
            "batches and not kept: leave the response by crossproducts, or fit a sample in memory"
        )


def _asked(model: Model, plan: Asked) -> dict[str, str]:
    """Return what was asked for by part, checked."""
    if not isinstance(plan, Mapping):
        if plan not in PLANS:
            raise SettingsError(f"no plan {plan!r}{suggest(str(plan), PLANS)}")
        return {}
    groups = [n for g in model.groups for n in (g.source, g.group)]
    for part, form in plan.items():
        if part not in ("response", *groups):
            raise SettingsError(
                f"no part {part!r} to plan{suggest(str(part), ['response', *groups])}"
            )
        forms = OWN["response" if part == "response" else "effects"]
        if form not in forms:
            raise SettingsError(f"{part} cannot be {form!r}{suggest(str(form), forms)}")
    return dict(plan)


def _wanted(grouping: Grouping, asked: Mapping[str, str]) -> str:
    return asked.get(grouping.source, asked.get(grouping.group, ""))


def _by_rows(model: Model, asked: Mapping[str, str], wants: Sequence[str]) -> bool:
    """Return whether rows stay, refusing what would need that they go."""
    possible = rows_drop_out(model)
    if not possible and asked.get("response") == "crossproducts":
        raise SettingsError("crossproducts are for Gaussian responses with one variance")
    by_rows = not possible or asked.get("response") == "rows"
    if by_rows and "integrated" in wants:
        group = model.design.groups[wants.index("integrated")]
        raise SettingsError(
            f"{group.source} cannot be integrated out: that needs a Gaussian response by "
            "crossproducts"
        )
    return by_rows


def _by_level(model: Model) -> Order:
    """Return the order whose chain are terms with independent levels."""
    free = [k for k, g in enumerate(model.design.groups) if not coupled(g)]
    return order(factors(model.design), free, free)


def _integrable(model: Model, wants: Sequence[str]) -> Order:
    """Return the order whose chain are the terms that are integrated out."""
    own = [k for k, want in enumerate(wants) if want == "integrated"]
    for k in own:
        refuse_coupled(model.design.groups[k], "integrated")
    may = [
        k
        for k, (g, want) in enumerate(zip(model.design.groups, wants, strict=True))
        if want == "integrated" or (not want and (rotates(g) or not coupled(g)))
    ]
    found = order(factors(model.design), own or may, may)
    for k in own:
        if k not in found.chain:
            raise SettingsError(
                f"{model.design.groups[k].source} cannot be integrated out together with "
                f"{model.design.groups[found.chain[0]].source}: neither is nested in the other"
            )
    return found


def _crossproducts(model: Model) -> Choice[ResponseForm]:
    p = len(model.design.common.labels) + model.design.intercept
    why = f"Gaussian: {model.design.rows:,} rows enter through {p} x {p} sums of products"
    return Choice(_part(model), ResponseForm.CROSSPRODUCTS, why)


def _response(
    model: Model, abilities: frozenset[Ability], numbers: Numbers | None
) -> Choice[ResponseForm]:
    part = _part(model)
    rows = f"{model.design.rows:,} rows"
    if _by_kernel(model, abilities, numbers):
        assert numbers is not None
        assert numbers.rows is not None
        if numbers.rows.gathered:
            rows += f" are {len(numbers.rows.first):,} different ones"
        return Choice(part, ResponseForm.KERNEL, f"{rows}; a compiled function with its gradient")
    if numbers is not None and numbers.rows is not None and model.family.exponential is not None:
        if numbers.rows.gathered:
            why = f"{rows} are {len(numbers.rows.first):,} different ones"
            return Choice(part, ResponseForm.GATHERED, why)
        if model.design.response.weights is not None:
            return Choice(part, ResponseForm.GATHERED, f"{rows}, each with a weight")
        if model.family.stan.glm in _SLOW:
            why = f"{rows}; {model.family.stan.glm} takes longer than its sums"
            return Choice(part, ResponseForm.GATHERED, why)
    if model.design.response.weights is not None:
        return Choice(part, ResponseForm.WEIGHTED, f"{rows}, each with a weight")
    fused = model.family.stan.glm
    if model.family.categories:
        return Choice(part, ResponseForm.CATEGORIES, rows)
    if model.part.modelled:
        own = " and ".join(model.part.modelled)
        return Choice(part, ResponseForm.VECTOR, f"{rows}; {own} with a formula of its own")
    if not model.design.common.labels:
        return Choice(part, ResponseForm.VECTOR, f"{rows}, no common columns to fuse")
    if fused is None:
        return Choice(part, ResponseForm.VECTOR, f"{rows}; nothing fuses them with their columns")
    if fused not in {a.value for a in abilities}:
        return Choice(part, ResponseForm.VECTOR, f"{rows}; the engine has no {fused}")
    return Choice(part, ResponseForm.GLM, f"{rows}; {fused} has its own gradient")


def _by_kernel(model: Model, abilities: frozenset[Ability], numbers: Numbers | None) -> bool:
    """Tell whether the engine has a function for the rows of this family."""
    rows = numbers is not None and numbers.rows is not None
    # The functions take one level a row of each term.
    rows &= all(g.relation.members is None for g in model.design.groups)
    return rows and Ability.KERNELS in abilities and model.family.exponential is not None


_SLOW = ("binomial_logit_glm", "poisson_log_glm")
"""Densities that take longer than the sums they add up to. Embedded engine, 28,800 rows and 9
columns, microseconds a gradient: binomial_logit_glm 5,970, binomial_logit 1,760, sums 1,200;
poisson_log_glm 660, poisson_log 550, sums 460; bernoulli_logit_glm 870, sums 1,200."""


def _part(model: Model) -> str:
    return f"response {model.part.response or model.design.response.label}"


def _plain_common(model: Model) -> Choice[CommonForm]:
    count = len(model.design.common.labels)
    columns = f"{count} column{'' if count == 1 else 's'}"
    part = f"common {model.part.label}".rstrip()
    if not count:
        return Choice(part, CommonForm.NONE, "only an intercept, or nothing")
    if model.design.intercept:
        why = f"{columns} beside an intercept: centring makes them less dependent on it"
        return Choice(part, CommonForm.CENTRED, why)
    return Choice(part, CommonForm.DIRECT, f"{columns} and no intercept to centre about")


def _common(model: Model, numbers: Numbers) -> Choice[CommonForm]:
    count = len(model.design.common.labels) + model.design.intercept
    if numbers.fit is None or not np.isnan(model.given).any():
        plain = _plain_common(model)
        if not numbers.doubt:
            return plain
        why = f"{plain.because}; no penalised fit to start about: {numbers.doubt}"
        return Choice(plain.part, plain.form, why)
    why = (
        f"{count} coefficient{'' if count == 1 else 's'}; the penalised fit took "
        f"{numbers.fit.steps} steps, and chains start about it"
    )
    return Choice("common", CommonForm.WHITENED, why)
