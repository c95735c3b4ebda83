"""The same model and data fitted again, with other settings."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeVar

from hierglm.approximating import approximate
from hierglm.draws.integrated import with_effects
from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Engine, Settings
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.parts import notes_of
from hierglm.plan.choose import Asked, choose
from hierglm.program.write import write
from hierglm.results import approximation
from hierglm.results.check import check
from hierglm.results.fitted import PACKAGES, Fitted, effects_seed
from hierglm.sampling import Auto, Sampled, sample
from hierglm.version import __version__

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
    start = time.monotonic()
    engine = engine_for(fitted.engine)
    chosen = choose(model, engine.abilities, plan)
    program, outcome = write(chosen), None
    if fitted.sampled:
        found = sample(chosen, program, engine, settings, warmup, adapt_delta)
    else:
        answer = approximate(chosen, program, engine, settings)
        found, outcome = Sampled(chosen, program, settings, answer.draws), answer.outcome
    lost = tuple(f"chain {k} died: {' '.join(w.split())}" for k, w in found.draws.lost.items())
    return replace(
        fitted,
        plan=replace(found.plan, numbers=None),
        program=found.program,
        settings=found.settings,
        draws=with_effects(found.plan, found.draws, effects_seed(found.settings)),
        versions=versions(engine),
        seconds=time.monotonic() - start,
        notes=(*found.notes, *lost),
        approx=approximation.approximate(chosen),
        outcome=outcome,
        **here(),
    )


def here() -> dict[str, str]:
    """Return when and on what a fit is made, as `hierglm.results.fitted.Fitted` has them."""
    processors = os.cpu_count() or 1
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {processors} "
        f"processor{'' if processors == 1 else 's'}",
    }


def versions(engine: Engine) -> dict[str, str]:
    """Return the versions of Python, of `PACKAGES`, and of what an engine computes with."""
    found = {"hierglm": __version__, "python": platform.python_version()}
    others = {name: version(name) for name in PACKAGES if name not in found}
    return {**found, **others, **engine.versions()}


def _lasting(fitted: Fitted) -> Iterator[str]:
    """Yield the notes on data and engine, which hold for the new fit too."""
    model: Model = fitted.plan.model
    data = notes_of(model) if model.parts else model.design.notes
    for note in fitted.notes:
        if note in data or note.startswith(("engine: ", "plan: ", "fitted again with ")):
            yield note
