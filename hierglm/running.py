"""A written program sampled or approximated, and made a fit: the last stage of every fit."""

from __future__ import annotations

import os
import platform
import time
from concurrent.futures import Executor
from dataclasses import fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from hierglm.approximating import approximate
from hierglm.checkpointing.engine import KeepingEngine
from hierglm.checkpointing.file import Checkpoint
from hierglm.checkpointing.identity import identity
from hierglm.draws.integrated import with_effects
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.methods import Sample
from hierglm.engines.options import options_of
from hierglm.engines.spreading import SpreadingEngine
from hierglm.engines.storing import StoringEngine, sampled_effects
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Program
from hierglm.results import netcdf
from hierglm.results.approximate import approximate as normal_approximation
from hierglm.results.fitted import PACKAGES, Fitted, effects_seed
from hierglm.results.store import refuse_unsaveable
from hierglm.sampling import Auto, Sampled, sample
from hierglm.version import __version__

F = TypeVar("F", bound=Fitted)


def run(
    kind: type[F],
    plan: Plan,
    program: Program,
    engine: Engine,
    settings: Settings,
    warmup: int | Auto = "auto",
    adapt_delta: float | Auto = "auto",
    notes: tuple[str, ...] = (),
    checkpoint: Checkpoint | None = None,
    executor: Executor | None = None,
    out: Path | None = None,
) -> F:
    """Return the fit of a program by the method of the settings.

    Parameters
    ----------
    kind : type
        The class of the fit.
    plan : Plan
    program : Program
        The plan's.
    engine : Engine
    settings : Settings
    warmup, adapt_delta
        See `hierglm.sampling.sample`.
    notes : tuple of str
        What was done before, in words; what is done here follows.
    checkpoint : Checkpoint, optional
        Where complete chains are kept, and at last the fit; where it has the fit, that.
    executor : Executor, optional
        Of `concurrent.futures`, where chains run.
    out : Path, optional
        A NetCDF file that the fit is written to; draws of levels are in no memory, but there.

    Raises
    ------
    CheckpointError
        If the checkpoint is of another run.
    """
    keeping, options = None, options_of(engine)
    if executor is not None:
        engine = SpreadingEngine(engine, executor)
    if checkpoint is not None:
        own = identity(plan, program, engine, settings, warmup, adapt_delta)
        checkpoint = checkpoint.of(own)
        if checkpoint.finished:
            saved = checkpoint.fit(plan.model.design.functions)
            return kind(**{f.name: getattr(saved, f.name) for f in fields(saved)})
        refuse_unsaveable(plan.model)
        engine = keeping = KeepingEngine(engine, checkpoint)
    if out is not None:
        netcdf.refuse_target(out)
        # All in the file, and before that those that are sampled as they come.
        every = sum(len(g.levels) * len(g.terms) for g in plan.model.groups)
        size = every + sampled_effects(program)
        netcdf.refuse_full(out, 8 * settings.chains * settings.draws * size)
        refuse_unsaveable(plan.model)
        engine = StoringEngine(engine, out.absolute().parent)
    start, outcome = time.monotonic(), None
    if settings.method.name == Sample.name:
        found = sample(plan, program, engine, settings, warmup, adapt_delta)
    else:
        answer = approximate(plan, program, engine, settings)
        found, outcome = Sampled(plan, program, settings, answer.draws), answer.outcome
    lost = (f"chain {k} died: {' '.join(why.split())}" for k, why in found.draws.lost.items())
    processors = os.cpu_count() or 1
    fit = kind(
        # The sums and rows have done their work; what is needed of them is in the program.
        plan=replace(found.plan, numbers=None),
        program=found.program,
        settings=found.settings,
        draws=with_effects(found.plan, found.draws, effects_seed(found.settings)),
        engine=engine.name,
        versions=versions(engine),
        seconds=time.monotonic() - start,
        notes=(*notes, *found.notes, *lost, *(keeping.notes if keeping else ())),
        approx=normal_approximation(plan),
        outcome=outcome,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{platform.system()} {platform.machine()}, {processors} "
        f"processor{'' if processors == 1 else 's'}",
        engine_options=options,
    )
    said = keeping.finish(fit) if keeping else ""
    if out is not None:
        draws = netcdf.write(fit, out)
        million = netcdf.numbers(draws) * 8 / 1e6
        shown = f"{million:,.0f}" if million >= 10 else f"{million:.2g}"
        said = f"{shown} MB of effects of levels are in {out.name!r}, and read when looked at"
        fit = replace(fit, draws=draws)
    return replace(fit, notes=(*fit.notes, said)) if said else fit


def versions(engine: Engine) -> dict[str, str]:
    """Return the versions of Python, of `PACKAGES`, and of what an engine computes with."""
    found = {"hierglm": __version__, "python": platform.python_version()}
    others = {name: version(name) for name in PACKAGES if name not in found}
    return {**found, **others, **engine.versions()}
