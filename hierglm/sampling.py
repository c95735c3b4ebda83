"""How chains warm up and step, and what is done when that was too little."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hierglm.draws.diagnostics import Diagnostics, diagnose
from hierglm.draws.draws import Draws
from hierglm.engines.engine import Engine, Settings
from hierglm.errors import SamplingError
from hierglm.plan.choose import choose
from hierglm.plan.forms import GroupForm, Plan
from hierglm.program.fragment import Program
from hierglm.program.write import write
from hierglm.results.check import ESS_A_CHAIN, RHAT
from hierglm.results.rows import MAIN, select
from hierglm.showing import numbers

FULL, CAREFUL = 1000, 0.8
"""Warmup and target acceptance probability from anywhere, as of Stan and brms."""
SHORT = 300
"""Warmup from a penalised fit: Stan's first 75 iterations, windows of 25, 50 and 100 for the
metric, and 50 for the step size. With 140, which keep the fit's own metric, grouseticks lost
half of its effective samples; others gained nothing."""
BRISK = 0.65
"""Target acceptance probability from a penalised fit: the best for a posterior that is about
normal with unit scales (Beskos et al. 2013), which is what planned programs sample. Against
0.8: epilepsy 1.7 times the effective samples a second, grouseticks 1.4, 1,000,000 gathered
Bernoulli rows 2, verbagg 0.9, others the same; no divergence in any of them."""
KNOWN = 0.5
"""Largest spread of a log sd with which steps are brisk: where a few levels tell an sd, its
posterior reaches down to 0 and is not normal."""

MOST_EFFECTS, MOST_ROWS = 2_000, 10_000
"""Largest model that is sampled a third time, with standardised effects: larger ones could take
hours that way."""

Auto = Literal["auto"]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Draws, what they were drawn with, and what was decided on the way, in words."""

    plan: Plan
    program: Program
    settings: Settings
    draws: Draws
    notes: tuple[str, ...] = ()


def sample(
    plan: Plan,
    program: Program,
    engine: Engine,
    settings: Settings,
    warmup: int | Auto = "auto",
    adapt_delta: float | Auto = "auto",
) -> Sampled:
    """Return draws from a program, or from a more careful one where it has trouble.

    Parameters
    ----------
    plan : Plan
    program : Program
        The plan's.
    engine : Engine
    settings : Settings
        Its warmup and adapt_delta are replaced.
    warmup : int or "auto"
        "auto" takes 300 iterations where chains start about a penalised fit, and 1,000
        elsewhere. Where chains after a short warmup disagree or diverge, all is sampled
        again with 1,000 and the more careful steps; where that does not help, and the model
        is small, once more with standardised effects in place of conditional ones.
    adapt_delta : float or "auto"
        "auto" is 0.65 where chains start about a penalised fit by which every sd is known
        to about a factor of two, else 0.8.
    """
    led = program.led and engine.starts
    first = replace(
        settings,
        warmup=warmup if warmup != "auto" else SHORT if led else FULL,
        adapt_delta=adapt_delta if adapt_delta != "auto" else _delta(plan) if led else CAREFUL,
        auto=tuple(
            name
            for name, value in (("warmup", warmup), ("adapt_delta", adapt_delta))
            if value == "auto"
        ),
    )
    draws = engine.sample(program, first)
    if not led or warmup != "auto":
        doubted = plan.numbers.doubt if plan.numbers is not None and warmup == "auto" else ""
        note = f"{FULL:,} warmup iterations: no penalised fit to start about, {doubted}"
        return Sampled(plan, program, first, draws, (note,) if doubted else ())
    trouble = doubt(draws)
    if not trouble:
        note = f"{SHORT} warmup iterations, since chains start about the penalised fit"
        return Sampled(plan, program, first, draws, (note,))
    delta = CAREFUL if adapt_delta == "auto" else adapt_delta
    full = replace(first, warmup=FULL, adapt_delta=delta)
    note = f"{FULL:,} warmup iterations: after {SHORT} {trouble}"
    again = Sampled(plan, program, full, engine.sample(program, full), (note,))
    trouble, parts = doubt(again.draws), _to_standardise(plan)
    if not trouble or not parts:
        return again
    back = choose(plan.model, engine.abilities, parts)
    careful = write(back)
    try:
        last = engine.sample(careful, full)
    except SamplingError:
        # Nothing is lost of what there is.
        return again
    if _worst(_main(last)) >= _worst(_main(again.draws)):
        return again
    note = f"standardised effects: about their conditional means {trouble}"
    return Sampled(back, careful, full, last, (*again.notes, note))


def _delta(plan: Plan) -> float:
    fit = plan.numbers.fit if plan.numbers is not None else None
    if fit is None:
        return CAREFUL
    priors = plan.model.priors
    # Sds that are given have no posterior.
    widest = max(
        (
            float(s.max())
            for k, s in enumerate(fit.spreads)
            if not all(p.given for p in priors.of("sd", k))
        ),
        default=0.0,
    )
    return BRISK if widest <= KNOWN else CAREFUL


def _to_standardise(plan: Plan) -> dict[str, str]:
    """Return the terms that a more careful plan would write with standardised effects."""
    effects = sum(len(g.levels) * len(g.terms) for g in plan.model.groups)
    rows = sum(m.design.rows for m in plan.model.responses)
    if effects > MOST_EFFECTS or rows > MOST_ROWS:
        return {}
    return {c.part: "standardised" for c in plan.groups if c.form is GroupForm.CONDITIONAL}


def doubt(draws: Draws) -> str:
    """Return why draws after a short warmup are not to be relied upon, or ""."""
    divergent = int(draws.stats["diverging"].sum())
    if divergent:
        return f"{divergent} transition{'' if divergent == 1 else 's'} diverged"
    found = _main(draws)
    worst = _worst(found)
    if worst > RHAT:
        return f"R-hat was {numbers.rhat(worst)}"
    # Few draws have few effective ones, however long the warmup.
    enough = min(ESS_A_CHAIN * draws.chains, draws.chains * draws.draws // 10)
    least = float(np.nanmin(found.ess_bulk, initial=np.inf))
    return f"the effective sample size was {least:.0f}" if least < enough else ""


def _worst(found: Diagnostics) -> float:
    return float(np.nanmax(found.rhat, initial=0.0))


def _main(draws: Draws) -> Diagnostics:
    values = [v.values.reshape(draws.chains, draws.draws, -1) for v in select(draws, MAIN)]
    return diagnose(np.concatenate(values, axis=2))
