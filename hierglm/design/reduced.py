"""What is known of rows that were read in batches and not kept: sums over them, or counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hierglm.design.design import Design

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GroupReduced:
    """Sums within the J levels of a group term with q effects.

    Attributes
    ----------
    ZZ : ndarray, shape (q (q + 1) / 2, J)
        Z_j' W Z_j, lower triangles row by row.
    ZA : ndarray, shape (q, J, p + 2)
        Z_j' W A, for the A of `Reduced`.
    rows : ndarray of int, shape (J,)
        How many rows each level has, whatever they weigh.
    """

    ZZ: Floats
    ZA: Floats
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reduced:
    """All that a Gaussian likelihood and its default priors need of the rows.

    A = [1, X - centre, y - offset - centre_y] has p + 2 columns for p common columns.

    Attributes
    ----------
    source : str
        Where the rows are, in words.
    rows : int
        Rows without missing values.
    weights : float
        Sum of their weights.
    R : ndarray, shape (p + 2, p + 2)
        Upper triangular, R' R = A' W A.
    centre : ndarray, shape (p,)
        What was taken from the common columns; zeros without an intercept.
    centre_y : float
        What was taken from the response; 0 without an intercept.
    means, sds : ndarray, shape (p,)
        Of the common columns, not weighted.
    mean_y, sd_y, mean_offset : float
        Likewise.
    median_y, mad_y : float
        Middle of the response, and the median distance from it.
    groups : tuple of GroupReduced
        One for each group term.
    cross : mapping of (int, int) to sparse array, shape (J_k q_k, J_m q_m)
        Z_k' W Z_m for terms k < m.
    """

    source: str
    rows: int
    weights: float
    R: Floats
    centre: Floats
    centre_y: float
    means: Floats
    sds: Floats
    mean_y: float
    sd_y: float
    mean_offset: float
    median_y: float
    mad_y: float
    groups: tuple[GroupReduced, ...]
    cross: Mapping[tuple[int, int], Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows there are of each of the different rows that a design has.

    Attributes
    ----------
    source : str
        Where the rows are, in words.
    frequency : ndarray, shape (different rows,)
        Whole numbers.
    means : ndarray, shape (p,)
        Of the common columns over all rows.
    """

    source: str
    frequency: Floats
    means: Floats

    @property
    def rows(self) -> int:
        """Rows without missing values."""
        return int(self.frequency.sum())


def with_levels(design: Design, levels: NDArray[Any]) -> Design:
    """Return the design of some rows with the levels of all, shape (levels,), ascending."""
    levels = levels.copy()
    levels.flags.writeable = False
    groups = []
    for g in design.groups:
        index = np.searchsorted(levels, g.levels)[g.index]
        index.flags.writeable = False
        groups.append(replace(g, levels=levels, index=index))
    return replace(design, groups=tuple(groups))


def counted_median(values: Floats, counts: NDArray[Any]) -> float:
    """Return the median of values of which each is there several times.

    Examples
    --------
    >>> counted_median(np.array([3.0, 1.0]), np.array([2, 2]))
    2.0
    """
    place = np.argsort(values, kind="stable")
    ends = np.cumsum(counts[place])
    pair = np.searchsorted(ends, [(ends[-1] - 1) // 2, ends[-1] // 2], side="right")
    return float(values[place][pair].mean())
