"""A fit with another formula, other data or other priors; all else as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hierglm.errors import FormulaError, SettingsError
from hierglm.fitting import model as prepared_model
from hierglm.formula.update import update_formula
from hierglm.models import Model
from hierglm.posterior import Fit
from hierglm.priors.distributions import Prior
from hierglm.priors.given import as_given
from hierglm.results.fitted import Fitted
from hierglm.sampling import BRISK, CAREFUL, FULL, SHORT

MODEL = ("plan", "engine", "missing", "functions", "data2", "weights")
"""Options that are about the model, not about fitting it."""


def update(
    fitted: Fitted,
    formula: str | Sequence[str] | None = None,
    data: Any = None,
    family: Any = None,
    priors: str | Mapping[str, Prior] | None = None,
    **options: Any,
) -> Fit:
    """Return a new fit with some things changed; see `hierglm.posterior.Fit.update`.

    Parameters
    ----------
    fitted : Fitted
    formula : str or sequence of str, optional
        In which dots stand for the sides of the fit's own.
    data : table, optional
    family : str or Family, optional
    priors : str or mapping, optional
    **options
        Of `hierglm.fit`.

    Raises
    ------
    SettingsError
        A model of several responses; priors over a whole set of others.
    FormulaError
        A formula that wants columns that the fit did not keep.
    """
    old = fitted.plan.model
    if len(old.responses) > 1:
        names = ", ".join(repr(m.part.response) for m in old.responses)
        raise SettingsError(
            f"update() is for one response, and this fit has {names}: call hierglm.joint again"
        )
    formulas = _formulas(old, formula)
    of_model = {"plan": fitted.plan.wanted, "engine": fitted.engine, **_kept(old)}
    of_model |= {name: options.pop(name) for name in MODEL if name in options}
    table = old.table(old.responses[0]) if data is None else data
    whole = family if family is not None else old.family
    try:
        chosen = _priors(old, priors, formulas, table, whole, of_model)
        prepared = prepared_model(formulas, table, whole, priors=chosen, **of_model)
    except FormulaError as error:
        if data is None:
            raise FormulaError(
                f"{error.message}; a fit keeps the columns that it used: give data= with others",
                error.source, error.start, error.end,
            ) from None  # fmt: skip
        raise
    return prepared.fit(**(_settings(fitted) | options))


def _formulas(old: Model, formula: str | Sequence[str] | None) -> list[str]:
    before = list(old.formulas)
    if formula is None:
        return before
    if isinstance(formula, str):
        return [update_formula(formula, before[0]), *before[1:]]
    # Formulas of parameters that had none before stand as they are.
    return [
        update_formula(new, before[k]) if k < len(before) else new for k, new in enumerate(formula)
    ]


def _kept(old: Model) -> dict[str, Any]:
    designs = [m.design for m in old.predictors(old.responses[0])]
    return {
        "functions": {name: f for d in designs for name, f in d.functions.items()},
        "data2": old.given_beside,
        "weights": dict(designs[0].level_weights) or None,
    }


def _priors(
    old: Model,
    priors: str | Mapping[str, Prior] | None,
    formulas: Sequence[str],
    table: Any,
    family: Any,
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
    if before and list(formulas) != list(old.formulas):
        slots = prepared_model(formulas, table, family, **of_model).model.priors
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
    if s.warmup not in (FULL, SHORT):
        kept["warmup"] = s.warmup
    if s.adapt_delta not in (CAREFUL, BRISK):
        kept["adapt_delta"] = s.adapt_delta
    return kept
