"""How long a fit will take on each engine, from the program and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierglm.program.fragment import Program

# Measured by `python -m benchmarks.engines` on the cases of the benchmark; what is predicted
# from them is right within a factor of two.
EMBEDDED = (12e-6, 3.5e-9)
COMPILED = (6e-6, 1.5e-9)
"""CPU seconds of a gradient: for the call, and for each number in the data."""
_COMPILING = 15.0
"""CPU seconds to compile a program, with the precompiled header."""

_STEPS = ((250, 7), (20_000, 15))
"""Leapfrog steps an iteration, by the most parameters that take so many; where the posterior
is about normal with unit scales, trees have 2**k - 1 of them."""
_MOST_STEPS = 31
"""For more parameters, and where nothing is known of their scales."""

_WORTH_WAITING = 300.0
"""CPU seconds on the embedded engine from which the compiled one is taken, if it is twice as
fast, compiling included. Below that, not to need a compiler is worth more."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a fit costs; depends on the model and the settings, never on the machine.

    Attributes
    ----------
    numbers : int
        Numbers in the program's data: what a gradient has to read.
    gradients : int
        Leapfrog steps of all chains.
    embedded, compiled : float
        CPU seconds on a machine of 2026; `compiled` with the time to compile.
    """

    numbers: int
    gradients: int
    embedded: float
    compiled: float

    @property
    def engine(self) -> str:
        """The engine to take: "embedded" or "cmdstan"."""
        slow = self.embedded >= _WORTH_WAITING and self.embedded >= 2 * self.compiled
        return "cmdstan" if slow else "embedded"

    def __str__(self) -> str:
        one = 1e3 * (EMBEDDED[0] + EMBEDDED[1] * self.numbers)
        other = 1e3 * (COMPILED[0] + COMPILED[1] * self.numbers)
        return (
            f"about {self.gradients:,} gradients over {self.numbers:,} numbers: embedded "
            f"{one:.2g} ms each, {self.embedded:.0f} CPU s; compiled {other:.2g} ms each, "
            f"{self.compiled:.0f} CPU s with {_COMPILING:.0f} to compile"
        )


def predict(program: Program, chains: int, warmup: int, draws: int) -> Prediction:
    """Return what it costs to sample a program.

    Parameters
    ----------
    program : Program
        As the embedded engine would get it.
    chains, warmup, draws : int
        As in `Settings`.

    Examples
    --------
    >>> bare = Program("", "", {"y": np.zeros(1000)}, (), ())
    >>> found = predict(bare, chains=4, warmup=1000, draws=1000)
    >>> found.gradients, found.engine
    (248000, 'embedded')
    """
    numbers = sum(int(np.size(value)) for value in program.data.values())
    gradients = chains * (warmup + draws) * _steps(program)
    embedded, compiled = (
        gradients * (call + each * numbers) for call, each in (EMBEDDED, COMPILED)
    )
    return Prediction(numbers, gradients, embedded, compiled + _COMPILING)


def _steps(program: Program) -> int:
    if not program.start:
        return _MOST_STEPS
    parameters = sum(len(place.spread) for place in program.start.values())
    return next((steps for most, steps in _STEPS if parameters <= most), _MOST_STEPS)
