"""What a method other than sampling tells of its answer: ELBO, k-hat, mode."""

from __future__ import annotations

import math
from dataclasses import dataclass

CLOSE, FAR = 0.5, 0.7
"""Pareto k-hat of an approximation that is close to the posterior, and of one that is too far
for importance weights to mend (Yao et al. 2018; Vehtari et al. 2024)."""

_EXACT = 1e-6


@dataclass(frozen=True, slots=True, repr=False)
class Elbo:
    """An evidence lower bound; ``float(elbo)`` is its value.

    Attributes
    ----------
    value : float
        Mean log joint density of response and parameters, less the log density of the
        approximation, under the approximation; NaN where it cannot be had.
    error : float
        Its Monte Carlo standard error.
    unbounded : str
        Why it is no lower bound of the log marginal likelihood log p(y), or "".
    """

    value: float
    error: float
    unbounded: str = ""

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        # Two digits of the error; one that is all but 0 is rounding.
        exact = self.error < _EXACT
        digits = 6 if exact else min(6, max(1, 1 - math.floor(math.log10(self.error))))
        error = f"below {_EXACT:.6f}" if exact else f"{self.error:.{digits}f}"
        text = f"ELBO {self.value:.{digits}f} (Monte Carlo error {error})"
        if self.unbounded:
            return f"{text}, up to a constant: {self.unbounded}"
        return f"{text}, a lower bound of log p(y)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method other than sampling tells of its answer.

    Attributes
    ----------
    elbo : Elbo or None
        None for a mode, or where it cannot be had.
    khat : float
        Pareto's shape of the importance weights of the draws; NaN for a mode.
    lp : float
        Log density at the mode, up to a constant; NaN for others.
    converged : bool
        Whether the optimiser has arrived.
    said : str
        How it ended, in Stan's words.
    """

    elbo: Elbo | None = None
    khat: float = math.nan
    lp: float = math.nan
    converged: bool = True
    said: str = ""
