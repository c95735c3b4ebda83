"""Levels and relations of group terms such as ``gr(g, cov=A)``, from a table and data2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hierglm.design.between import cholesky, matrix_between
from hierglm.design.design import Grouping
from hierglm.design.given import Given, given_graph, given_matrix
from hierglm.design.graphs import intrinsic, mixed, proper
from hierglm.design.groups import Codes
from hierglm.design.relation import Ints, Kind, Relation
from hierglm.errors import DataError, FormulaError, suggest
from hierglm.formula.terms import Formula, GroupTerm
from hierglm.formula.terms import Given as Named

FIELDS: Mapping[str, Kind] = {"icar": "icar", "car": "car", "bym2": "bym2"}
"""Types of ``graph(...)``."""


def read_given(formula: Formula, data2: Mapping[str, Any]) -> dict[str, Given]:
    """Return what the formula wants of data2, as arrays.

    Raises
    ------
    FormulaError
        A name that data2 does not have; points into the formula.
    DataError
        Something that is not what its term needs.
    """
    found: dict[str, Given] = {}
    for term in formula.groups:
        for named in term.levels.given:
            if named.name not in data2:
                hint = suggest(named.name, data2) if data2 else f": data2={{{named.name!r}: ...}}"
                _refuse(formula, named, f"data2 has no {named.name!r}{hint}")
            read = given_graph if term.levels.kind == "graph" else given_matrix
            found[named.name] = read(named.name, data2[named.name])
    return found


def check_options(formula: Formula) -> None:
    """Refuse options of level structures that do not go together, or whose value is unknown.

    Raises
    ------
    FormulaError
        Points into the formula.
    """
    for term in formula.groups:
        options = term.levels
        problem = ""
        if options.kind == "gr" and options.option("dist") not in (None, "gaussian", "student"):
            problem = f"dist must be 'gaussian' or 'student', not {options.option('dist')!r}"
        if options.kind == "graph":
            kind = options.option("type", "icar")
            if kind not in FIELDS:
                problem = f"graph(...) has no type {kind!r}{suggest(str(kind), FIELDS)}"
            if options.option("edges") is None:
                problem = f"a graph needs its edges: graph(... | {term.group}, edges=E)"
            if options.option("weights") is not None:
                problem = "weights of edges stand in a third column of edges"
        by = options.option("by")
        if options.kind == "gr" and by is not None:
            if not isinstance(by, tuple) or len(by) != 1:
                problem = "by= takes one column"
            elif term.structure.kind not in ("unstructured", "diagonal", "iso"):
                problem = f"{term.structure.kind}(...) cannot have by=; write (x | gr(g, by=f))"
        weights = options.option("weights")
        if options.kind == "mm" and isinstance(weights, tuple) and len(weights) != len(term.by):
            problem = (
                f"mm(...) has {len(term.by)} members and {len(weights)} "
                f"column{'' if len(weights) == 1 else 's'} of weights; write weights=cbind(...)"
            )
        if term.structure.kind == "rr" and options.kind != "independent":
            problem = "rr(...) is for independent levels of one factor"
        if term.shared and options.kind != "independent":
            problem = f"terms that share |{term.shared}| have independent levels"
        if problem:
            raise FormulaError(problem, formula.source, term.start, term.end)


def relate(
    term: GroupTerm, codes: Codes, given: Mapping[str, Given], stratum: Codes | None
) -> tuple[NDArray[Any], Relation]:
    """Return the levels of a group term, and how they are related.

    Parameters
    ----------
    term : GroupTerm
    codes : Codes
        The levels of the data.
    given : mapping of str to Given
        What `read_given` returned.
    stratum : Codes or None
        The column of ``by=``, for the same rows.

    Returns
    -------
    levels : ndarray
        Those of the data, then those that only the matrix or the graph has.
    relation : Relation

    Raises
    ------
    DataError
        Names the level at fault.
    """
    kind: Kind = "independent"
    factor = spectrum = None
    levels = codes.levels
    named = term.levels.option("cov" if term.levels.kind == "gr" else "edges")
    if isinstance(named, Named):
        levels, between = matrix_between(term, named.name, given[named.name], codes.levels)
        if term.levels.kind == "gr":
            kind = "cov"
            factor = cholesky(named.name, between, levels)
        else:
            kind = FIELDS[str(term.levels.option("type", "icar"))]
            if kind == "icar":
                factor = intrinsic(between)
            else:
                factor, spectrum = proper(between) if kind == "car" else mixed(between)
    labels: tuple[str, ...] = ()
    own = None
    if stratum is not None:
        labels, own = _strata(term, codes, stratum, levels)
    return levels, Relation(
        kind=kind,
        factor=_frozen(factor),
        spectrum=_frozen(spectrum),
        strata=labels,
        stratum=_frozen(own),
        student=term.levels.option("dist") == "student",
    )


def refuse_different_levels(groups: Sequence[Grouping]) -> None:
    """Refuse terms of one factor of which one knows more levels than the other.

    Raises
    ------
    DataError
    """
    first: dict[str, Grouping] = {}
    for group in groups:
        other = first.setdefault(group.group, group)
        if len(other.levels) != len(group.levels):
            raise DataError(
                f"{other.source} has {len(other.levels)} levels and {group.source} has "
                f"{len(group.levels)}: the matrix or graph of one has levels without rows; give "
                "it to both, or leave those levels out of it"
            )


def _strata(
    term: GroupTerm, codes: Codes, stratum: Codes, levels: NDArray[Any]
) -> tuple[tuple[str, ...], Ints]:
    by = term.levels.option("by")
    assert isinstance(by, tuple)
    name = by[0].label
    own = np.full(len(levels), -1, dtype=np.int64)
    own[codes.index[::-1]] = stratum.index[::-1]
    other = np.flatnonzero(own[codes.index] != stratum.index)
    if len(other):
        level = codes.index[other[0]]
        found = [stratum.levels[own[level]], stratum.levels[stratum.index[other[0]]]]
        raise DataError(
            f"{name!r} must be constant within the levels of {term.group}; level "
            f"{levels[level]!r} has {str(found[0])!r} and {str(found[1])!r}"
        )
    if (own < 0).any():
        level = levels[int(np.flatnonzero(own < 0)[0])]
        raise DataError(
            f"level {level!r} of {term.group} has no rows, so that its {name!r} is not known; "
            "leave it out of the matrix"
        )
    return tuple(f"{name}{x}" for x in stratum.levels.tolist()), own


def _frozen(array: Any) -> Any:
    if array is not None:
        array.flags.writeable = False
    return array


def _refuse(formula: Formula, named: Named, message: str) -> NoReturn:
    raise FormulaError(message, formula.source, named.start, named.end)
