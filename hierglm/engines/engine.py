"""What every engine offers: one small protocol, and the settings of a run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.engines.methods import Method, Sample
from hierglm.errors import SettingsError
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program

if TYPE_CHECKING:
    from pathlib import Path

    from hierglm.engines.alongside import Alongside
    from hierglm.engines.run import Run

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fit; checked when made, changed with `dataclasses.replace`.

    Attributes
    ----------
    chains : int
        Number of chains, at least 1.
    warmup, draws : int
        Iterations a chain before and after adaptation ends.
    seed : int
        0 to 2**32 - 1. One seed gives one answer, whatever the number of threads.
    adapt_delta : float
        Target acceptance probability, between 0 and 1.
    max_treedepth : int
        Longest trajectory is ``2**max_treedepth`` leapfrog steps.
    threads : int or None
        Threads in all; None takes one for each processor. Chains come first; those that
        chains leave over work within chains, where the program and the engine can.
    progress : bool or None
        None shows a bar in a terminal or a notebook, and nothing elsewhere.
    method : Method
        What is done with the program, and its own options. Other methods than `Sample` give
        draws that are not the posterior's (`Optimize` one: the mode), take `draws`, `seed`
        and `threads` from here and leave the rest unused.
    auto : tuple of str
        Those of warmup and adapt_delta that the caller left to be chosen.

    Raises
    ------
    SettingsError
        For a value outside its range.

    Examples
    --------
    >>> Settings(chains=2, seed=1).chains
    2
    """

    chains: int = 4
    warmup: int = 1000
    draws: int = 1000
    seed: int = 0
    adapt_delta: float = 0.8
    max_treedepth: int = 10
    threads: int | None = None
    progress: bool | None = None
    method: Method = field(default_factory=Sample)
    auto: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in (
            ("chains", 1, 1000),
            ("warmup", 0, 10_000_000),
            ("draws", 1, 10_000_000),
            ("seed", 0, 2**32 - 1),
            ("max_treedepth", 1, 30),
        ):
            _whole(name, getattr(self, name), low, high)
        if self.threads is not None:
            _whole("threads", self.threads, 1, 10_000)
        delta = self.adapt_delta
        if isinstance(delta, bool) or not isinstance(delta, int | float) or not 0 < delta < 1:
            raise SettingsError(f"adapt_delta must lie between 0 and 1, not {delta!r}")
        if not isinstance(self.method, Method):
            raise SettingsError(
                "method must be made by hierglm.method, such as hierglm.method.Pathfinder(), "
                f"not {self.method!r}"
            )

    @property
    def processors(self) -> int:
        """Number of threads in all."""
        if self.threads is not None:
            return int(self.threads)
        # Where a process is bound to some of the processors, only those count.
        bound = getattr(os, "sched_getaffinity", None)
        return len(bound(0)) if bound else os.cpu_count() or 1

    @property
    def parallel(self) -> int:
        """Number of chains that run at the same time."""
        return min(self.processors, self.chains)


def chosen_seed(seed: object, own: int) -> int:
    """Return the seed that someone gave, or one's own where that is None.

    Raises
    ------
    SettingsError
        What is no whole number from 0 on.

    Examples
    --------
    >>> chosen_seed(None, 7), chosen_seed(np.int64(3), 7)
    (7, 3)
    """
    if seed is None:
        return own
    return _whole("seed", seed, 0, 2**128 - 1)


def chosen_count(name: str, value: object) -> int:
    """Return a number of draws or data sets that someone gave.

    Raises
    ------
    SettingsError
        What is no whole number from 1 on, or more than any memory holds.
    """
    return _whole(name, value, 1, 10_000_000)


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SettingsError(f"{name} must be a whole number, not {value!r}")
    if not low <= int(value) <= high:
        raise SettingsError(f"{name} must lie between {low:,} and {high:,}, not {value!r}")
    return int(value)


@dataclass(frozen=True, slots=True)
class Approximated:
    """What a method other than sampling gave.

    Attributes
    ----------
    draws : Draws
        One chain; its stats are "lp", the log density of each draw on the unconstrained scale,
        and "log_q", that of the approximation (not after `Optimize`).
    dropped : bool
        Whether "lp" lacks the constants that Stan's ``~`` may drop.
    elbo, elbo_error : float
        Mean of lp - log_q under the approximation, and its Monte Carlo error; NaN where it
        cannot be had.
    converged : bool
        Whether the optimiser says that it has arrived.
    said : str
        How the program ended, in its own words.
    """

    draws: Draws
    dropped: bool
    elbo: float = math.nan
    elbo_error: float = math.nan
    converged: bool = True
    said: str = ""


class Density(Protocol):
    """A program bound to its data, ready to be evaluated; one thread at a time.

    Points are on Stan's unconstrained scale; the log density includes the Jacobian of the
    constraining transform and drops the constants that Stan's ``~`` drops.
    """

    size: int

    def __call__(self, point: Floats) -> tuple[float, Floats]:
        """Return log density and gradient, shape (size,), at a point of that shape."""
        ...

    def unconstrain(self, values: Mapping[str, Any]) -> Floats:
        """Return the point, shape (size,), at which the parameters have these values."""
        ...


class Engine(Protocol):
    """Something that samples Stan programs.

    Engines are frozen and hold nothing alive, so they may be pickled, sent to other
    processes and used from any thread.
    """

    @property
    def name(self) -> str:
        """What the user types: "embedded", "cmdstan"."""
        ...

    @property
    def abilities(self) -> frozenset[Ability]:
        """What programs may use."""
        ...

    @property
    def starts(self) -> bool:
        """Whether chains start where a program says, with its metric."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Return the versions of what computes, by package name."""
        ...

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws.

        Raises
        ------
        CompileError, SamplingError
            With the part of the model at fault, where it can be told.
        """
        ...

    def open(self, program: Program) -> AbstractContextManager[Density]:
        """Return the program's log density, to be used in a ``with`` statement."""
        ...


@runtime_checkable
class ByChain(Engine, Protocol):
    """An engine that can sample each chain by itself, with the same draws as among the others."""

    def chain(
        self,
        program: Program,
        settings: Settings,
        number: int,
        report: Callable[[Mapping[str, Any]], None],
        together: Alongside,
        folder: Path | None = None,
    ) -> Run:
        """Return one chain of those that the settings ask for; several threads may ask at once.

        Parameters
        ----------
        program : Program
        settings : Settings
            Of the whole run.
        number : int
            Which chain, from 1.
        report : callable
            Takes its progress, see `hierglm.engines.progress.progress_bar`.
        together : Alongside
            Takes its process, so that another thread can end it.
        folder : Path, optional
            Where an engine may put large values, instead of holding them in memory.

        Raises
        ------
        CompileError, SamplingError
            As `Engine.sample`.
        """
        ...


@runtime_checkable
class Approximator(Engine, Protocol):
    """An engine that knows other methods than sampling."""

    def approximate(self, program: Program, settings: Settings) -> Approximated:
        """Return what the method of the settings gives.

        Raises
        ------
        CompileError, SamplingError
            As `Engine.sample`.
        """
        ...
