"""Numbers as they are printed: as many digits as the posterior warrants, points aligned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def places(std_error: float, ess: float) -> int:
    """Return how many decimals a parameter's numbers are worth.

    The posterior sd is shown to two significant digits; to one where the Monte Carlo error
    of the mean, ``sd / sqrt(ess)``, would make the second digit of the estimate noise.

    Examples
    --------
    >>> places(0.0234, 1000), places(0.0234, 50), places(23.4, 1000)
    (3, 2, 0)
    """
    if not np.isfinite(std_error) or std_error <= 0:
        return 3
    digits = 1 if ess < 100 else 2
    return int(max(0, digits - 1 - np.floor(np.log10(std_error))))


def significant(value: float, digits: int = 3) -> int:
    """Return how many decimals show a number to so many significant digits.

    Examples
    --------
    >>> significant(0.0123456), significant(12.3456), significant(1234.5), significant(0)
    (4, 1, 0, 0)
    """
    if not np.isfinite(value) or value == 0:
        return 0
    # As rounded: 0.9996 is 1.00.
    return max(0, digits - 1 - int(f"{abs(value):.{digits - 1}e}".split("e")[1]))


def fixed(values: Sequence[float], decimals: Sequence[int]) -> list[str]:
    """Return numbers as texts of one width, their decimal points below each other.

    Very large and very small numbers are written with an exponent.

    Examples
    --------
    >>> fixed([1.5, -12.25], [1, 2])
    ['  1.5 ', '-12.25']
    """
    plain = [_plain(x, d) for x, d in zip(values, decimals, strict=True)]
    tails = [len(t) - t.find(".") if "." in t and "e" not in t else 0 for t in plain]
    longest = max(tails, default=0)
    padded = [
        t if "e" in t else t + " " * (longest - tail) for t, tail in zip(plain, tails, strict=True)
    ]
    room = max(map(len, padded), default=0)
    return [t.rjust(room) for t in padded]


def rhat(value: float) -> str:
    """Return an R-hat to three decimals, rounded up so that 1.01 is never hidden."""
    return _missing(value) or f"{np.ceil(value * 1000 - 1e-6) / 1000:.3f}"


def ess(value: float) -> str:
    """Return an effective sample size as a whole number, rounded down."""
    return _missing(value) or f"{np.floor(value):.0f}"


def _plain(value: float, decimals: int) -> str:
    missing = _missing(value)
    if missing:
        return missing
    if abs(value) >= 1e7 or decimals > 6:
        return f"{value:.2e}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _missing(value: float) -> str:
    return "" if np.isfinite(value) else str(value).replace("nan", "-")
