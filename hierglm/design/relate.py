"""Levels and relations of group terms such as ``gr(g, cov=A)``, from a table and data2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.design.given import (
    Given,
    GivenMatrix,
    check_symmetric,
    given_graph,
    given_matrix,
)
from hierglm.design.graphs import intrinsic, mixed, proper
from hierglm.design.groups import Codes
from hierglm.design.relation import Floats, Ints, Kind, Relation
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
            factor = _cholesky(named.name, between, levels)
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


def matrix_between(
    term: GroupTerm, name: str, given: Given, levels: NDArray[Any]
) -> tuple[NDArray[Any], Floats]:
    """Return the matrix between levels that is given: a covariance, or an adjacency.

    Parameters
    ----------
    term : GroupTerm
    name : str
        In data2.
    given : Given
    levels : ndarray
        Those that come first, in this order.

    Returns
    -------
    levels : ndarray
        With those behind them that the matrix alone has.
    matrix : ndarray, shape (levels, levels)
    """
    if term.levels.kind == "gr":
        assert isinstance(given, GivenMatrix)
        return _on_levels(term, name, given, levels)
    return _adjacency(term, name, given, levels)


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


def _on_levels(
    term: GroupTerm, name: str, given: GivenMatrix, levels: NDArray[Any]
) -> tuple[NDArray[Any], Floats]:
    """Return a matrix in the order of levels, those that it alone has at the end."""
    if given.labels is None:
        if len(given.values) != len(levels):
            size = len(given.values)
            raise DataError(
                f"data2[{name!r}] is {size} x {size}, but {term.group} has {len(levels)} levels; "
                "pass a DataFrame with levels as index and columns, or one row for each level"
            )
        return levels, given.values
    own = levels.tolist()
    place = {label: i for i, label in enumerate(given.labels)}
    missing = [x for x in own if x not in place]
    if missing:
        raise DataError(
            f"level {missing[0]!r} of {term.group} is not in data2[{name!r}]"
            f"{suggest(str(missing[0]), given.labels)}"
            + (f" ({len(missing)} levels are missing)" if len(missing) > 1 else "")
        )
    known = set(own)
    extra = [label for label in given.labels if label not in known]
    at = [place[x] for x in (*own, *extra)]
    return _extended(levels, extra), given.values[np.ix_(at, at)]


def _adjacency(
    term: GroupTerm, name: str, given: Given, levels: NDArray[Any]
) -> tuple[NDArray[Any], Floats]:
    if isinstance(given, GivenMatrix):
        return _on_levels(term, name, given, levels)
    place = {level: i for i, level in enumerate(levels.tolist())}
    for end in (*given.first, *given.second):
        if end not in place:
            raise DataError(
                f"data2[{name!r}] has an edge to {end!r}, which is no level of {term.group}"
                f"{suggest(str(end), map(str, place))} (levels without rows are known where the "
                "graph lists its levels: an adjacency DataFrame or a networkx graph)"
            )
    W = np.zeros((len(levels), len(levels)))
    for one, other, weight in zip(given.first, given.second, given.weights, strict=True):
        i, j = place[one], place[other]
        # An edge that is listed from both sides is one edge.
        if W[i, j] not in (0.0, weight):
            raise DataError(
                f"data2[{name!r}] has two weights for the edge of {one!r} and {other!r}: "
                f"{W[i, j]:g} and {weight:g}"
            )
        W[i, j] = W[j, i] = weight
    return levels, W


def _cholesky(name: str, A: Floats, levels: NDArray[Any]) -> Floats:
    check_symmetric(name, GivenMatrix(A, None), levels.tolist())
    A = (A + A.T) / 2
    try:
        return np.asarray(np.linalg.cholesky(A), dtype=np.float64)
    except np.linalg.LinAlgError:
        values = np.linalg.eigvalsh(A)
        bad = int(np.sum(values <= values[-1] * len(values) * np.finfo(float).eps))
        which = f"{bad} of its {len(values)} eigenvalues are" if bad > 1 else "one eigenvalue is"
        raise DataError(
            f"data2[{name!r}] is no covariance matrix: {which} not greater than 0, the smallest "
            f"{values[0]:.4g} (the largest {values[-1]:.4g}); levels that are the same twice, "
            "such as identical twins, make one 0"
        ) from None


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


def _extended(levels: NDArray[Any], extra: Sequence[Any]) -> NDArray[Any]:
    if not extra:
        return levels
    whole = levels.dtype.kind == "i" and all(isinstance(x, int) for x in extra)
    out = np.empty(len(levels) + len(extra), dtype=np.int64 if whole else object)
    out[:] = [*levels.tolist(), *extra]
    out.flags.writeable = False
    return out


def _frozen(array: Any) -> Any:
    if array is not None:
        array.flags.writeable = False
    return array


def _refuse(formula: Formula, named: Named, message: str) -> NoReturn:
    raise FormulaError(message, formula.source, named.start, named.end)
