"""Levels of one predictor whose effects are integrated out together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.draws.scales import scale
from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Levels that are looked at together, and their rows.

    Attributes
    ----------
    design : Design
        The rows.
    levels : mapping of str to ndarray of int
        For each grouping factor that has some: its new levels among those of the rows.
    factors : mapping of str to ndarray, shape (S, q, q)
        For these grouping factors the triangular factor of the covariance of a level's effects.
    """

    design: Design
    levels: Mapping[str, Ints]
    factors: Mapping[str, Floats]

    @property
    def size(self) -> int:
        """Number of effects."""
        return sum(len(at) * self.factors[g].shape[2] for g, at in self.levels.items())

    def loadings(self, some: slice) -> Floats:
        """Return what one unit of a standardised effect adds, shape (draws, rows, effects)."""
        out = []
        groups = by_group(self.design)
        for group, levels in self.levels.items():
            terms = groups[group]
            Z = np.hstack([g.effects.matrix for g in terms])
            scaled = Z @ self.factors[group][some]
            out += [scaled * (terms[0].index == level)[:, None] for level in levels]
        return np.concatenate(out, axis=2)


def by_group(design: Design) -> dict[str, list[Grouping]]:
    """Return the group terms of each grouping factor, in order."""
    out: dict[str, list[Grouping]] = {}
    for grouping in design.groups:
        out.setdefault(grouping.group, []).append(grouping)
    return out


def group_factors(fitted: Fitted, groups: Sequence[str]) -> dict[str, Floats]:
    """Return the triangular factor of the covariance of a level's effects by grouping factor.

    Parameters
    ----------
    fitted : Fitted
    groups : sequence of str
        Those that are wanted, since they have new levels.

    Returns
    -------
    mapping of str to ndarray, shape (S, q, q)
        The terms of a factor stand side by side, as in the draws of its effects.

    Raises
    ------
    SettingsError
        Where the effects of a new level are not normal given the rest.
    """
    terms: dict[str, list[Floats]] = {group: [] for group in groups}
    every = fitted.plan.model.design.groups
    for number, grouping in enumerate(every):
        if grouping.group not in terms:
            continue
        if not grouping.relation.plain:
            raise SettingsError(
                f"adapt() does not know how effects of new levels are distributed in "
                f"{grouping.source}; fit again with all rows"
            )
        terms[grouping.group].append(scale(every, number, fitted.draws))
    return {group: _block_diagonal(some) for group, some in terms.items()}


def _block_diagonal(matrices: list[Floats]) -> Floats:
    q, d = (sum(m.shape[axis] for m in matrices) for axis in (1, 2))
    out, row, column = np.zeros((len(matrices[0]), q, d)), 0, 0
    for m in matrices:
        out[:, row : row + m.shape[1], column : column + m.shape[2]] = m
        row, column = row + m.shape[1], column + m.shape[2]
    return out
