"""Predictions for rows old and new, and levels that the fit has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hierglm.adapting.adapted import Adapted
    from hierglm.predicting.asked import Groups, Target, Unseen


class Predictions(Fitted):
    """Predictions for rows old and new, and levels that the fit has not seen."""

    __slots__ = ()

    def predict(
        self,
        new: Any = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return predictions of rows: a table beside them, or all draws.

        =============  ===================  ==========================  =====================
        family         target="linear"      target="mean"               target="response"
        =============  ===================  ==========================  =====================
        most           linear predictor,    mean of a response,         a response to come
                       offsets included     zeros included
        bernoulli      log odds, or as the  probability of a 1          0 or 1
                       link has it
        binomial,      the same of one      expected successes in the   successes in the
        beta_binomial  trial                trials of the row           trials of the row
        lognormal      mean of the log      mean of a response          a response to come
        hurdle         log mean before      mean of a response,         a response to come
                       zeros are cut off    zeros included
        cumulative     linear predictor     probability of each         a category
                       without thresholds   category
        categorical    one for each         probability of each         a category
                       category but the     category
                       first
        =============  ===================  ==========================  =====================

        Parameters
        ----------
        new : pandas, polars or pyarrow table, or mapping of columns, optional
            Without the response; by default the rows of the fit. Offsets, trials (for means and
            responses) and known errors (for responses) have to be there.
        target : {"mean", "linear", "response"}
            See the table.
        groups : {"include", "zero", "average"} or mapping of str to these
            "include" predicts for the level of each row. "zero" sets its effects to 0: a level
            in the middle of the population. "average" averages over the population of levels
            for each draw, which on a curved link is something else than "zero"; responses are
            then those of a new level in each row. Neither needs the column. A mapping such as
            ``{"school": "zero"}`` includes the factors that it does not name.
        new_levels : {"sample", "zero", "error"}
            Effects of levels that the fit does not know are drawn from the population (for one
            level, term and seed always the same), or 0, or refused.
        response : str, optional
            Of several responses which one.
        summary : bool
            Whether to return a table, or draws.
        draws : int, optional
            How many draws to use, evenly spread over all; all by default.
        seed : int, optional
            That of the fit by default: the same call gives the same numbers.
        conf_level : float
            Probability of the intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.

        Returns
        -------
        DataFrame
            The columns of `new`, and estimate (posterior mean), std_error (posterior sd),
            conf_low, conf_high; NaN in rows with missing values. With categories one row for
            each row and category, told by a column ``category``.
        DataArray
            With ``summary=False``: dimensions chain, draw, row (position in `new`), and
            category. Rows with missing values are left out; drawn categories are counted from
            0, their names are an attribute. Some of the draws are one chain.

        Raises
        ------
        DataError
            A column that is missing or of another type, a level of a predictor that the fit
            does not know, a row without a level that is needed.
        SettingsError
            A choice that there is not, or a term that cannot be averaged over.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.predict({"school": ["A", "Z"]}, "linear").columns.tolist()
        ['school', 'estimate', 'std_error', 'conf_low', 'conf_high']
        """
        from hierglm.predicting import predictions, table

        found = predictions.predictions(
            self, new, target, groups, new_levels, response=response, draws=draws, seed=seed
        )
        return table.predict(found, new, summary, conf_level, hdi)

    def adapt(
        self, new_rows: Any, seed: int | None = None, data2: Mapping[str, Any] | None = None
    ) -> Adapted:
        """Return the posterior given new rows too, without fitting again; in milliseconds.

        Levels that the fit does not know get coefficients of their own, from their rows and
        the fitted population; all else moves with them, and ``adapted.khat`` says when it
        moves so far that a new fit is due.

        Parameters
        ----------
        new_rows : pandas, polars or pyarrow table, or mapping of columns
            With the response; of new levels or known ones, of one grouping factor or several. Of
            several responses a row may have some; levels that these share learn from all.
        seed : int, optional
            That of the fit by default.
        data2 : mapping of str to matrix or graph, optional
            Where levels are related, the matrix or graph with the new levels in it, by its name
            in the fit.

        Returns
        -------
        Adapted
            Print it; or see `Adapted.coef`, `Adapted.ranef`, `Adapted.predict`,
            `Adapted.adapt`.

        Raises
        ------
        DataError, ResponseError
            Rows that cannot be encoded as the fit's own were.
        SettingsError
            A new level whose effects the draws do not tell: one that joins parts of a graph of
            type "icar", which the fit has apart, or one both related and Student t.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.adapt({"y": [20.0], "se": [5.0], "school": ["I"]}).ranef()["level"].tolist()
        ['I']
        """
        from hierglm.adapting.adapt import adapt

        return adapt(self, new_rows, seed, data2=data2)
