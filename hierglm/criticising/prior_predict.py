"""Predictions from the priors: what a model expects before it has seen the response."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from hierglm.criticising.prior_draws import prior_fitted
from hierglm.engines.engine import chosen_seed
from hierglm.models import Model
from hierglm.predicting.asked import Target
from hierglm.predicting.predictions import predictions
from hierglm.predicting.table import prediction_draws

if TYPE_CHECKING:
    import xarray as xr


def prior_predict(
    model: Model,
    draws: int = 1000,
    seed: int | None = None,
    target: Target = "response",
    new: Any = None,
    *,
    response: str | None = None,
) -> xr.DataArray:
    """Return draws of a target given parameters from their priors.

    Parameters
    ----------
    model : Model
        Every prior proper. Default priors are scaled by the data, so the response has been
        looked at that far.
    draws : int
        How many.
    seed : int, optional
        One of its own by default; the same seed gives the same numbers.
    target : {"response", "mean", "linear"}
        See `hierglm.posterior.Fit.predict`.
    new : table, optional
        Rows to predict; those of the model by default.
    response : str, optional
        Of several responses which one.

    Returns
    -------
    DataArray
        Dimensions chain (one), draw, row, and category where there is one; with the attribute
        ``seed``.

    Raises
    ------
    PriorError
        Where a prior is flat; names it.
    SettingsError, DataError
        As `hierglm.posterior.Fit.predict`.
    """
    seed = chosen_seed(seed, secrets.randbelow(2**31))
    drawn = prior_fitted(model, draws, seed)
    # Under wide priors on a logarithm numbers may well be infinite.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = prediction_draws(predictions(drawn, new, target, response=response))
    found.attrs["seed"] = seed
    return found
