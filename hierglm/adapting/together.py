"""New levels that have to be looked at together, and the rows that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.laplace import Prior
from hierglm.adapting.levels import NewEffects
from hierglm.adapting.rows import Factor, predictors, take_rows
from hierglm.design.design import Grouping
from hierglm.models import Model
from hierglm.results.pointwise import Flat

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Term:
    """A group term some of whose levels are new.

    Attributes
    ----------
    number : int
        Position among all group terms.
    factor : Factor
        Its grouping factor.
    new : ndarray of int
        Positions of the new levels among those that the rows have.
    effects : NewEffects
        Of these levels.
    """

    number: int
    factor: Factor
    new: Ints
    effects: NewEffects

    def add_means(self, model: Model, flat: Flat) -> None:
        """Write the means of the effects of new levels into the draws that rows need."""
        if self.effects.mean is not None:
            self.write(model, flat.values, self.new, self.effects.mean)

    def write(
        self, model: Model, values: Mapping[str, Floats], levels: Ints, effects: Floats
    ) -> None:
        """Add effects, shape (S, levels, q), to the draws of the predictors that they act on."""
        for m, grouping, first in model.acting(self.number):
            low = _before(m, grouping)
            high, last = low + len(grouping.terms), first + len(grouping.terms)
            values[f"r_{grouping.group}{m.part.ending}"][:, levels, low:high] += effects[
                :, :, first:last
            ]


@dataclass(frozen=True, slots=True)
class Block:
    """New levels that are looked at together, and their rows.

    Attributes
    ----------
    model : Model
        With the rows.
    terms : tuple of (Term, ndarray of int)
        Terms, and which of their new levels belong to it.
    """

    model: Model
    terms: tuple[tuple[Term, Ints], ...]

    @property
    def size(self) -> int:
        """Number of standardised effects."""
        return sum(len(levels) * term.effects.rank for term, levels in self.terms)

    @property
    def prior(self) -> Prior:
        """The prior of the standardised effects, for all draws."""
        tails = [
            (slice(low + k * term.effects.rank, low + (k + 1) * term.effects.rank), df)
            for low, term, levels in self._columns()
            for k in range(len(levels))
            if (df := term.effects.freedom) is not None
        ]
        return Prior(tuple(tails))

    def loadings(self, some: slice) -> list[Floats]:
        """Return what one unit of each standardised effect adds, predictor by predictor.

        Shape (draws, rows, effects) each.
        """
        every = predictors(self.model)
        count = len(self.terms[0][0].effects.scales[some])
        out = [np.zeros((count, m.design.rows, self.size)) for m in every]
        for low, term, levels in self._columns():
            L = term.effects.loadings(some, levels)
            high = low + len(levels) * term.effects.rank
            for m, grouping, first in self.model.acting(term.number):
                p = next(i for i, one in enumerate(every) if one.part == m.part)
                own = L[:, :, first : first + len(grouping.terms)]
                own = own.reshape(*own.shape[:3], -1)
                for index, share in _memberships(grouping):
                    at = _inside(index, term.new[levels])
                    held = np.flatnonzero(at >= 0)
                    Z = grouping.effects.matrix[held] * share[held, None]
                    added = np.einsum("rq,srqj->srj", Z, own[:, at[held]], optimize=True)
                    out[p][:, held, low:high] += added
        return out

    def add_effects(self, effects: Mapping[str, Floats], v: Floats, at: Ints) -> None:
        """Add the effects of standardised ones v, shape (draws, effects), to those of variables.

        `at` says which draws of the fit they belong to.
        """
        for low, term, levels in self._columns():
            L = term.effects.loadings(at, levels)
            high = low + len(levels) * term.effects.rank
            own = v[:, low:high].reshape(len(v), len(levels), -1)
            u = np.einsum("skqjd,sjd->skq", L, own, optimize=True)
            term.write(self.model, effects, term.new[levels], u)

    def _columns(self) -> Iterator[tuple[int, Term, Ints]]:
        """Yield the first column of each term, the term and its levels."""
        low = 0
        for term, levels in self.terms:
            yield low, term, levels
            low += len(levels) * term.effects.rank


def blocks(model: Model, terms: list[Term]) -> tuple[list[Block], dict[str, Ints]]:
    """Return new levels that have to be looked at together, and the rows that have none.

    Two new levels that share a row, are both bound to a third, or are related, are not
    independent given the rest.
    """
    every, responses = predictors(model), model.responses
    sizes = [m.design.rows for m in responses]
    starts = dict(zip([m.part.response for m in responses], np.cumsum([0, *sizes]), strict=False))
    # Terms of one factor have the same levels.
    own = {term.factor: term for term in terms}
    ends = np.cumsum([sum(sizes), *(len(term.new) for term in own.values())])
    first = dict(zip(own, ends[:-1].tolist(), strict=True))
    one, other = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for factor, term in own.items():
        for p, group in factor:
            for g in every[p].design.groups:
                for index, _ in _memberships(g) if g.group == group else ():
                    at = _inside(index, term.new)
                    held = np.flatnonzero(at >= 0)
                    one.append(starts[every[p].part.response] + held)
                    other.append(first[factor] + at[held])
        if any(t.effects.root is not None for t in terms if t.factor == factor):
            one.append(np.full(len(term.new), first[factor]))
            other.append(first[factor] + np.arange(len(term.new)))
    part = _connected(np.concatenate(one), np.concatenate(other), int(ends[-1]))

    def rows(number: int) -> dict[str, Ints]:
        return {
            m.part.response: np.flatnonzero(part[starts[m.part.response] :][:size] == number)
            for m, size in zip(responses, sizes, strict=True)
        }

    def levels(term: Term, number: int) -> Ints:
        low = first[term.factor]
        return np.flatnonzero(part[low : low + len(term.new)] == number)

    found = []
    for number in range(int(part.max(initial=-1)) + 1):
        inside = tuple((t, at) for t in terms if len(at := levels(t, number)))
        found.append(Block(take_rows(model, rows(number)), inside))
    return found, rows(-1)


def _connected(one: Ints, other: Ints, size: int) -> Ints:
    """Return the component of each node of a graph, from 0; -1 of those without an edge."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    _, found = connected_components(graph, directed=False)
    part = np.full(size, -1, dtype=np.int64)
    held = np.concatenate([one, other])
    part[held] = np.unique(found[held], return_inverse=True)[1]
    return part


def _memberships(grouping: Grouping) -> Iterator[tuple[Ints, Floats]]:
    """Yield the level of each row and the row's share of it, for each of its memberships."""
    members, shares = grouping.relation.members, grouping.relation.shares
    if members is None or shares is None:
        yield grouping.index, np.ones(len(grouping.index))
        return
    yield from zip(members, shares, strict=True)


def _inside(index: Ints, levels: Ints) -> Ints:
    """Return the position of each level among some ascending ones, -1 of others."""
    at = np.minimum(np.searchsorted(levels, index), len(levels) - 1)
    return np.where(levels[at] == index, at, -1) if len(levels) else np.full_like(index, -1)


def _before(predictor: Model, grouping: Grouping) -> int:
    """Return how many effects of a factor come before those of one of its terms."""
    low = 0
    for g in predictor.design.groups:
        if g is grouping:
            break
        low += len(g.terms) if g.group == grouping.group else 0
    return low
