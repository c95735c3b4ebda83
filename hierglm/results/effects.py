"""Common coefficients, effects and coefficients of levels, and how much levels vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.scales import scales
from hierglm.draws.several import covariance_draws
from hierglm.errors import SettingsError, suggest
from hierglm.names import VARIATION
from hierglm.results.fitted import Fitted
from hierglm.results.rows import select, table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def fixef(fitted: Fitted, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
    """Return the common coefficients, one row each.

    Parameters
    ----------
    fitted : Fitted
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The columns of `tidy`.
    """
    return table(select(fitted.draws, "fixed"), conf_level, hdi, fitted.sampled)


def ranef(
    fitted: Fitted, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
) -> pd.DataFrame:
    """Return the levels' deviations from the common coefficients, one row a level and term.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        Only this grouping factor's.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The columns of `tidy`. ``.pivot(index="level", columns="term", values="estimate")``
        of one group is what lme4 and brms show.

    Raises
    ------
    SettingsError
        For a group that is not in the model.
    """
    known_group(fitted, group)
    return table(select(fitted.draws, "ran_vals", group), conf_level, hdi, fitted.sampled)


def coef(
    fitted: Fitted, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
) -> pd.DataFrame:
    """Return the levels' own coefficients, common plus deviation, one row a level and term.

    Computed draw by draw, so that the intervals hold the uncertainty of both. Only terms
    that vary over the group are listed; the others are those of `fixef`, for every level.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        Only this grouping factor's.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The columns of `tidy`.

    Raises
    ------
    SettingsError
        For a group that is not in the model.
    """
    known_group(fitted, group)
    return table(select(fitted.draws, "ran_coefs", group), conf_level, hdi, fitted.sampled)


def varcorr(fitted: Fitted, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
    """Return what says how the effects of each group vary, then sigma.

    Parameters
    ----------
    fitted : Fitted
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    DataFrame
        The columns of `tidy`, group by group.
    """
    draws = fitted.draws
    groups = dict.fromkeys(v.group for v in draws if v.effect == "ran_sd")
    chosen = [v for g in groups for v in select(draws, VARIATION, g)]
    return table(chosen + select(draws, "family"), conf_level, hdi, fitted.sampled)


def covariances(fitted: Fitted) -> dict[str, pd.DataFrame]:
    """Return the posterior mean covariance matrix of each group's effects, by group.

    Means of products, draw by draw: a covariance is not the product of mean sds and mean
    correlations. Effects that the model holds to be independent have covariance 0.

    Parameters
    ----------
    fitted : Fitted

    Returns
    -------
    dict of str to DataFrame
        Rows and columns are terms; of several linear predictors such as ``"Intercept@score"``.
    """
    import pandas as pd

    groups = fitted.plan.model.groups
    out: dict[str, pd.DataFrame] = {}
    for group in dict.fromkeys(g.group for g in groups):
        parts = [
            _scales(fitted, k, s)
            for k, g in enumerate(groups)
            if g.group == group
            for s in range(len(g.relation.strata) or 1)
        ]
        terms = [term for own, *_ in parts for term in own]
        matrix = np.zeros((len(terms), len(terms)))
        low = 0
        for _, sd, correlation in parts:
            own = slice(low, low + sd.shape[1])
            matrix[own, own] = (sd[:, :, None] * sd[:, None, :] * correlation).mean(axis=0)
            low = own.stop
        out[group] = pd.DataFrame(matrix, index=terms, columns=terms)
    return out


def _scales(fitted: Fitted, number: int, stratum: int) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return labels, sds and correlations of the effects of a group term, in a stratum."""
    model = fitted.plan.model
    if model.parts:
        return covariance_draws(model, model.joined[number], fitted.draws)
    grouping = model.groups[number]
    sd, correlation = scales(model.groups, number, fitted.draws, stratum)
    terms, strata = grouping.terms, grouping.relation.strata
    labels = tuple(f"{term}:{strata[stratum]}" for term in terms) if strata else terms
    return labels, sd, correlation


def known_group(fitted: Fitted, group: str | None) -> None:
    """Raise `SettingsError` for a group that is not in the model; None means all."""
    known = list(dict.fromkeys(v.group for v in fitted.draws if v.effect == "ran_vals"))
    if group is not None and group not in known:
        raise SettingsError(f"no group {group!r}{suggest(str(group), known)}")
