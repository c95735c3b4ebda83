"""What the response does where predictors change: slopes and comparisons over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hierglm.marginal.contrasts import Kind, Pairs
    from hierglm.predicting.asked import Groups, Target, Unseen


class Changes(Fitted):
    """What the response does where predictors change."""

    __slots__ = ()

    def slopes(
        self,
        names: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        new: Any = None,
        average: bool = True,
        step: float = 1e-5,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return derivatives of a target with respect to columns, averaged over rows.

        Differences over a step to both sides of each row's value: exact but for rounding where
        the target is linear in the column, else with an error of the order of the step squared.
        Where the formula cannot go beyond the data (splines), the step is to one side at the
        ends.

        Parameters
        ----------
        names : str or sequence of str
            Numbers.
        by : str or sequence of str, optional
            Columns within whose values rows are averaged.
        at : mapping of str to values, optional
            All rows get these values instead of their own, for each combination once.
        target : {"mean", "linear"}
            See `predict`; of successes in trials their share.
        groups
            See `predict`: by default rows keep the effects of their levels.
        new : table, optional
            Rows other than the fit's.
        average : bool
            Whether slopes are averaged; else there is one for each row.
        step : float
            In standard deviations of the column.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.

        Returns
        -------
        DataFrame
            Columns term (the column), those of `by` and `at` (or of the rows, with ``row``,
            their index), estimate, std_error, conf_low, conf_high.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column that is no number, or on which nothing depends.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ log_uppm + (1 | county_idx)", radon, seed=1)
        >>> slope, b = fit.slopes("log_uppm"), fit.fixef().query("term == 'log_uppm'")
        >>> bool(abs(slope["estimate"].item() - b["estimate"].item()) < 1e-9)
        True
        """
        from hierglm.marginal import cells, slopes

        found = slopes.slopes(
            self, names, by, at, target, groups, new_levels, new=new, average=average,
            step=step, response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(*found, summary=summary, conf_level=conf_level, hdi=hdi)

    def comparisons(
        self,
        names: str | Sequence[str],
        values: Any = None,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        kind: Kind = "difference",
        contrasts: Pairs = "reference",
        new: Any = None,
        average: bool = True,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return what a target would be at some values of a column compared with at others.

        All rows are given each value in turn; the comparison is that of the averages (a ratio
        is one of averages, not an average of ratios).

        Parameters
        ----------
        names : str or sequence of str
            Columns, one at a time.
        values : sequence or {"sd", "iqr"}, optional
            What is compared. By default the levels of a factor, both of two numbers, and a
            number as it is with itself plus 1; "sd" adds its standard deviation, "iqr" goes
            from its first quartile to its third.
        kind : {"difference", "ratio", "odds_ratio"}
        contrasts : {"reference", "pairwise", "sequential"}
            Each value with the first, all pairs, or each with the one before; the later is
            named first: "b - a".
        by, at, target, groups, new, average
            See `slopes`.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.

        Returns
        -------
        DataFrame
            Columns term (the column), contrast ("b - a"), and as in `slopes`.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column on which nothing depends, values that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.comparisons("floor_measure")["contrast"].tolist()
        ['1 - 0']
        """
        from hierglm.marginal import cells, comparisons

        found = comparisons.comparisons(
            self, names, values, by, at, target, groups, new_levels, kind=kind,
            contrasts=contrasts, new=new, average=average, response=response, draws=draws,
            seed=seed,
        )  # fmt: skip
        return cells.answer(*found, summary=summary, conf_level=conf_level, hdi=hdi)
