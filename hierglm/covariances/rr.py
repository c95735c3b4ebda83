"""``rr(x | g, rank=2)``: effects U v of a few factors v, loadings U shared by all levels.

Their covariance U U' has the rank of U. A rotation of the factors changes U and leaves U U' as it
is, so every prior here is the same for all of them. Reported are the loadings that are zero
above the diagonal and positive on it, as factor analysis has them (Geweke and Zhou 1996). With
such priors they depend on the order of the effects only in what they are called (Leung and
Drton 2016).
"""

from __future__ import annotations

import numpy as np

from hierglm.covariances.covariance import Covariance, Floats
from hierglm.design.design import Grouping

RR = Covariance("rr", "their loadings", low_rank=True)

DEFAULT = 2
"""Rank where none is given, as in glmmTMB."""

MOST = 10
"""Factors of ``rank="auto"``, at most."""


def is_auto(grouping: Grouping) -> bool:
    """Tell whether a term's rank is left to shrinkage."""
    return grouping.structure.option("rank") == "auto"


def rank(grouping: Grouping) -> int:
    """Return the number of factors of a term ``rr(...)``."""
    if is_auto(grouping):
        return min(len(grouping.terms), len(grouping.levels), MOST)
    given = grouping.structure.option("rank", grouping.structure.option("d"))
    return int(given) if isinstance(given, float) else min(DEFAULT, len(grouping.terms))


def loading_labels(grouping: Grouping) -> tuple[tuple[str, str], ...]:
    """Return effect and factor, counted from 1, of each loading that is not 0, row by row.

    Of other structures, and of a single effect, there are none.
    """
    if grouping.structure.kind != RR.kind or len(grouping.terms) == 1:
        return ()
    return tuple(
        (term, str(k + 1))
        for h, term in enumerate(grouping.terms)
        for k in range(min(h + 1, rank(grouping)))
    )


def loadings(values: Floats, grouping: Grouping) -> Floats:
    """Return loadings, shape (draws, q, rank), from those that are not 0.

    Parameters
    ----------
    values : ndarray, shape (draws, loadings)
        In the order of `loading_labels`.
    grouping : Grouping
    """
    out = np.zeros((len(values), len(grouping.terms), rank(grouping)))
    rows, columns = np.tril_indices(len(grouping.terms), 0, rank(grouping))
    out[:, rows, columns] = values
    return out


def unit(grouping: Grouping) -> Floats:
    """Return what a loading of 1 is in each effect's own unit, shape (q,).

    That is one over the root mean square of its column: the prior does not depend on the
    units of the columns.
    """
    size = np.sqrt(np.mean(grouping.effects.matrix**2, axis=0))
    return np.asarray(1 / np.where(size > 0, size, 1.0))
