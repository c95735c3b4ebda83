"""What a covariance structure of the effects of one level is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OneCorrelation:
    """Correlations that a single number rho decides.

    Attributes
    ----------
    lowest : callable
        Takes the number of effects, returns the lower end of rho; the upper end is 1.
    matrix : callable
        Takes rho, shape (draws,), and the times of the effects, shape (q,); returns the
        correlation matrices, shape (draws, q, q).
    stan : str
        Library function that returns their Cholesky factor.
    by_time : bool
        Whether they depend on the times of the effects.
    """

    lowest: Callable[[int], float]
    matrix: Callable[[Floats, Ints], Floats]
    stan: str
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class Covariance:
    """The covariance D C D of the effects of one level: sds D and correlations C.

    Attributes
    ----------
    kind : str
        As `hierglm.formula.terms.Structure` has it.
    scaled_by : str
        What the effects are scaled by, in words.
    common_sd : bool
        Whether all effects have one sd.
    free : bool
        Whether each two effects have a correlation of their own.
    one : OneCorrelation or None
        What one correlation makes of them all.
    low_rank : bool
        Whether the covariance is that of a few factors, by their loadings.
    """

    kind: str
    scaled_by: str
    common_sd: bool = False
    free: bool = False
    one: OneCorrelation | None = None
    low_rank: bool = False

    @property
    def correlated(self) -> bool:
        """Whether there is a correlation to estimate."""
        return self.free or self.one is not None

    def correlation(self, values: Floats, times: Ints) -> Floats:
        """Return correlation matrices, shape (draws, q, q).

        Parameters
        ----------
        values : ndarray, shape (draws, correlations)
            One for each two effects in the order of `itertools.combinations`, or one, or none.
        times : ndarray, shape (q,)
            Times of the effects; where these do not matter, of the same length.
        """
        q = len(times)
        if self.one is not None:
            return self.one.matrix(values[:, 0], times)
        out = np.tile(np.eye(q), (len(values), 1, 1))
        if self.free:
            rows, columns = np.triu_indices(q, 1)
            out[:, rows, columns] = out[:, columns, rows] = values
        return out
