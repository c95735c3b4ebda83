"""In which order group terms are eliminated, and which of them are nested in which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Factor:
    """A grouping factor with q effects a level, as elimination sees it.

    Attributes
    ----------
    index : ndarray of int, shape (rows,)
        Level of each row.
    levels : int
        Number of levels, J.
    effects : int
        Effects a level, q.
    related : bool
        Whether its levels are related: then it is nested in nothing, nor anything in it.
    """

    index: Ints
    levels: int
    effects: int
    related: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order of elimination.

    Attributes
    ----------
    chain : tuple of int
        Positions of the terms that are eliminated level by level: each is nested in all
        that follow it in the chain.
    rest : tuple of int
        Positions of the others, most levels first.
    parents : mapping of (int, int) to ndarray
        For two terms of the chain, by position: the level of the second in which each
        level of the first lies.
    """

    chain: tuple[int, ...]
    rest: tuple[int, ...]
    parents: dict[tuple[int, int], Ints]

    @property
    def all(self) -> tuple[int, ...]:
        """The chain, then the rest."""
        return self.chain + self.rest


def parent(inner: Factor, outer: Factor) -> Ints | None:
    """Return the level of `outer` in which each level of `inner` lies, or None.

    Examples
    --------
    >>> pupils = Factor(np.array([0, 1, 2, 2]), 3, 1)
    >>> parent(pupils, Factor(np.array([0, 0, 1, 1]), 2, 1)).tolist()
    [0, 0, 1]
    """
    if inner.related or outer.related:
        return None
    found = np.zeros(inner.levels, dtype=np.int64)
    found[inner.index] = outer.index
    return found if np.array_equal(found[inner.index], outer.index) else None


def order(
    factors: Sequence[Factor],
    lead: Collection[int] | None = None,
    follow: Collection[int] | None = None,
) -> Order:
    """Return the order in which the effects of some factors are eliminated.

    The factor with most coefficients begins the chain; those in which it is nested follow,
    and those between. Nothing fills in along a chain: its cost is linear in the levels.

    Parameters
    ----------
    factors : sequence of Factor
        One for each group term.
    lead, follow : collection of int, optional
        Positions of those that may begin the chain, and that may stand in it; all by
        default.
    """
    every = range(len(factors))
    lead = every if lead is None else lead
    follow = every if follow is None else follow
    # An inner factor has no fewer levels than the outer one: going out means fewer levels.
    by_levels = sorted(every, key=lambda k: (-factors[k].levels, k))
    largest = max(lead, key=lambda k: (factors[k].levels * factors[k].effects, -k), default=None)
    chain: list[int] = []
    parents: dict[tuple[int, int], Ints] = {}
    for k in by_levels:
        if largest is None or not (k == largest or k in follow):
            continue
        inside = {j: parent(factors[j], factors[k]) for j in chain}
        # A factor with more levels than the largest (which has more effects) stands before it.
        leads = k == largest or largest in chain or _nested(factors[k], factors[largest])
        if leads and all(p is not None for p in inside.values()):
            parents |= {(j, k): p for j, p in inside.items() if p is not None}
            chain.append(k)
    return Order(tuple(chain), tuple(k for k in by_levels if k not in chain), parents)


def _nested(inner: Factor, outer: Factor) -> bool:
    return parent(inner, outer) is not None
