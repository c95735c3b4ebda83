"""How long a fit will take on each engine, from the program and the settings alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierglm.program.fragment import Program
from hierglm.program.scales import TOGETHER

# EMBEDDED is right within a factor of 1.5 on every case of the benchmark; COMPILED is from the
# 20,000 rows of `python -m benchmarks.kernels`. What algebra takes is from 1 to 12 effects of
# 200 and 1,000 levels (`python -m benchmarks.engines --algebra`).
EMBEDDED = (12e-6, 3.5e-9, 5e-9)
COMPILED = (8e-6, 1.0e-9, 1.2e-9)
"""CPU seconds of a gradient: for the call, for each number in the data, and for each unit of
algebra (see `Cost`)."""
BUILDING = 7e-6
"""CPU seconds that the embedded engine takes to build a program, for each unit of algebra in loops
over entries: it writes these out."""
COMPILING = 40.0
"""CPU seconds to compile a program, with the precompiled header."""

_STEPS = ((250, 7), (20_000, 15))
"""Leapfrog steps an iteration, by the most parameters that take so many; where the posterior
is about normal with unit scales, trees have 2**k - 1 of them."""
_MOST_STEPS = 31
"""For more parameters, and where nothing is known of their scales."""

WORTH_COMPILING = 300.0
"""CPU seconds on the embedded engine from which the compiled one is taken, if it is twice as
fast, compiling included. Below that, not to need a compiler is worth more."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one iteration of a program costs.

    Attributes
    ----------
    numbers : int
        Numbers in the program's data: what a gradient has to read.
    steps : int
        Leapfrog steps an iteration.
    algebra : int
        Sum over the group terms of levels times the cube of effects: what the Cholesky factors
        of all levels and their adjoints take.
    """

    numbers: int
    steps: int
    algebra: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a fit costs; depends on the model and the settings, never on the machine.

    Attributes
    ----------
    cost : Cost
        Of the program.
    iterations : int
        Of all chains, warmup included.
    """

    cost: Cost
    iterations: int

    @property
    def gradients(self) -> int:
        """Leapfrog steps of all chains."""
        return self.iterations * self.cost.steps

    @property
    def embedded(self) -> float:
        """CPU seconds on the embedded engine."""
        return self.gradients * _gradient(EMBEDDED, self.cost) + BUILDING * self.cost.written

    @property
    def compiled(self) -> float:
        """CPU seconds on the compiled engine, compiling included."""
        return self.gradients * _gradient(COMPILED, self.cost) + COMPILING

    @property
    def engine(self) -> str:
        """The engine to take: "embedded" or "cmdstan"."""
        slow = self.embedded >= WORTH_COMPILING and self.embedded >= 2 * self.compiled
        return "cmdstan" if slow else "embedded"

    @property
    def brief(self) -> str:
        """The choice and what it saves, in a few words."""
        times = {"embedded": self.embedded, "compiled": self.compiled}
        first, second = ("compiled", "embedded") if self.engine == "cmdstan" else times
        return (
            f"{self.engine}, predicted to take {_seconds(times[first])} CPU s "
            f"({second}: {_seconds(times[second])})"
        )

    def __str__(self) -> str:
        one, other = (1e3 * _gradient(each, self.cost) for each in (EMBEDDED, COMPILED))
        return (
            f"{self.brief}\n{self.gradients:,} gradients over {self.cost.numbers:,} numbers: "
            f"embedded {one:.2g} ms each; compiled {other:.2g} ms, and {COMPILING:.0f} s to compile"
        )


def cost(program: Program) -> Cost:
    """Return what an iteration of a program costs, as the embedded engine would get it.

    Examples
    --------
    >>> found = cost(Program("", "", {"y": np.zeros(1000)}, (), ()))
    >>> Prediction(found, iterations=8000).engine
    'embedded'
    """
    numbers = sum(int(np.size(value)) for value in program.data.values())
    algebra = _algebra(program.data)
    written = sum(cubes for q, cubes in algebra.items() if q <= TOGETHER)
    work = (sum(algebra.values()), written)
    if not program.start:
        return Cost(numbers, _MOST_STEPS, *work)
    parameters = sum(len(place.spread) for place in program.start.values())
    steps = next((steps for most, steps in _STEPS if parameters <= most), _MOST_STEPS)
    return Cost(numbers, steps, *work)


def _algebra(data: Mapping[str, Any]) -> dict[int, int]:
    """Return the sum of J q^3 over the terms with triangles of q x q numbers a level, by q."""
    found: dict[int, int] = {}
    for k in (name.removeprefix("T_") for name in data if name.startswith("T_")):
        q = int(data[f"M_{k}"])
        found[q] = found.get(q, 0) + int(data[f"J_{k}"]) * q**3
    return found


def _gradient(engine: tuple[float, float, float], cost: Cost) -> float:
    call, each, algebra = engine
    return call + each * cost.numbers + algebra * cost.algebra


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
