"""How the levels of a group term are related once new ones have joined those of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.between import matrix_between
from hierglm.design.design import Grouping
from hierglm.design.given import Given, GivenMatrix
from hierglm.design.groups import Codes
from hierglm.design.relate import relate
from hierglm.design.relation import Ints, Relation
from hierglm.errors import DataError
from hierglm.formula.terms import Given as Named
from hierglm.formula.terms import GroupTerm

_SAME = 1e-8
"""Largest change of an entry between known levels that counts as rounding, of the largest."""


def enlarge(
    term: GroupTerm,
    grouping: Grouping,
    codes: Codes,
    before: Mapping[str, Given],
    given: Mapping[str, Given],
    stratum: Codes | None,
) -> tuple[NDArray[Any], Relation]:
    """Return the levels of a term and their relation, with new levels behind those of the fit.

    Parameters
    ----------
    term : GroupTerm
    grouping : Grouping
        As it was fitted.
    codes : Codes
        The levels of the fit, then the new ones; and which each new row has.
    before : mapping of str to Given
        Matrices and graphs of the fit.
    given : mapping of str to Given
        The same with the new levels.
    stratum : Codes or None
        The column of ``by=``, of the new rows.

    Raises
    ------
    DataError
        A new level whose relation is not given; a matrix or graph that has changed between
        known levels; a stratum that is new, or not the same in all rows of a level.
    """
    levels, relation = codes.levels, grouping.relation
    if relation.dependent and len(levels) > len(grouping.levels):
        levels, related = _with_new(term, grouping, levels, before, given)
        # What the levels' strata and tails are is no matter of the matrix.
        relation = replace(relation, factor=related.factor, spectrum=related.spectrum)
    if stratum is not None:
        own = _strata(term, grouping, codes, stratum)
        relation = replace(relation, stratum=own)
    return levels, relation


def _with_new(
    term: GroupTerm,
    grouping: Grouping,
    levels: NDArray[Any],
    before: Mapping[str, Given],
    given: Mapping[str, Given],
) -> tuple[NDArray[Any], Relation]:
    """Return all levels and their relation by an enlarged matrix or graph."""
    known = len(grouping.levels)
    named = term.levels.option("cov" if term.levels.kind == "gr" else "edges")
    assert isinstance(named, Named)
    name = named.name
    if given.get(name, before[name]) is before[name]:
        raise DataError(
            f"{term.group} has the new level {levels[known]!r}, and {grouping.source} does not "
            f"say how it is related to the others; pass {name} with the new levels in it, "
            f"data2={{{name!r}: ...}}"
        )
    enlarged = given[name]
    if isinstance(enlarged, GivenMatrix):
        if enlarged.labels is None:
            raise DataError(
                f"data2[{name!r}] must say which levels are new: pass a DataFrame with levels as "
                "index and columns"
            )
        enlarged = _of_levels(term, name, enlarged, levels)
    found, matrix = matrix_between(term, name, enlarged, levels)
    _, old = matrix_between(term, name, before[name], grouping.levels)
    apart = np.abs(matrix[:known, :known] - old)
    if apart.max(initial=0.0) > _SAME * max(1.0, float(np.abs(old).max(initial=0.0))):
        i, j = (int(x) for x in np.unravel_index(int(np.argmax(apart)), apart.shape))
        raise DataError(
            f"data2[{name!r}] has {matrix[i, j]:.6g} for {levels[i]!r} and {levels[j]!r}, but "
            f"{old[i, j]:.6g} when the model was fitted: what is between known levels must stay"
        )
    _, relation = relate(term, Codes(found, np.empty(0, np.int64)), {name: enlarged}, None)
    return found, relation


def _of_levels(term: GroupTerm, name: str, given: GivenMatrix, levels: NDArray[Any]) -> GivenMatrix:
    """Return a covariance between some levels alone; a graph with all of its levels.

    Levels that are not met do not matter to the covariance of the others; on a graph they do.
    """
    labels = given.labels or ()
    wanted = set(levels.tolist())
    at = [i for i, label in enumerate(labels) if label in wanted]
    if term.levels.kind == "graph" or len(at) == len(labels):
        return given
    return GivenMatrix(given.values[np.ix_(at, at)], tuple(labels[i] for i in at))


def _strata(term: GroupTerm, grouping: Grouping, codes: Codes, stratum: Codes) -> Ints:
    """Return the stratum of each level: of known ones as fitted, of new ones by their rows."""
    relation = grouping.relation
    by = term.levels.option("by")
    assert isinstance(by, tuple)
    assert relation.stratum is not None
    name = by[0].label
    place = {label: k for k, label in enumerate(relation.strata)}
    labels = [f"{name}{x}" for x in stratum.levels.tolist()]
    own = np.full(len(codes.levels), -1, dtype=np.int64)
    own[: len(relation.stratum)] = relation.stratum
    for level, at in zip(codes.index.tolist(), stratum.index.tolist(), strict=True):
        label = labels[at]
        if label not in place:
            raise DataError(
                f"{name!r} has the new stratum {stratum.levels[at]!r}, of whose covariance the "
                f"fit knows nothing; there are {', '.join(repr(s) for s in relation.strata)}"
            )
        if own[level] not in (-1, place[label]):
            raise DataError(
                f"{name!r} must be constant within the levels of {term.group}; level "
                f"{codes.levels[level]!r} has {relation.strata[own[level]]!r} and {label!r}"
            )
        own[level] = place[label]
    return own
