"""Which rows and which levels move the estimates, by the weights that leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.loo import chosen, log_densities
from hierglm.comparing.units import units_of
from hierglm.comparing.weights import base, left_out
from hierglm.draws.parameters import KEYS, keys
from hierglm.names import Parameter, flat_name
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN, select

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def influence(
    fitted: Fitted, unit: str | None = None, response: str | None = None, each: bool = False
) -> pd.DataFrame:
    """Return how far the estimates move where a unit is left out, the most influential first.

    Parameters
    ----------
    fitted : Fitted
    unit : str, optional
        A grouping factor or column whose levels are left out as wholes; rows by default.
    response : str, optional
        Which, where there are several.
    each : bool
        One row a unit and parameter, in place of the parameter that moves most.

    Returns
    -------
    DataFrame
        The unit's label (of a row its position in the table), pareto_k, parameter, shift (of
        the posterior mean, in posterior sds of the fit with all units), estimate (without the
        unit).
    """
    import pandas as pd

    model = chosen(fitted, response, "influence")
    units = units_of(model.design, unit)
    names, draws = _main(fitted)
    before = base(fitted)
    share = np.exp(before)
    mean = share @ draws
    sd = np.sqrt(share @ (draws - mean) ** 2)
    estimates, khat = np.empty((len(units), len(names))), np.empty(len(units))
    for at, values in log_densities(fitted, model, units):
        weights, khat[at] = left_out(fitted, values, before)
        estimates[at] = np.exp(weights).T @ draws
    # A parameter that is given does not move: what its mean is off by is rounding error.
    shift = (estimates - mean) / np.where(np.ptp(draws, axis=0) > 0, sd, np.inf)
    most = np.argmax(np.abs(shift), axis=1)
    order = np.argsort(-np.abs(shift[np.arange(len(units)), most]), kind="stable")
    if each:
        # All parameters of a unit below each other.
        rows, columns = np.repeat(order, len(names)), np.tile(np.arange(len(names)), len(order))
    else:
        rows, columns = order, most[order]
    return pd.DataFrame(
        {
            units.name: units.labels[rows],
            "pareto_k": khat[rows],
            "parameter": np.asarray(names, dtype=object)[columns],
            "shift": shift[rows, columns],
            "estimate": estimates[rows, columns],
        }
    )


def _main(fitted: Fitted) -> tuple[list[str], Floats]:
    """Return the flat names of the main parameters, and their draws, shape (S, parameters)."""
    names, blocks = list[str](), list[Floats]()
    for variable in select(fitted.draws, MAIN):
        columns = keys(variable)
        rows = zip(*(columns[k] for k in KEYS), strict=True)
        names += [flat_name(Parameter(**dict(zip(KEYS, row, strict=True)))) for row in rows]
        values = variable.values
        blocks.append(values.reshape(values.shape[0] * values.shape[1], -1))
    return names, np.concatenate(blocks, axis=1)
