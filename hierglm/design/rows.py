"""Some rows of a design, and the levels that these rows have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping

Ints = NDArray[np.int64]

KNOWN = ("trials", "weights", "se")
"""What may be known of each row beside the response."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Rows with the levels that they have, and no others.

    Attributes
    ----------
    design : Design
        The rows; levels of each grouping factor are those of the rows.
    levels : mapping of str to ndarray of int
        For each grouping factor the positions of these levels where they came from, ascending.
    """

    design: Design
    levels: Mapping[str, Ints]


def touched(design: Design) -> Touched:
    """Return rows with their own levels alone: nothing is of the size of all levels."""
    levels: dict[str, Ints] = {}
    groups = []
    for grouping in design.groups:
        used, index = np.unique(_every_index(grouping), return_inverse=True)
        index = index.reshape(_every_index(grouping).shape)
        relation = grouping.relation
        if relation.members is not None:
            relation, index = replace(relation, members=index), index[0]
        levels[grouping.group] = used
        groups.append(
            replace(grouping, levels=grouping.levels[used], index=index, relation=relation)
        )
    return Touched(replace(design, groups=tuple(groups)), levels)


def take(design: Design, rows: Any) -> Design:
    """Return some rows of a design; levels stay."""
    response = design.response
    return replace(
        design,
        response=replace(
            response,
            values=response.values[rows],
            rows=response.rows[rows],
            **{name: _taken(getattr(response, name), rows) for name in KNOWN},
        ),
        common=replace(design.common, matrix=design.common.matrix[rows]),
        offset=_taken(design.offset, rows),
        groups=tuple(_of_rows(g, rows) for g in design.groups),
        kept=design.kept[rows],
    )


def _of_rows(grouping: Grouping, rows: Any) -> Grouping:
    relation = grouping.relation
    if relation.members is not None and relation.shares is not None:
        relation = replace(
            relation, members=relation.members[:, rows], shares=relation.shares[:, rows]
        )
    return replace(
        grouping,
        index=grouping.index[rows],
        effects=replace(grouping.effects, matrix=grouping.effects.matrix[rows]),
        relation=relation,
    )


def _every_index(grouping: Grouping) -> Ints:
    """Return the level of each row, or with a first dimension its several levels."""
    members = grouping.relation.members
    return grouping.index if members is None else members


def _taken(values: Any, rows: Any) -> Any:
    return None if values is None else values[rows]
