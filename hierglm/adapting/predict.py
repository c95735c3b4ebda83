"""Predictions from an adapted fit: its draws, and effects of the levels that it has learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.rows import met, predictors, with_levels
from hierglm.draws.draws import Draws
from hierglm.models import Model
from hierglm.predicting.effects import Source
from hierglm.results.fitted import Fitted

Ints = NDArray[np.int64]


def adapted_source(fitted: Fitted, rows: Model, draws: Draws, at: Ints) -> Source:
    """Return what predictions of an adapted fit are made from.

    Parameters
    ----------
    fitted : Fitted
    rows : Model
        With the rows that it was adapted to.
    draws : Draws
        Given these.
    at : ndarray of int, shape (S,)
        The draw of the fit that each comes from.
    """
    model = with_levels(fitted.plan.model, rows)
    own = met(rows)
    learned = {}
    for (p, group), levels in own.levels.items():
        name = f"r_{group}{predictors(rows)[p].part.ending}"
        learned[name] = (levels, draws[name].values[0])
    return Source(fitted, model, at, learned)
