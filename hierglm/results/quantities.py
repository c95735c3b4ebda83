"""Quantities computed from the draws as a tidy table, or as labelled draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.results.estimates import intervals, mean, pooled, spread

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]


def by_chain(draws: Draws, values: Sequence[Floats]) -> Floats:
    """Return quantities of the draws of all chains as shape (chains, draws, quantities).

    Parameters
    ----------
    draws : Draws
        Of which they are.
    values : sequence of ndarray, shape (chains x draws,)
        One quantity each, chains one behind the other.
    """
    return np.stack(values, axis=-1).reshape(draws.chains, draws.draws, len(values))


def quantity_table(
    labels: Mapping[str, Sequence[Any]], values: Floats, conf_level: float = 0.95, hdi: bool = False
) -> pd.DataFrame:
    """Return one row a quantity.

    Parameters
    ----------
    labels : mapping of str to sequence
        Columns that say what each quantity is.
    values : ndarray, shape (chains, draws, quantities)
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The labels, then estimate (posterior mean), std_error (posterior sd), conf_low and
        conf_high.

    Raises
    ------
    SettingsError
        For a level outside (0, 1).
    """
    import pandas as pd

    flat = pooled(values)
    low, high = intervals(flat, conf_level, hdi)
    numbers = {
        "estimate": mean(flat),
        "std_error": spread(flat),
        "conf_low": low,
        "conf_high": high,
    }
    return pd.DataFrame({name: _column(column) for name, column in labels.items()} | numbers)


def quantity_draws(name: str, labels: Mapping[str, Sequence[Any]], values: Floats) -> xr.DataArray:
    """Return the draws with the labels as coordinates of the dimension ``quantity``.

    Parameters
    ----------
    name : str
        What they are draws of.
    labels, values
        See `quantity_table`.

    Returns
    -------
    DataArray
        Dimensions chain, draw, quantity.
    """
    import xarray as xr

    chains, draws, _ = values.shape
    coords: dict[str, Any] = {"chain": np.arange(chains), "draw": np.arange(draws)}
    coords |= {key: ("quantity", np.array([str(x) for x in labels[key]])) for key in labels}
    return xr.DataArray(values, coords, ("chain", "draw", "quantity"), name)


def _column(labels: Sequence[Any]) -> NDArray[Any]:
    out = np.empty(len(labels), dtype=object)
    out[:] = labels
    return out
