"""Responses that columns separate: the likelihood has no maximum, and priors alone decide.

Where some direction of the common coefficients leads every response of 0 towards certainty and
every success too, and leaves the others where they are, the likelihood grows without end along it
(Albert and Anderson 1984; for counts Correia, Guimaraes and Zylkin 2019). Whether there is such a
direction is a question of linear programming (Konis 2007). Group effects and parameters of the
family change nothing about it: whatever they are, the likelihood does not fall along it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.families.family import Family

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SEPARATED = "separated by"
"""Words of the note on a response whose coefficients only priors keep finite."""

_MOST_WORK = 1e8
"""Rows x coefficients up to which it is looked for: a second."""
_FEW = 200
_ROUNDS = 100
_RANK = 1e-11
"""Share of the largest eigenvalue below which crossproducts are 0."""
_LEAST = 1e-6
"""Share of a row, of columns with mean squares of 1, and a largest margin, that are rounding."""
_EDGE = 1e-6
"""Share of the largest margin that is rounding error of a linear program."""


def separated(
    design: Design, family: Family, free: NDArray[np.bool_] | None = None
) -> tuple[str, ...] | None:
    """Return the columns that separate the response, or None.

    Parameters
    ----------
    design : Design
        With its rows in memory.
    family : Family
        Its `ends` say which responses may be certain.
    free : ndarray of bool, shape (p,), optional
        Coefficients that may move, the intercept (or all thresholds as one) first; all by
        default. With those whose priors are flat it is the question whether the posterior is
        improper: where the likelihood does not fall and the prior stays there is no end.

    Returns
    -------
    tuple of str, or None
        Their labels, without those that are not needed; none where the intercept (or a
        threshold) does by itself. None also where rows are too many to find out in a second.
    """
    response = design.response
    if not family.ends or design.reduced is not None or not design.rows:
        return None
    columns = design.common.matrix
    if design.intercept:
        columns = columns - columns.mean(axis=0)
    used = np.ones(design.rows, bool) if response.weights is None else response.weights > 0
    y, columns = response.values[used], columns[used]
    trials = None if response.trials is None else response.trials[used]
    start, rest = design.intercept, np.ones(columns.shape[1], bool)
    if free is not None:
        start, rest = start and bool(free[0]), free[int(start) :]
    if family.thresholds and set(y.tolist()) != set(range(len(response.levels or ()))):
        return None  # a category without rows has a threshold that only priors place
    if columns.size > _MOST_WORK:
        return None

    rows, stay = _certain(family, y, trials)

    def found(kept: Ints) -> bool:
        own = columns[:, kept]
        if family.thresholds:
            A = _ordered(y, own, start)
            return direction(A, np.zeros((0, A.shape[1]))) is not None
        X = np.column_stack([np.ones(len(y)), own]) if start else own
        sign = np.where(y[rows] == 0, -1.0, 1.0)[:, None]
        return direction(sign * X[rows], X[stay]) is not None

    kept = np.flatnonzero(rest)
    if not found(kept):
        return None
    for k in kept[::-1].tolist():
        if len(kept) * columns.size <= _MOST_WORK and found(kept[kept != k]):
            kept = kept[kept != k]
    return tuple(design.common.labels[k] for k in kept)


def separation_notes(design: Design, family: Family) -> tuple[str, ...]:
    """Return a note on what separates the response, if anything does."""
    found = separated(design, family)
    if found is None:
        return ()
    names = " and ".join(map(repr, found)) or "the intercept"
    its = "their coefficients" if len(found) > 1 else "its coefficient" if found else "it"
    them = "them" if len(found) > 1 else "it"
    return (
        f"response {design.response.label!r} is {SEPARATED} {names}: the likelihood grows without "
        f"end along {its}; only priors keep {them} finite",
    )


def direction(A: Floats, E: Floats) -> Floats | None:
    """Return d with ``A @ d >= 0``, not 0 in every row, and ``E @ d == 0``, or None.

    Parameters
    ----------
    A : ndarray, shape (rows, p)
    E : ndarray, shape (others, p)

    Returns
    -------
    ndarray, shape (p,), or None
        d, up to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[-2.0], [-1.0], [1.0], [3.0]])
    >>> nothing = np.zeros((0, 1))
    >>> direction(x * [[-1], [-1], [1], [1]], nothing) > 0
    array([ True])
    >>> direction(x * [[-1], [1], [1], [1]], nothing) is None
    True
    """
    if not A.size:
        return None
    scale = np.sqrt(((A**2).sum(axis=0) + (E**2).sum(axis=0)) / (len(A) + len(E)))
    scale[scale == 0] = 1.0
    N = np.eye(len(scale)) / scale[:, None]
    if len(E):
        values, vectors = np.linalg.eigh((E.T @ E) * np.outer(1 / scale, 1 / scale))
        N = N @ vectors[:, values <= _RANK * max(float(values.max()), np.finfo(np.float64).tiny)]
    B = A @ N
    # What is left of a row that does not move is rounding error.
    B[np.abs(B).max(axis=1, initial=0.0) <= _LEAST * np.abs(A / scale).max(axis=1)] = 0.0
    d = _by_program(B) if N.shape[1] else None
    return None if d is None else N @ d


def _certain(family: Family, y: Floats, trials: Floats | None) -> tuple[Ints, Ints]:
    """Return rows that may become certain, and those that must stay as they are.

    Of ordered categories a row comes twice, unless it has the first or the last of them.
    """
    if family.thresholds:
        return np.concatenate([np.flatnonzero(y < y.max()), np.flatnonzero(y > 0)]), np.zeros(
            0, int
        )
    at_end = y == 0
    if family.ends == "both":
        at_end = at_end | (y == (1.0 if trials is None else trials))
    told = np.ones(len(y), bool) if trials is None else trials > 0
    return np.flatnonzero(at_end & told), np.flatnonzero(~at_end & told)


def _ordered(y: Floats, columns: Floats, start: bool) -> Floats:
    """Return what must not be negative: a threshold above a row's category less eta, and so on.

    Categories count from 0; the thresholds come first, where they may move.
    """
    category = y.astype(np.int64)
    top = int(category.max())
    place = np.eye(top) if start else np.zeros((top, 0))
    below, above = category < top, category > 0
    upper = np.column_stack([place[category[below]], -columns[below]])
    return np.concatenate([upper, np.column_stack([-place[category[above] - 1], columns[above]])])


def _by_program(B: Floats) -> Floats | None:
    """Return the d between -1 and 1 with the largest sum of margins B d, none below 0, or None.

    Of some rows, and of those that what was found there violates, until none is left: where
    these few allow no d, all allow none.
    """
    from scipy.optimize import linprog

    size = np.abs(B).max(axis=1)
    total = B.sum(axis=0)
    more = np.linspace(0, len(B) - 1, min(len(B), _FEW + 20 * B.shape[1])).astype(np.intp)
    some = more[:0]
    for _ in range(_ROUNDS):
        some = np.union1d(some, more)
        rows = some[size[some] > 0]
        held = B[rows] / size[rows, None]
        found = linprog(-total, A_ub=-held, b_ub=np.zeros(len(held)), bounds=(-1, 1))
        if found.status != 0:
            return None
        margins = B @ found.x
        largest = float(margins.max())
        if margins.sum() <= 0 or largest <= _LEAST:
            return None
        if margins.min() >= -_EDGE * largest:
            return np.asarray(found.x)
        low = np.flatnonzero(margins < 0)
        more = low[np.argsort(margins[low])[: _FEW + 20 * B.shape[1]]]
    return None
