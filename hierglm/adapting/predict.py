"""Predictions from an adapted fit: its draws, and effects of the levels that it has learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.rows import with_levels
from hierglm.design.design import Design
from hierglm.design.rows import touched
from hierglm.draws.draws import Draws
from hierglm.predicting.effects import Source
from hierglm.results.fitted import Fitted

Ints = NDArray[np.int64]


def adapted_source(fitted: Fitted, rows: Design, draws: Draws, at: Ints) -> Source:
    """Return what predictions of an adapted fit are made from.

    Parameters
    ----------
    fitted : Fitted
    rows : Design
        The rows that it was adapted to.
    draws : Draws
        Given these.
    at : ndarray of int, shape (S,)
        The draw of the fit that each comes from.
    """
    model = fitted.plan.model
    model = replace(model, design=with_levels(model.design, rows))
    learned = {
        group: (levels, draws[f"r_{group}"].values[0])
        for group, levels in touched(rows).levels.items()
    }
    return Source(fitted, model, at, learned)
