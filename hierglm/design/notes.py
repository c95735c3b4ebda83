"""What is worth saying about the common columns before they are used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierglm.design.design import Columns

_MOST = 500
"""Columns up to which rank is looked at; the check costs columns^3."""


def column_notes(common: Columns, intercept: bool) -> tuple[str, ...]:
    """Return a note for each column that adds nothing to the ones before it.

    Parameters
    ----------
    common : Columns
        Without the intercept.
    intercept : bool
        Whether there is one.
    """
    return tuple(_notes(common, intercept)) if 0 < len(common.labels) <= _MOST else ()


def _notes(common: Columns, intercept: bool) -> Iterator[str]:
    matrix = common.matrix
    if intercept:
        matrix = matrix - matrix.mean(axis=0)
    size = np.sqrt((matrix**2).mean(axis=0))
    least = 1e-10 * np.maximum(1e-300, np.abs(common.matrix).max(axis=0))
    constant = size <= least
    for label in np.array(common.labels, dtype=object)[constant]:
        why = "constant, like the intercept" if intercept else "zero in every row"
        yield f"column {label!r} is {why}: only its prior informs its coefficient"
    live = np.flatnonzero(~constant)
    if len(live) < 2:
        return
    scaled = matrix[:, live] / size[live]
    # A column whose part orthogonal to the earlier ones vanishes: small diagonal of R.
    diagonal = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    rank = diagonal / np.sqrt(len(matrix))
    for k in np.flatnonzero(rank < 1e-8):
        yield (
            f"column {common.labels[live[k]]!r} is a combination of the columns before it: "
            "only the priors tell their coefficients apart"
        )
