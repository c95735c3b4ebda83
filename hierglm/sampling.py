"""How long chains warm up, and what is done when that was too short."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from hierglm.draws.diagnostics import diagnose
from hierglm.draws.draws import Draws
from hierglm.engines.engine import Engine, Settings
from hierglm.program.fragment import Program
from hierglm.results.check import ESS_A_CHAIN, RHAT
from hierglm.results.rows import MAIN, select

FULL = 1000
"""Warmup from anywhere, as of Stan and brms."""
SHORT = 300
"""Warmup from a penalised fit: Stan's first 75 iterations, windows of 25, 50 and 100 for the
metric, and 50 for the step size. Shorter ones keep or hardly improve the fit's own metric:
grouseticks lost half of its effective samples."""

Warmup = int | Literal["auto"]


def sample(
    program: Program, engine: Engine, settings: Settings, warmup: Warmup
) -> tuple[Draws, Settings, tuple[str, ...]]:
    """Return draws, the settings that gave them, and what was decided, in words.

    Parameters
    ----------
    program : Program
    engine : Engine
    settings : Settings
        Its warmup is replaced.
    warmup : int or "auto"
        "auto" takes 300 iterations where chains start about a penalised fit, and 1,000
        elsewhere. Where chains with a short warmup disagree or diverge, all is sampled
        again with 1,000.
    """
    if warmup != "auto":
        settings = replace(settings, warmup=warmup)
        return engine.sample(program, settings), settings, ()
    if not (program.start and engine.starts):
        settings = replace(settings, warmup=FULL)
        return engine.sample(program, settings), settings, ()
    settings = replace(settings, warmup=SHORT)
    draws = engine.sample(program, settings)
    why = f"warmup: {SHORT} iterations, since chains start about the penalised fit"
    trouble = doubt(draws)
    if not trouble:
        return draws, settings, (why,)
    settings = replace(settings, warmup=FULL)
    why = f"warmup: {FULL:,} iterations; after {SHORT} {trouble}"
    return engine.sample(program, settings), settings, (why,)


def doubt(draws: Draws) -> str:
    """Return why draws after a short warmup are not to be relied upon, or ""."""
    divergent = int(draws.stats["diverging"].sum())
    if divergent:
        return f"{divergent} transitions diverged"
    values = [v.values.reshape(draws.chains, draws.draws, -1) for v in select(draws, MAIN)]
    found = diagnose(np.concatenate(values, axis=2))
    worst = float(np.nanmax(found.rhat, initial=0.0))
    if worst > RHAT:
        return f"R-hat was {worst:.3f}"
    # What short chains cannot give, a longer warmup does not bring.
    enough = min(ESS_A_CHAIN * draws.chains, draws.chains * draws.draws // 10)
    least = float(np.nanmin(found.ess_bulk, initial=np.inf))
    return f"the effective sample size was {least:.0f}" if least < enough else ""
