"""Intraclass correlations and shares of the variance, as tables and as draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted
from hierglm.results.quantities import by_chain, quantity_draws, quantity_table
from hierglm.variance.components import Components, components, each_response
from hierglm.variance.observation import Approximation

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]


def icc(
    fitted: Fitted,
    response: str | None = None,
    approximation: Approximation | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
    *,
    summary: bool = True,
) -> pd.DataFrame | xr.DataArray:
    """Return intraclass correlations: shares of the variance that groups have.

    Variances are those on the scale of the linear predictor, for each draw. The adjusted ICC
    leaves the variance of the predictors out of the total, the unadjusted one does not (Nakagawa,
    Johnson and Schielzeth 2017)::

        adjusted   = groups / (groups + residual)
        unadjusted = groups / (fixed + groups + residual)

    Where effects other than intercepts vary, the variance of a group is its mean over the rows
    (Johnson 2014).

    Parameters
    ----------
    fitted : Fitted
    response : str, optional
        One of several; all by default.
    approximation : {"lognormal", "delta", "trigamma"}, optional
        How the variance of counts is brought to the scale of the link; see
        `hierglm.variance.observation`.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    summary : bool
        A table; or the draws.

    Returns
    -------
    DataFrame or DataArray
        One row for each ICC: response, group ("" for all groups together), icc ("adjusted" or
        "unadjusted"), estimate, std_error, conf_low, conf_high; or draws with dimensions chain,
        draw and quantity.

    Raises
    ------
    SettingsError
        For a model without group effects or with unordered categories, or an argument that is
        not among those above.

    References
    ----------
    Nakagawa, S., Johnson, P. C. D. and Schielzeth, H. (2017). The coefficient of determination
    R2 and intra-class correlation coefficient from generalized linear mixed-effects models
    revisited and expanded. Journal of the Royal Society Interface 14(134).
    Johnson, P. C. D. (2014). Extension of Nakagawa and Schielzeth's R2 GLMM to random slopes
    models. Methods in Ecology and Evolution 5(9), 944-946.
    """
    labels: dict[str, list[str]] = {"response": [], "group": [], "icc": []}
    values = []
    for name in each_response(fitted, response):
        found = components(fitted, name, approximation)
        names = found.groups if len(found.groups) < 2 else (*found.groups, "")
        for kind, beside in (("adjusted", 0.0), ("unadjusted", found.fixed)):
            whole = found.group() + found.residual + beside
            for group in names:
                labels["response"].append(found.response)
                labels["group"].append(group)
                labels["icc"].append(kind)
                values.append(share(found.group(group or None), whole))
    if not values:
        raise SettingsError("no intraclass correlation: the model has no group effects")
    drawn = by_chain(fitted.draws, values)
    if not summary:
        return quantity_draws("icc", labels, drawn)
    return quantity_table(labels, drawn, conf_level, hdi)


def proportions(
    fitted: Fitted,
    response: str | None = None,
    approximation: Approximation | None = None,
) -> xr.DataArray:
    """Return where the variance is that the predictors leave, as draws.

    Parameters
    ----------
    fitted : Fitted
    response : str, optional
        One of several; all by default.
    approximation : str, optional
        See `icc`.

    Returns
    -------
    DataArray
        Dimensions chain, draw and quantity: one for each row of `proportion_table`.

    Raises
    ------
    SettingsError
        As `icc`.
    """
    labels, values, _ = _proportions(fitted, response, approximation)
    return quantity_draws("proportion", labels, values)


def proportion_table(
    fitted: Fitted,
    response: str | None = None,
    approximation: Approximation | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
) -> pd.DataFrame:
    """Return where the variance is that the predictors leave: in which effects, in the residual.

    The arguments are those of `icc`.

    Returns
    -------
    DataFrame
        One row for each sd of a group's effects, for each correlation of two of them (the share
        of their covariance, which may be negative), and for the residual: response, group, term,
        term2, variance (its posterior mean), and estimate, std_error, conf_low, conf_high of its
        proportion. The proportions of a response sum to 1; those of a group to its adjusted ICC.

    Raises
    ------
    SettingsError
        As `icc`.
    """
    labels, values, variances = _proportions(fitted, response, approximation)
    table = quantity_table(labels, values, conf_level, hdi)
    table.insert(len(labels), "variance", variances)
    return table


def _proportions(
    fitted: Fitted, response: str | None, approximation: Approximation | None
) -> tuple[dict[str, list[str]], Floats, list[float]]:
    """Return labels, draws and mean variances of all shares."""
    labels: dict[str, list[str]] = {"response": [], "group": [], "term": [], "term2": []}
    values, variances = [], []
    for name in each_response(fitted, response):
        found = components(fitted, name, approximation)
        whole = found.group() + found.residual
        for key, variance in _parts(found):
            for column, label in zip(labels, (found.response, *key), strict=True):
                labels[column].append(label)
            values.append(share(variance, whole))
            variances.append(float(np.mean(variance)))
    return labels, by_chain(fitted.draws, values), variances


def share(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; of infinite variances those that are infinite too share it."""
    with np.errstate(invalid="ignore"):
        out = np.asarray(part / whole)
    endless = np.isinf(whole)
    return np.where(endless, np.where(np.isinf(part), 1.0, 0.0), out)


def _parts(found: Components) -> list[tuple[tuple[str, str, str], Floats]]:
    own = [((s.group, s.term, s.term2), s.values) for s in found.shares]
    return [*own, (("", "residual", ""), found.residual)]
