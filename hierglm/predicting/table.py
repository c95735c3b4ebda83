"""Predictions as a tidy table beside the data, or as labelled draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.groups import as_integers
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.predicting.predictions import Predictions
from hierglm.results.estimates import intervals, mean, spread

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]

COLUMNS = ("estimate", "std_error", "conf_low", "conf_high")


def predict(
    found: Predictions,
    new: Any = None,
    summary: bool = True,
    conf_level: float = 0.95,
    hdi: bool = False,
) -> pd.DataFrame | xr.DataArray:
    """Return predictions as a table, or all their draws; see `hierglm.posterior.Fit.predict`."""
    if not summary:
        return prediction_draws(found)
    return prediction_table(found, new, conf_level, hdi)


def prediction_table(
    found: Predictions, new: Any = None, conf_level: float = 0.95, hdi: bool = False
) -> pd.DataFrame:
    """Return the rows with their predictions beside them.

    Parameters
    ----------
    found : Predictions
    new : table, optional
        The rows as the caller gave them; None for the fit's own.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The columns of `new`, then those of `COLUMNS`, NaN in rows with missing values; of
        categories one row for each row and category, told by the column ``category``.

    Raises
    ------
    DataError
        A table that has one of these columns already.
    """
    import pandas as pd

    labels = found.labels
    beside = rows_beside(found, new)
    own = (*(("category",) if labels else ()), *COLUMNS)
    taken = [name for name in own if name in beside.columns]
    if taken:
        raise DataError(
            f"the table has a column {taken[0]!r}, as the predictions have; rename it or leave "
            "it out"
        )
    count = max(1, len(labels))
    rows = found.rows.kept if new is not None else np.arange(len(found.rows.kept))
    out = np.full((len(COLUMNS), len(beside), count), np.nan)

    def work(values: Floats) -> Floats:
        return summarised(found.by_category(values), conf_level, hdi)

    for at, found_numbers in found.summaries(work):
        out[:, rows[at]] = found_numbers
    if not labels:
        return beside.assign(**dict(zip(COLUMNS, out[:, :, 0], strict=True)))
    repeated = beside.iloc[np.repeat(np.arange(len(beside)), count)]
    ordered = found.response.family.thresholds
    category = pd.Categorical.from_codes(
        np.tile(np.arange(count), len(beside)), dtype=pd.CategoricalDtype(list(labels), ordered)
    )
    numbers = dict(zip(COLUMNS, out.reshape(len(COLUMNS), -1), strict=True))
    return repeated.assign(category=category, **numbers)


def summarised(values: Floats, conf_level: float, hdi: bool) -> Floats:
    """Return the numbers of `COLUMNS` of draws, shape (4, ...).

    Parameters
    ----------
    values : ndarray, shape (S, ...)
    """
    # Draws of one row side by side: all the sums and quantiles below run over them.
    flat = np.ascontiguousarray(values.reshape(len(values), -1).T).T
    out = np.stack([mean(flat), spread(flat), *intervals(flat, conf_level, hdi)])
    return out.reshape(len(COLUMNS), *values.shape[1:])


def prediction_draws(found: Predictions) -> xr.DataArray:
    """Return all draws of the predictions.

    Returns
    -------
    DataArray
        Dimensions chain, draw, row (positions in the caller's table, from 0; rows with missing
        values are left out), and category where there are several numbers a row. Of some of
        the draws there is one chain.
    """
    import xarray as xr

    own = found.categories
    draws = found.source.fitted.draws
    whole = np.array_equal(found.source.at, np.arange(found.source.size))
    chains = draws.chains if whole else 1
    shape = (found.size, len(found.rows.kept), *((len(own),) if own else ()))
    out = np.empty(shape)
    for at, values in found.blocks():
        out[:, at] = values
    coords: dict[str, Any] = {
        "chain": np.arange(chains),
        "draw": np.arange(found.size // chains),
        "row": found.rows.kept,
    }
    if own:
        coords["category"] = list(own)
    attributes: dict[str, Any] = {"target": found.target}
    if found.labels and not own:
        attributes["categories"] = list(found.labels)
    return xr.DataArray(
        out.reshape(chains, -1, *shape[1:]), coords, tuple(coords), "prediction", attributes
    )


def rows_beside(found: Predictions, new: Any) -> pd.DataFrame:
    """Return the caller's rows as a pandas table, or the columns of the fit's own rows."""
    import pandas as pd

    if new is None:
        columns: dict[str, Any] = {}
        for m in found.rows.predictors:
            table = m.design.table
            columns |= {n: _values(table, n) for n in table.columns if n not in columns}
        return pd.DataFrame(columns, index=found.rows.kept)
    return as_frame(new)


def as_frame(new: Any) -> pd.DataFrame:
    """Return a table of any library that predictions take as a pandas one."""
    import pandas as pd

    origin = type(new).__module__.partition(".")[0]
    if origin == "pandas":
        return pd.DataFrame(new)
    if origin == "polars":
        return pd.DataFrame(new.to_dict(as_series=False))
    if origin == "pyarrow":
        return pd.DataFrame(new.to_pandas())
    if isinstance(new, Table):
        return pd.DataFrame({n: _values(new, n) for n in new.columns})
    assert isinstance(new, Mapping)
    return pd.DataFrame(dict(new))


def _values(table: Table, name: str) -> Any:
    import pandas as pd

    column = table.column(name)
    if column.levels is not None:
        dtype = pd.CategoricalDtype(list(column.levels))
        return pd.Categorical.from_codes(column.values, dtype=dtype)
    if column.kind == "boolean":
        return column.values.astype(bool)
    return as_integers(column.values) if column.whole else column.values
