"""Which parameter a name in a hypothesis means, and its draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.levels import level_values
from hierglm.draws.parameters import keys
from hierglm.errors import HypothesisError, SettingsError, suggest
from hierglm.hypotheses.expressions import Hypothesis, Step
from hierglm.names import Parameter, flat_name, of_predictor, parse_name, parse_qualified

Floats = NDArray[np.float64]

_LISTED = 2_000
"""Most levels among whose names similar ones are looked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A parameter and the place of its draws: entry `index` of a variable.

    The coefficient of a level is its deviation, and the common coefficient beside it.
    """

    parameter: Parameter
    variable: str
    index: tuple[int, ...]

    @property
    def name(self) -> str:
        """The flat name."""
        return flat_name(self.parameter)


def resolve(draws: Draws, hypothesis: Hypothesis) -> dict[str, Place]:
    """Return what each name of a hypothesis means: a flat name, else a common coefficient's label.

    Raises
    ------
    HypothesisError
        A name that no parameter has; a label that reads like a function.
    """
    _refuse_labels(draws, hypothesis)
    return {name: _resolve(draws, hypothesis, step) for name, step in hypothesis.names.items()}


def _refuse_labels(draws: Draws, hypothesis: Hypothesis) -> None:
    """Refuse ``log(x)`` where it is the label of a coefficient, not a function of one."""
    labels = [str(x) for v in draws if v.effect == "fixed" for x in v.dims[0][1]]
    for step in hypothesis.steps:
        for label in labels if step.kind == "function" else ():
            if hypothesis.source.startswith(label, step.start):
                raise HypothesisError(
                    f"{label!r} is the label of a coefficient: write b[{label}] for it, or "
                    f"{step.text}(b[...]) for a function of another",
                    hypothesis.source, step.start, step.start + len(label),
                )  # fmt: skip


def draws_of(draws: Draws, place: Place) -> Floats:
    """Return the draws of a parameter, shape (S,), chains one behind the other."""
    variable, p = draws[place.variable], place.parameter
    size = draws.chains * draws.draws
    if p.effect not in ("ran_vals", "ran_coefs"):
        at: tuple[Any, ...] = (slice(None), slice(None), *place.index)
        return np.asarray(variable.values[at].reshape(size))
    level, term = place.index
    values = level_values(variable, np.array([level]), size)[:, 0, term]
    if p.effect == "ran_vals":
        return values
    common = _place(draws, Parameter("fixed", "", "", p.term, "", p.response, p.dpar))
    return values if common is None else values + draws_of(draws, common)


def named_draws(draws: Draws, name: str) -> Floats:
    """Return the draws of the parameter that a name means, shape (chains, draws); read-only.

    Raises
    ------
    SettingsError
        A name that no parameter has.
    """
    text = str(name)
    place = _find(draws, text)
    if place is None:
        raise SettingsError(f"no parameter {name!r}{suggest(text, _known(draws, text))}")
    values = draws_of(draws, place).reshape(draws.chains, draws.draws)
    values.flags.writeable = False
    return values


def parameter_names(draws: Draws) -> list[str]:
    """Return the flat name of every parameter, those of a group's levels unless it has many."""
    return [*_known(draws, "b["), *_known(draws, "r[")]


def _resolve(draws: Draws, hypothesis: Hypothesis, step: Step) -> Place:
    place = _find(draws, step.text)
    if place is not None:
        return place
    raise HypothesisError(
        f"no parameter {step.text!r}{suggest(step.text, _known(draws, step.text))}",
        hypothesis.source, step.start, step.end,
    )  # fmt: skip


def _find(draws: Draws, name: str) -> Place | None:
    places = (_place(draws, parameter) for parameter in _meanings(name))
    return next((place for place in places if place is not None), None)


def _meanings(text: str) -> Iterator[Parameter]:
    """Yield what a name could mean: a flat name, or the label of a common coefficient."""
    with suppress(SettingsError):
        yield parse_name(text)
    try:
        term, response, dpar = parse_qualified(text)
    except SettingsError:
        return
    yield Parameter("fixed", "", "", term, "", response, dpar)


def _place(draws: Draws, p: Parameter) -> Place | None:
    """Return where a parameter is, or None where there is none like it."""
    effect = "ran_vals" if p.effect == "ran_coefs" else p.effect
    for variable in draws:
        if (variable.effect, variable.group) != (effect, p.group) or (
            variable.response, variable.dpar
        ) != (p.response, p.dpar):  # fmt: skip
            continue
        index = _index(variable, p)
        if index is not None:
            term, term2 = p.term, p.term2
            if effect == "ran_cor" and term2:
                term, term2 = map(str, variable.dims[0][1][index[0]])
            return Place(replace(p, term=term, term2=term2), variable.name, index)
    return None


def _index(variable: Variable, p: Parameter) -> tuple[int, ...] | None:
    if not variable.dims:
        return () if (variable.term or variable.name) == p.term else None
    first = variable.dims[0][1]
    if p.effect in ("ran_cor", "ran_loading"):
        pairs = [tuple(map(str, pair)) for pair in first]
        asked = [(p.term, p.term2)]
        # A correlation has no order.
        asked += [(p.term2, p.term)] if p.effect == "ran_cor" else []
        return next(((pairs.index(pair),) for pair in asked if pair in pairs), None)
    if p.effect in ("ran_vals", "ran_coefs"):
        terms = [str(t) for t in variable.dims[1][1]]
        level = next((i for i, x in enumerate(first) if str(x) == str(p.level)), None)
        return None if level is None or p.term not in terms else (level, terms.index(p.term))
    terms = [str(t) for t in first]
    return (terms.index(p.term),) if p.term in terms else None


def _known(draws: Draws, text: str) -> list[str]:
    """Return names that could have been meant, the shortest way to write each."""
    of_levels = text.startswith(("r[", "coef["))
    known: list[str] = []
    for variable in draws:
        own = variable.effect == "ran_vals"
        if own != of_levels or (own and len(variable.dims[0][1]) > _LISTED):
            continue
        found = keys(variable)
        for i in range(len(found["term"])):
            p = Parameter(**{name: column[i] for name, column in found.items()})
            if own and text.startswith("coef["):
                p = replace(p, effect="ran_coefs")
            bare = p.effect == "fixed" and p.term.isidentifier() and not text.startswith("b[")
            known.append(p.term + of_predictor(p.response, p.dpar) if bare else flat_name(p))
    return known
