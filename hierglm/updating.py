"""A fit with another formula, other data or other priors; all else as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hierglm.engines.options import engine_like
from hierglm.errors import FormulaError, SettingsError, suggest
from hierglm.formula.update import update_formula
from hierglm.modelling import model as prepared_model
from hierglm.models import Model
from hierglm.parts import part
from hierglm.posterior import Fit
from hierglm.priors.distributions import Prior
from hierglm.priors.given import as_given
from hierglm.results.fitted import Fitted

Formulas = str | Sequence[str]

MODEL = ("plan", "engine", "missing", "functions", "data2", "weights")
"""Options that are about the model, not about fitting it."""


def update(
    fitted: Fitted,
    formula: Formulas | Mapping[str, Formulas] | None = None,
    data: Any = None,
    family: Any = None,
    priors: str | Mapping[str, Prior] | None = None,
    **options: Any,
) -> Fit:
    """Return a new fit with some things changed; see `hierglm.posterior.Fit.update`.

    Parameters
    ----------
    fitted : Fitted
    formula : str, sequence of str, or mapping of str to these, optional
        In which dots stand for the sides of the fit's own. Of several responses by response.
    data : table, or mapping of str to table, optional
        Of several responses one for all, or by response.
    family : str or Family, or mapping of str to these, optional
    priors : str or mapping, optional
    **options
        Of `hierglm.fit`.

    Raises
    ------
    SettingsError
        What must be given by response, and is not; priors over a whole set of others.
    FormulaError
        A formula that wants columns that the fit did not keep.
    """
    old = fitted.plan.model
    engine = engine_like(fitted.engine, fitted.engine_options)
    of_model = {"plan": fitted.plan.wanted, "engine": engine, **_kept(old)}
    of_model |= {name: options.pop(name) for name in MODEL if name in options}
    try:
        whole = _whole(old, formula, data, family)
        chosen = _priors(old, priors, formula is not None, whole, of_model)
        prepared = prepared_model(**whole, priors=chosen, **of_model)
    except FormulaError as error:
        if data is None:
            raise FormulaError(
                f"{error.message}; a fit keeps the columns that it used: give data= with others",
                error.source, error.start, error.end,
            ) from None  # fmt: skip
        raise
    return prepared.fit(**(_settings(fitted) | options))


def _whole(old: Model, formula: Any, data: Any, family: Any) -> dict[str, Any]:
    """Return the arguments of `hierglm.model` that say what is fitted to which data."""
    if len(old.responses) == 1:
        (one,) = old.responses
        return {
            "formula": _formulas(old, one, formula),
            "data": old.table(one) if data is None else data,
            "family": old.family if family is None else family,
        }
    names = [m.part.response for m in old.responses]
    formulas = _by_response("formula", formula, names, {"score": ". ~ . + x"})
    families = _by_response("family", family, names, {"score": "student"})
    tables = data if isinstance(data, Mapping) and data and set(data) <= set(names) else {}
    shared = None if tables else data
    parts = [
        part(
            _formulas(old, m, formulas.get(name)),
            families.get(name, m.family),
            data=tables.get(name, old.table(m)) if shared is None else None,
            weight=m.part.weight,
            name="" if name == m.design.response.label else name,
        )
        for name, m in zip(names, old.responses, strict=True)
    ]
    return {"formula": parts, "data": shared}


def _by_response(
    argument: str, given: Any, names: Sequence[str], example: Mapping[str, str]
) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        listed = ", ".join(map(repr, names))
        raise SettingsError(
            f"{argument}: this fit has several responses, {listed}; give it by response, such as "
            f"{argument}={dict(zip([names[0]], example.values(), strict=True))!r}"
        )
    for name in given:
        if name not in names:
            raise SettingsError(f"{argument}: no response {name!r}{suggest(str(name), names)}")
    return given


def _formulas(old: Model, response: Model, formula: Formulas | None) -> list[str]:
    # Predictors of categories share one formula.
    before = list(dict.fromkeys(m.design.formula.source for m in old.predictors(response)))
    if formula is None:
        return before
    if isinstance(formula, str):
        return [update_formula(formula, before[0]), *before[1:]]
    # Formulas of parameters that had none before stand as they are.
    return [
        update_formula(new, before[k]) if k < len(before) else new for k, new in enumerate(formula)
    ]


def _kept(old: Model) -> dict[str, Any]:
    designs = [m.design for m in old.parts or (old,)]
    weights: dict[str, dict[Any, float]] = {}
    for d in designs:
        for group, of_levels in d.level_weights.items():
            weights.setdefault(group, {}).update(of_levels)
    return {
        "functions": {name: f for d in designs for name, f in d.functions.items()},
        "data2": old.given_beside,
        "weights": weights or None,
    }


def _priors(
    old: Model,
    priors: str | Mapping[str, Prior] | None,
    changed: bool,
    whole: Mapping[str, Any],
    of_model: Mapping[str, Any],
) -> str | dict[str, Prior] | None:
    """Return the priors of before, those that still have a parameter, under the new ones."""
    if isinstance(priors, str):
        return priors
    before = as_given(old.priors)
    if isinstance(before, str) and before != "default":
        if priors is None:
            return before
        raise SettingsError(
            f"the fit has priors={before!r} for all parameters; give priors='default' or the fit "
            "anew with all that you want"
        )
    before = {} if isinstance(before, str) else dict(before)
    if before and changed:
        slots = prepared_model(**whole, **of_model).model.priors
        known = {key for a in slots for key in a.slot.keys}
        before = {name: prior for name, prior in before.items() if name in known}
    return before | dict(priors or {}) or None


def _settings(fitted: Fitted) -> dict[str, Any]:
    """Return the settings of before; what was left to us then is left to us again."""
    s = fitted.settings
    kept: dict[str, Any] = {"seed": s.seed, "threads": s.threads, "progress": s.progress}
    if not fitted.sampled:
        # A mode has one draw, whatever was asked for.
        return kept | {"method": s.method} | ({"draws": s.draws} if s.draws > 1 else {})
    kept |= {"chains": s.chains, "draws": s.draws, "max_treedepth": s.max_treedepth}
    own = ("warmup", "adapt_delta")
    return kept | {name: getattr(s, name) for name in own if name not in s.auto}
