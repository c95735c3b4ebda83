"""Matrices between levels: what is given for them, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.given import Given, GivenMatrix, check_symmetric
from hierglm.design.relation import Floats
from hierglm.errors import DataError, suggest
from hierglm.formula.terms import GroupTerm


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


def cholesky(name: str, A: Floats, levels: NDArray[Any]) -> Floats:
    """Return the Cholesky factor of a covariance between levels.

    Raises
    ------
    DataError
        A matrix that is none; says what its eigenvalues are.
    """
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


def _extended(levels: NDArray[Any], extra: Sequence[Any]) -> NDArray[Any]:
    if not extra:
        return levels
    whole = levels.dtype.kind == "i" and all(isinstance(x, int) for x in extra)
    out = np.empty(len(levels) + len(extra), dtype=np.int64 if whole else object)
    out[:] = [*levels.tolist(), *extra]
    out.flags.writeable = False
    return out
