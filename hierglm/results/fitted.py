"""A fitted model: everything that the tables, checks, pictures and files are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hierglm.draws.draws import Draws
from hierglm.engines.engine import Settings
from hierglm.engines.methods import Optimize, Sample
from hierglm.engines.options import EngineOptions
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Program
from hierglm.results.approximation import Approximation
from hierglm.results.outcome import Outcome

PACKAGES = ("hierglm", "numpy", "scipy", "pandas", "formulaic")
"""What every fit is made with, besides its engine; all are in `Fitted.versions`."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted, how, and what came out; nothing is filled in later.

    Attributes
    ----------
    plan : Plan
        How each part was written, and why; ``plan.model`` is the model and its design.
    program : Program
        The Stan program.
    settings : Settings
        Chains, iterations, seed.
    draws : Draws
        The posterior.
    engine : str
        What sampled: "embedded", "cmdstan".
    versions : mapping of str to str
        Of hierglm, of Python and of what computed.
    seconds : float
        Wall time of sampling, compiling included.
    notes : tuple of str
        What was done without being asked, in words.
    approx : Approximation or None
        The penalised fit that led the chains, where there was one: no posterior, but near
        it. ``fit.approx.tidy()`` beside ``fit.tidy()`` shows what sampling added.
    outcome : Outcome or None
        ELBO, k-hat or mode, where another method than sampling gave the draws.
    when, machine : str
        When it was fitted (UTC, ISO 8601), and on what; "" of fits that do not say.
    engine_options : EngineOptions
        What the compilers were told besides the program, as far as a fit keeps it.
    """

    plan: Plan
    program: Program
    settings: Settings
    draws: Draws
    engine: str
    versions: Mapping[str, str]
    seconds: float
    notes: tuple[str, ...] = ()
    approx: Approximation | None = None
    outcome: Outcome | None = None
    when: str = ""
    machine: str = ""
    engine_options: EngineOptions = field(default_factory=EngineOptions)

    @property
    def sampled(self) -> bool:
        """Whether the draws are those of Markov chains, whose mixing can be looked at."""
        return self.settings.method.name == Sample.name


def effects_seed(settings: Settings) -> int | None:
    """Return the seed with which integrated effects are drawn; None for a mode: their means."""
    return None if settings.method.name == Optimize.name else settings.seed
