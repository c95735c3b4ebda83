"""New rows: several lots of them together, and which levels they bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Response
from hierglm.design.rows import KNOWN

Ints = NDArray[np.int64]


def with_levels(design: Design, other: Design) -> Design:
    """Return a design with the levels of another, which are its own and perhaps more."""
    pairs = zip(design.groups, other.groups, strict=True)
    return replace(design, groups=tuple(replace(g, levels=o.levels) for g, o in pairs))


def join(one: Design, other: Design) -> Design:
    """Return the rows of two designs, one below the other.

    Parameters
    ----------
    one, other : Design
        Encoded alike; the levels of `other` are those of `one` and perhaps more after them.
    """
    return replace(
        other,
        response=_joined(one.response, other.response),
        common=replace(
            other.common, matrix=np.concatenate([one.common.matrix, other.common.matrix])
        ),
        offset=_below(one.offset, other.offset),
        groups=tuple(
            replace(
                b,
                index=np.concatenate([a.index, b.index]),
                effects=replace(
                    b.effects, matrix=np.concatenate([a.effects.matrix, b.effects.matrix])
                ),
            )
            for a, b in zip(one.groups, other.groups, strict=True)
        ),
        kept=np.concatenate([one.kept, one.total + other.kept]),
        total=one.total + other.total,
        notes=(*one.notes, *other.notes),
    )


def bound(links: Sequence[tuple[Ints, NDArray[np.bool_]]]) -> tuple[list[Ints], Ints]:
    """Return which new levels have to be looked at together, and the part of each row.

    Two new levels that share a row, or are both bound to a third, are not independent given
    the rest.

    Parameters
    ----------
    links : sequence of (ndarray of int, ndarray of bool)
        For each grouping factor the level of each row, and which of its levels are new.

    Returns
    -------
    list of ndarray of int
        For each grouping factor the part of each of its levels, -1 of known ones.
    ndarray of int, shape (rows,)
        -1 for rows that have no new level.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(links[0][0])
    ends = np.cumsum([rows, *(len(new) for _, new in links)])
    one, other = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for low, (index, new) in zip(ends[:-1], links, strict=True):
        at = np.flatnonzero(new[index])
        one.append(at)
        other.append(low + index[at])
    edges = np.concatenate(one), np.concatenate(other)
    size = int(ends[-1])
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(size, size))
    _, found = connected_components(graph, directed=False)
    parts = np.full(size, -1, dtype=np.int64)
    held = np.concatenate([edges[0], edges[1]])
    parts[held] = np.unique(found[held], return_inverse=True)[1]
    return [parts[low:high] for low, high in pairwise(ends)], parts[:rows]


def _joined(one: Response, other: Response) -> Response:
    return replace(
        other,
        values=np.concatenate([one.values, other.values]),
        rows=np.concatenate([one.rows, other.rows]),
        **{name: _below(getattr(one, name), getattr(other, name)) for name in KNOWN},
    )


def _below(one: Any, other: Any) -> Any:
    return None if one is None else np.concatenate([one, other])
