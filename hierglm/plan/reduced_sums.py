"""Crossproducts of a design whose rows were read in batches and not kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.design.magnitudes import units
from hierglm.design.reduced import Reduced
from hierglm.plan.order import Order
from hierglm.plan.sums import Crossproducts, GroupCrossproducts, Sums

Floats = NDArray[np.float64]


def sums_of(reduced: Reduced, intercept: bool, order: Order, given: Floats | None = None) -> Sums:
    """Return the crossproducts that `hierglm.plan.crossproducts.sum_rows` returns of the rows.

    Centres are moved to the means and known coefficients taken away by multiplying the columns
    A of `Reduced` from the right; A itself is not needed.

    Parameters
    ----------
    reduced : Reduced
    intercept : bool
        Whether the common columns have one.
    order : Order
        In which terms are eliminated.
    given : ndarray, shape (p,), optional
        The common coefficients that are known, NaN where they are not.
    """
    columns, target = _columns(reduced, intercept)
    p = columns.shape[1]
    known = np.zeros(p) if given is None else np.nan_to_num(given)
    free = np.ones(p, dtype=bool) if given is None else np.isnan(given)
    # The mean of the response is added to a free intercept at the end: nothing cancels.
    later = np.zeros(p)
    if intercept and free[0]:
        target[0], later[0] = 0.0, reduced.centre_y
    target = target - columns @ known
    columns = columns * free
    X, y = reduced.R @ columns, reduced.R @ target
    # The tolerance that NumPy has for a matrix with all the rows, in units of each column.
    tolerance = np.finfo(float).eps * max(reduced.rows, p)
    unit = units(X) if p else np.ones(0)
    ols = np.linalg.lstsq(X * unit, y, rcond=tolerance)[0] * unit if p else np.zeros(0)
    left = y - X @ ols
    common = Crossproducts(
        ols=np.where(free, ols + later, known),
        R=np.asarray(np.linalg.qr(X, mode="r")),
        rss=float(left @ left),
        weights=reduced.weights,
        means=reduced.means if intercept else np.zeros(p),
    )
    residual = target - columns @ ols
    groups = tuple(
        GroupCrossproducts(ZZ=g.ZZ, ZX=g.ZA @ columns, Ze=g.ZA @ residual) for g in reduced.groups
    )
    cross = {}
    for a, k in enumerate(order.all[:-1]):
        for m in order.all[a + 1 :]:
            cross[k, m] = reduced.cross[k, m] if k < m else reduced.cross[m, k].T.tocsr()
    return Sums(common, groups, cross)


def _columns(reduced: Reduced, intercept: bool) -> tuple[Floats, Floats]:
    """Return C and t so that the common columns are A C, and the response less offsets A t."""
    p = len(reduced.centre)
    columns = np.zeros((p + 2, p + intercept))
    columns[1 : p + 1, int(intercept) :] = np.eye(p)
    if intercept:
        columns[0, 0] = 1.0
        columns[0, 1:] = reduced.centre - reduced.means
    target = np.zeros(p + 2)
    target[0], target[-1] = reduced.centre_y, 1.0
    return columns, target
