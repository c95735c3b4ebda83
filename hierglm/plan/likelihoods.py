"""A likelihood as penalised fits see it: value, slopes and curvature at a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.elimination import System

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Local:
    """A likelihood near a point.

    Attributes
    ----------
    value : float
        Log likelihood, up to a constant.
    common : ndarray, shape (p,)
        Its slopes along the common coefficients.
    effects : tuple of ndarray, shape (J, q)
        Its slopes along the effects of each term.
    system : System
        Its curvature, with the sign changed.
    """

    value: float
    common: Floats
    effects: tuple[Floats, ...]
    system: System


@dataclass(frozen=True, slots=True)
class Own:
    """A family's parameter in a penalised fit.

    Attributes
    ----------
    value : float
        What it is.
    spread : float
        About its posterior sd, on the scale of its link.
    """

    value: float
    spread: float


class Likelihood(Protocol):
    """What `hierglm.plan.penalised.penalise` needs of a likelihood."""

    sizes: tuple[tuple[int, int], ...]
    """Levels and effects of each term."""

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        ...

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        ...

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma; `used` degrees of freedom are gone."""
        ...

    def first(self) -> tuple[Floats, float]:
        """Return common coefficients and sigma to start from."""
        ...

    @property
    def own(self) -> Mapping[str, Own]:
        """The family's parameters beside sigma, where they are."""
        ...

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the likelihood with these moved a step, and how far; `used` as above."""
        ...
