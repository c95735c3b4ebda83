"""The same model and data fitted again, with other settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Settings
from hierglm.engines.options import engine_like
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.parts import notes_of
from hierglm.plan.choose import Asked, choose
from hierglm.program.write import write
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.running import run
from hierglm.sampling import Auto

F = TypeVar("F", bound=Fitted)

SAMPLING = ("chains", "warmup", "adapt_delta", "max_treedepth")
"""Settings that other methods do not know."""
ALL = ("draws", "seed", "threads", "progress", *SAMPLING)


def refit(fitted: F, **changes: Any) -> F:
    """Return the fit of the same model to the same data with other settings.

    Parameters
    ----------
    fitted : Fitted
        May come from a file: it holds its data.
    **changes
        Of chains, warmup, draws, seed, adapt_delta, max_treedepth, threads, progress; what is not
        named stays, the seed too. With nothing named, what the fit's check advises.

    Returns
    -------
    Fitted
        Of the same class; its notes tell the changes.

    Raises
    ------
    SettingsError
        For a setting that there is not, that the method does not know, or outside its range; or
        where nothing is named and nothing is advised.
    EngineMissing
        Where the engine of the fit is not installed here.
    """
    changes = changes or dict(check(fitted).remedy)
    if not changes:
        raise SettingsError(
            "the check of this fit advises no other settings; say which, such as "
            "fit.refit(draws=4000)"
        )
    known = ALL if fitted.sampled else tuple(name for name in ALL if name not in SAMPLING)
    for name in changes:
        if name not in known:
            raise SettingsError(f"no setting {name!r} to fit again with{suggest(name, known)}")
    before = fitted.settings
    told = [
        f"{name}={value!r} ({getattr(before, name)!r} before)"
        for name, value in changes.items()
        if name != "progress"
    ]
    note = f"fitted again with {', '.join(told)}"
    return again(
        fitted, replace(before, **changes), (*_lasting(fitted), *((note,) if told else ()))
    )


def again(fitted: F, settings: Settings, notes: tuple[str, ...]) -> F:
    """Return the fit of a model as it was planned, with these settings.

    Parameters
    ----------
    fitted : Fitted
        Its model and engine.
    settings : Settings
    notes : tuple of str
        What the new fit tells, before what was done while sampling.
    """
    before = fitted.plan
    found = fit_model(
        fitted, before.model, before.wanted, settings, settings.warmup, settings.adapt_delta
    )
    plan = replace(found.plan, engine=before.engine)
    # What was left to be chosen, and is as it was, was chosen then.
    auto = tuple(n for n in settings.auto if getattr(settings, n) == getattr(fitted.settings, n))
    return replace(
        found,
        plan=plan,
        settings=replace(found.settings, auto=auto),
        notes=(*notes, *found.notes),
    )


def fit_model(
    fitted: F,
    model: Model,
    plan: Asked,
    settings: Settings,
    warmup: int | Auto = "auto",
    adapt_delta: float | Auto = "auto",
) -> F:
    """Return the fit of a model with the engine and the method of another fit.

    Parameters
    ----------
    fitted : Fitted
        The other fit.
    model : Model
    plan : "auto", "textbook" or mapping
        See `hierglm.plan.choose.choose`.
    settings : Settings
        With that fit's method.
    warmup, adapt_delta
        See `hierglm.sampling.sample`.
    """
    engine = engine_for(engine_like(fitted.engine, fitted.engine_options))
    chosen = choose(model, engine.abilities, plan)
    return run(type(fitted), chosen, write(chosen), engine, settings, warmup, adapt_delta)


def _lasting(fitted: Fitted) -> Iterator[str]:
    """Yield the notes on data and engine, which hold for the new fit too."""
    model: Model = fitted.plan.model
    data = notes_of(model) if model.parts else model.design.notes
    for note in fitted.notes:
        if note in data or note.startswith(("engine: ", "plan: ", "fitted again with ")):
            yield note
