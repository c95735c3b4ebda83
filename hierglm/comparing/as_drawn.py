"""Log densities of units with every effect as it was drawn: sums over their rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.units import Units
from hierglm.models import Model
from hierglm.predicting.predictions import predictions
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def as_drawn(fitted: Fitted, response: Model, units: Units, some: Ints) -> Floats:
    """Return the log density of some units for each draw, shape (S, len(some)).

    Parameters
    ----------
    fitted : Fitted
        Of any model.
    response : Model
        Whose rows the units are made of.
    units : Units
    some : ndarray of int
        Which of them.
    """
    place = np.full(len(units), -1)
    place[some] = np.arange(len(some))
    total = np.zeros((fitted.draws.chains * fitted.draws.draws, len(some)))
    rows = predictions(fitted, target="linear", response=response.part.response or None)
    for at, values in rows.log_likelihood():
        to = place[units.of_rows[at]]
        wanted = np.flatnonzero(to >= 0)
        np.add.at(total.T, to[wanted], values[:, wanted].T)
    return total
