"""Models of several linear predictors: of parameters, of categories, of several responses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hierglm.design.design import Design
from hierglm.design.level_weights import weigh_each
from hierglm.design.notes import confounding_notes
from hierglm.design.reading import as_table
from hierglm.design.several import encode_beside, join
from hierglm.design.table import Table
from hierglm.errors import FormulaError, SettingsError
from hierglm.families import Family, family
from hierglm.families.categorical import categories
from hierglm.families.modelled import about, modelled
from hierglm.families.parameters import FamilyParameter
from hierglm.formula.parse import parse
from hierglm.models import Model, Part
from hierglm.names import of_predictor
from hierglm.priors.distributions import Prior
from hierglm.priors.several import Predicted, assign_each
from hierglm.priors.slots import Priors
from hierglm.suiting import estimated, in_order, noted, refuse_flat

Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class ResponsePart:
    """One response of a joint model; made by `part`.

    Attributes
    ----------
    formulas : tuple of str
        Of the response, then of parameters of its distribution.
    family : str or Family
        Its distribution.
    data : table or None
        Its own table; None for that of the model.
    weight : float
        What its log likelihood is multiplied by.
    name : str
        What it is called in names; "" for the formula's own.
    """

    formulas: tuple[str, ...]
    family: str | Family = "gaussian"
    data: Any = None
    weight: float = 1.0
    name: str = ""


def part(
    formula: str | Sequence[str],
    family: str | Family = "gaussian",
    *,
    data: Any = None,
    weight: float = 1.0,
    name: str = "",
) -> ResponsePart:
    """Return one response of a joint model, for `hierglm.joint`.

    Parameters
    ----------
    formula : str or sequence of str
        As of `hierglm.fit`. Group terms with one id and one grouping factor, such as
        ``(1 |s| school)``, share their covariance with those of other parts.
    family : str or Family
        Its distribution.
    data : table, optional
        A table of its own; levels of shared factors are united.
    weight : float
        The weight of the task: what its log likelihood is multiplied by.
    name : str
        What it is called in names and tables; by default as the formula calls it.

    Raises
    ------
    SettingsError
        A weight that is not a positive number.

    Examples
    --------
    >>> part("passed ~ x + (1 |s| school)", "bernoulli").formulas
    ('passed ~ x + (1 |s| school)',)
    """
    if not (isinstance(weight, int | float) and math.isfinite(weight) and weight > 0):
        raise SettingsError(f"the weight of a part must be a number > 0, not {weight!r}")
    formulas = (formula,) if isinstance(formula, str) else tuple(formula)
    if not formulas:
        raise SettingsError("a part needs a formula")
    return ResponsePart(formulas, family, data, float(weight), name)


def specify_parts(
    parts: Sequence[ResponsePart],
    data: Any,
    priors: str | Mapping[str, Prior] | Priors | None = None,
    *,
    missing: Literal["drop", "error"] = "drop",
    functions: Functions | None = None,
    data2: Mapping[str, Any] | None = None,
    weights: Mapping[Any, Any] | None = None,
) -> Model:
    """Return the model of one or several responses, each with one or several predictors.

    Parameters
    ----------
    parts : sequence of ResponsePart
        One for each response.
    data : table or None
        Of the parts that have none of their own.
    priors : "default", "brms", mapping, Priors or None
        See `hierglm.priors.several.assign_each`; `Priors` are taken as they are.
    missing, functions, data2
        See `hierglm.design.encode.encode`.
    weights : mapping, optional
        Of whole levels, see `hierglm.design.level_weights.weigh_each`.

    Raises
    ------
    FormulaError, DataError, ResponseError, PriorError, SettingsError
        What cannot be read, encoded or fitted together.
    """
    several = len(parts) > 1
    predictors: list[tuple[Part, Design, Family]] = []
    for each in parts:
        if each.data is None and data is None:
            raise SettingsError(f"no data for {each.formulas[0]!r}; give data= to it or to all")
        table = as_table(data if each.data is None else each.data)
        predictors += _response(
            each, table, several, missing=missing, functions=functions, data2=data2
        )
    _refuse_same(predictors)
    predictors = [
        (p, noted(d, f) if p.first and not f.categories else _noted_beside(d), f)
        for p, d, f in predictors
    ]
    endings = _stan_names([p.response for p, *_ in predictors], "y")
    dpars = _stan_names([p.dpar for p, *_ in predictors], "mu")
    own = [_named(p, endings, dpars) for p, *_ in predictors]
    designs, joined = join(
        [design for _, design, _ in predictors], [(p.response, p.dpar) for p in own]
    )
    if weights is not None:
        designs = _weighed(designs, own, weights)
    families = [chosen for *_, chosen in predictors]
    models = [Model(d, f, Priors(()), p) for d, f, p in zip(designs, families, own, strict=True)]
    if not isinstance(priors, Priors):
        priors = assign_each([_predicted(m) for m in models], joined, priors)
    models = [replace(m, priors=_own_priors(priors, m.part)) for m in models]
    for m in models:
        if m.part.first:
            place = of_predictor(m.part.response, m.part.dpar)
            refuse_flat(m.design, m.family, m.priors, place)
    return Model(designs[0], families[0], priors, parts=tuple(models), joined=joined)


def _noted_beside(design: Design) -> Design:
    """Return the design of a parameter, or of categories, with notes on its groups."""
    return replace(design, notes=(*design.notes, *confounding_notes(design, None)))


def _weighed(
    designs: Sequence[Design], places: Sequence[Part], weights: Mapping[Any, Any]
) -> tuple[Design, ...]:
    """Return the designs of all predictors with weights of levels, response by response."""
    names = [place.response for place in places]
    responses = [
        [d for d, name in zip(designs, names, strict=True) if name == own]
        for own in dict.fromkeys(names)
    ]
    return tuple(d for own in weigh_each(responses, weights) for d in own)


def notes_of(model: Model) -> tuple[str, ...]:
    """Return what was done to the data, each note with the response that it is about."""
    notes: dict[str, None] = {}
    for m in model.parts or (model,):
        before = f"{m.part.response}: " if m.part.response else ""
        notes |= dict.fromkeys(before + note for note in m.design.notes)
    return tuple(notes)


def _response(
    each: ResponsePart,
    table: Table,
    several: bool,
    *,
    missing: Literal["drop", "error"],
    functions: Functions | None,
    data2: Mapping[str, Any] | None,
) -> list[tuple[Part, Design, Family]]:
    """Return the predictors of one response, each with its design and family."""
    chosen = family(each.family)
    known = tuple(functions or ())
    first = parse(each.formulas[0], table.columns, known)
    left = [c for c in table.columns if c not in first.response.names]
    further = [parse(text, left, known) for text in each.formulas[1:]]
    dpars = modelled(further, chosen)
    formulas = [first, *(about(f, first.response) for f in further)]
    designs = encode_beside(formulas, table, missing=missing, functions=functions, data2=data2)
    name = each.name or (designs[0].response.label if several else "")
    start = Part(response=name, weight=each.weight)
    if chosen.categories:
        coded = categories(designs[0].response)
        design = replace(designs[0], response=coded)
        chosen.check(coded)
        return [
            (replace(start, dpar=f"mu{level}", first=not k), design, chosen)
            for k, level in enumerate(coded.levels[1:] if coded.levels else ())
        ]
    chosen.check(designs[0].response)
    designs = (in_order(designs[0], chosen), *designs[1:])
    free = [p.name for p in estimated(designs[0], chosen)]
    for dpar, formula in zip(dpars, further, strict=True):
        if dpar not in free:
            raise FormulaError(
                f"{dpar} is known by se(...); write se(..., sigma=TRUE) to estimate it besides",
                formula.source,
            )
    places = [replace(start, modelled=tuple(dpars))]
    places += [replace(start, dpar=dpar, first=False) for dpar in dpars]
    return [(p, d, chosen) for p, d in zip(places, designs, strict=True)]


def _refuse_same(predictors: Sequence[tuple[Part, Design, Family]]) -> None:
    names = [p.response for p, *_ in predictors if p.first]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(
                f"{names.count(name)} parts have the response {name!r}; tell them apart by "
                f"name: part(..., name={name + '_1'!r})"
            )


def _stan_names(labels: Sequence[str], first: str) -> dict[str, str]:
    """Return what Stan names end in for each label: letters and digits, all different."""
    found: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        text = "".join(c for c in label if c.isascii() and c.isalnum())
        stem = text if text[:1].isalpha() else first + text
        name, number = stem, 1
        while name in found.values():
            number += 1
            name = f"{stem}{number}"
        found[label] = name
    return found


def _named(place: Part, responses: Mapping[str, str], dpars: Mapping[str, str]) -> Part:
    rows = f"_{responses[place.response]}" if place.response else ""
    own = f"_{dpars[place.dpar]}" if place.dpar else ""
    return replace(place, rows=rows, ending=own + rows)


def _predicted(model: Model) -> Predicted:
    place = model.part
    own: FamilyParameter | None = next(
        (p for p in model.family.parameters if p.name == place.dpar), None
    )
    return Predicted(place.response, place.dpar, model.design, model.family, own, model.parameters)


def _own_priors(priors: Priors, place: Part) -> Priors:
    """Return the priors of a predictor's coefficients, and of its response's parameters."""

    def owns(slot: Any) -> bool:
        if slot.role == "scale":
            return place.first and slot.response == place.response
        here = (slot.response, slot.dpar) == (place.response, place.dpar)
        return here and slot.role in ("Intercept", "b")

    return Priors(tuple(a for a in priors if owns(a.slot)))
