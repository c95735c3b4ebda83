"""The models that are measured, the data of each, and what must be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Measure = Literal["wall", "frame", "cpu", "ess", "rhat", "ess_per_cpu", "ess_per_wall"]


@dataclass(frozen=True, slots=True)
class Target:
    """What hierglm must reach on a case.

    Attributes
    ----------
    measure : str
        An attribute of `benchmarks.measure.Result`.
    bound : {"most", "least"}
        On which side of the limit the measure must lie.
    limit : float
        A value; with `times`, a multiple of what that program has.
    times : str, optional
        The program whose measure is the unit.
    """

    measure: Measure
    bound: Literal["most", "least"]
    limit: float
    times: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A model and its data.

    Attributes
    ----------
    name : str
        As the option ``--cases`` has it.
    formula : str
        As hierglm, lme4 and rstanarm read it.
    family : str
        hierglm's name.
    file : str
        Below ``FOLDER/data``; or the name of a function in `benchmarks.tables`.
    targets : tuple of Target
        All must be reached.
    factors : tuple of str
        Columns of numbers that are categories.
    dialects : mapping of str to str
        The formula as other programs write it, by program.
    slow : frozenset of str
        Programs that take minutes here; ``--quick`` leaves them out.
    never : frozenset of str
        Programs that take hours here: never run.
    """

    name: str
    formula: str
    family: str
    file: str
    targets: tuple[Target, ...]
    factors: tuple[str, ...] = ()
    dialects: Mapping[str, str] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


SAMPLERS = frozenset({"textbook", "rstanarm", "brms", "bambi", "bambi-nutpie"})
"""Programs that sample every row and every effect."""

QUICK = (Target("cpu", "most", 4),)

CASES = (
    Case(
        "sleepstudy",
        "Reaction ~ Days + (Days | Subject)",
        "gaussian",
        "sleepstudy.csv",
        QUICK,
    ),
    Case(
        "cbpp",
        "cbind(incidence, size - incidence) ~ period + (1 | herd)",
        "binomial",
        "cbpp.csv",
        QUICK,
        factors=("period",),
        dialects={
            "brms": "incidence | trials(size) ~ period + (1 | herd)",
            "bambi": "p(incidence, size) ~ period + (1 | herd)",
            "bambi-nutpie": "p(incidence, size) ~ period + (1 | herd)",
        },
    ),
    Case(
        "epilepsy",
        "count ~ zAge + zBase * Trt + (1 | patient)",
        "poisson",
        "epilepsy.csv",
        QUICK,
    ),
    Case(
        "radon",
        "log_radon ~ floor_measure + log_uppm + (floor_measure | county_idx)",
        "gaussian",
        "radon",
        QUICK,
    ),
    Case(
        "grouseticks",
        "TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)",
        "poisson",
        "grouseticks.csv",
        (Target("cpu", "most", 15), Target("ess", "least", 1000)),
        factors=("YEAR",),
    ),
    Case(
        "insteval",
        "y ~ service + (1 | s) + (1 | d) + (1 | dept)",
        "gaussian",
        "InstEval.csv",
        (
            Target("wall", "most", 2, times="lme4"),
            Target("ess", "least", 400),
            Target("rhat", "most", 1.01),
        ),
        factors=("service",),
        never=SAMPLERS,
    ),
    Case(
        "verbagg",
        "r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        "bernoulli",
        "VerbAgg.csv",
        (Target("ess_per_cpu", "least", 10, times="textbook"),),
        slow=SAMPLERS,
    ),
    Case(
        "million_gaussian",
        "y ~ x1 + x2 + x3 + x4 + x5 + (1 + x1 | g)",
        "gaussian",
        "million_gaussian",
        (Target("frame", "most", 10),),
        never=SAMPLERS,
    ),
    Case(
        "million_bernoulli",
        "y ~ a + b + c + d + e + (1 | g)",
        "bernoulli",
        "million_bernoulli",
        (Target("frame", "most", 20),),
        slow=frozenset({"lme4"}),
        never=SAMPLERS,
    ),
    Case(
        "gaussian_slopes",
        "y ~ x + z + (x | g)",
        "gaussian",
        "gaussian_slopes",
        QUICK,
    ),
    Case(
        "bernoulli_slopes",
        "y ~ z + x1 + x2 + x3 + x4 + (1 + z | g)",
        "bernoulli",
        "bernoulli_slopes",
        (Target("ess_per_wall", "least", 8, times="textbook"),),
        slow=SAMPLERS,
    ),
)
