"""The table of a fit, in our columns or in those of other packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hierglm.errors import SettingsError, suggest
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN, select
from hierglm.results.styles import STYLES

if TYPE_CHECKING:
    import pandas as pd


def tidy(
    fitted: Fitted,
    effects: Sequence[str] | str = MAIN,
    conf_level: float = 0.95,
    hdi: bool = False,
    style: str = "hierglm",
) -> pd.DataFrame:
    """Return one row a parameter.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    effects : sequence of str
        Of "fixed", "ran_sd", "ran_cor", "ran_loading" (loadings of ``rr(...)``), "family",
        "ran_vals" (deviations of levels) and "ran_coefs" (coefficients of levels).
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    style : {"hierglm", "broom", "posterior", "parameters", "brms"}
        Whose columns and names.

    Returns
    -------
    DataFrame
        Columns effect, response, dpar, group, level, term, term2, estimate (posterior
        mean), std_error (posterior sd), conf_low, conf_high, rhat, ess_bulk, ess_tail;
        for the other styles see `hierglm.results.styles`.

    Raises
    ------
    SettingsError
        For an effect, style or level that does not exist.
    """
    if style not in STYLES:
        raise SettingsError(f"no style {style!r}{suggest(str(style), STYLES)}")
    return STYLES[style](select(fitted.draws, effects), conf_level, hdi, fitted.sampled)


def summary(fitted: Fitted, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
    """Return the table of the main parameters: all but the effects of single levels."""
    return tidy(fitted, MAIN, conf_level, hdi)
