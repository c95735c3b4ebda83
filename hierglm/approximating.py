"""What the methods other than sampling are asked, and how far their answer is to be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.draws.pareto import pareto_smoothed
from hierglm.engines.engine import Approximated, Approximator, Engine, Settings
from hierglm.engines.methods import Optimize, Pathfinder
from hierglm.errors import SettingsError
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Program
from hierglm.results.constants import left_out, unbounded
from hierglm.results.outcome import Elbo, Outcome

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answer:
    """Draws of an approximation, or the mode as a single one, and what is known of them."""

    draws: Draws
    outcome: Outcome


def approximate(plan: Plan, program: Program, engine: Engine, settings: Settings) -> Answer:
    """Return what the method of the settings gives, and how far it is from the posterior.

    Parameters
    ----------
    plan : Plan
    program : Program
        The plan's.
    engine : Engine
        One that knows the method.
    settings : Settings
        With a method other than `Sample`.

    Raises
    ------
    SettingsError
        If the engine only samples.
    """
    method = settings.method
    if not isinstance(engine, Approximator):
        raise SettingsError(
            f"method {method.name!r} needs engine='cmdstan' (or 'auto'); engine {engine.name!r} "
            "only samples"
        )
    found = engine.approximate(program, settings)
    lp = found.draws.stats["lp"][0]
    if isinstance(method, Optimize):
        outcome = Outcome(lp=float(lp[-1]), converged=found.converged, said=found.said)
        return Answer(found.draws, outcome)
    log_ratios = np.asarray(lp - found.draws.stats["log_q"][0], dtype=np.float64)
    weights, khat = pareto_smoothed(log_ratios)
    resample = getattr(method, "psis_resample", False)
    chosen = _choose(len(lp), weights if resample else None, settings)
    return Answer(
        _rows(found.draws, chosen),
        Outcome(elbo=_elbo(plan, found), khat=khat, converged=found.converged, said=found.said),
    )


def _elbo(plan: Plan, found: Approximated) -> Elbo | None:
    if not math.isfinite(found.elbo):
        return None
    why = unbounded(plan)
    constant = 0.0 if why else left_out(plan, found.dropped)
    return Elbo(found.elbo + constant, found.elbo_error, why)


def _choose(size: int, log_weights: Floats | None, settings: Settings) -> NDArray[np.int64]:
    """Return which draws are kept: by weight, or of several paths' as many of each as it comes."""
    rng = np.random.default_rng(settings.seed)
    if log_weights is not None:
        return np.sort(rng.choice(size, settings.draws, p=np.exp(log_weights)))
    if isinstance(settings.method, Pathfinder) and size > settings.draws:
        return np.sort(rng.choice(size, settings.draws, replace=False))
    return np.arange(size)


def _rows(draws: Draws, chosen: NDArray[np.int64]) -> Draws:
    """Return some draws of the one chain."""

    def taken(values: NDArray[np.float64]) -> NDArray[np.float64]:
        some: NDArray[np.float64] = values[:, chosen]
        some.flags.writeable = False
        return some

    return replace(
        draws,
        variables={k: replace(v, values=taken(v.values)) for k, v in draws.variables.items()},
        stats={k: taken(v) for k, v in draws.stats.items()},
    )
