"""What the response does as predictors change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hierglm.marginal.contrasts import Kind, Pairs
    from hierglm.marginal.grid import Weights
    from hierglm.predicting.asked import Groups, Target, Unseen


class Marginals(Fitted):
    """What the response does as predictors change."""

    __slots__ = ()

    def effects(
        self,
        x: str,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups | None = None,
        new_levels: Unseen = "sample",
        *,
        points: int = 60,
        weights: Weights = "equal",
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return a target over the values of a column, the other columns at their reference.

        Numbers that are not named stand at their means, and factors (and numbers with two
        values) at all their levels, over which the target is averaged: the reference grid of
        `means`. `Plots.effects` draws the table.

        Parameters
        ----------
        x : str
            A number, over its range in the data, or a factor.
        by : str or sequence of str, optional
            Columns for whose values the effect is shown: all levels of a factor; of a number
            its mean and one sd below and above.
        at : mapping of str to values, optional
            Values of columns, `x` and `by` included; more than one make rows of their own.
        target : {"mean", "linear", "response"}
            See `predict`; of successes in trials their share.
        groups : {"include", "zero", "average"} or mapping, optional
            See `predict`. By default the factors that are named in `x`, `by` or `at` are
            included (``by="school"``: one curve a school), and the others at zero.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.
        points : int
            How many values over the range of a number.
        weights : {"equal", "proportional"}
            How levels of factors that are not named count: the same, or as often as they occur.

        Returns
        -------
        DataFrame
            One row a combination of values: columns `x`, `by`, those of `at`, estimate,
            std_error, conf_low, conf_high; with categories one row for each.
        DataArray
            With ``summary=False``: dimensions chain, draw, row and category.

        Raises
        ------
        SettingsError
            A column on which nothing depends, a value that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.effects("floor_measure")["floor_measure"].tolist()
        [0, 1]
        """
        from hierglm.marginal import cells, effects

        found = effects.effects(
            self, x, by, at, target, groups, new_levels, points=points, weights=weights,
            response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(found, summary=summary, conf_level=conf_level, hdi=hdi)

    def means(
        self,
        names: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups | None = None,
        new_levels: Unseen = "sample",
        *,
        contrasts: bool | Pairs = False,
        kind: Kind = "difference",
        weights: Weights = "equal",
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return means over a reference grid, or contrasts of them: those of R's emmeans.

        The grid has the levels of factors, and of numbers with two values these, in all
        combinations, and other numbers at their means. With ``target="linear"`` the answers are
        emmeans' own; with "mean" the target is averaged, as after emmeans' ``regrid``.

        Parameters
        ----------
        names : str or sequence of str
            Columns whose values have a mean each.
        by : str or sequence of str, optional
            Columns within whose values the contrasts are.
        contrasts : bool or {"pairwise", "reference", "sequential"}
            Instead of means, their contrasts: all pairs (also True; "a - b" as in emmeans), each
            with the first ("b - a"), each with the one before.
        kind : {"difference", "ratio", "odds_ratio"}
            What contrasts are.
        at, target, groups, new_levels, weights, response, summary, draws, seed, conf_level, hdi
            See `effects`.

        Returns
        -------
        DataFrame
            One row a mean or contrast; see `effects`.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column on which nothing depends, a value that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.means("floor_measure", contrasts=True)["contrast"].tolist()
        ['0 - 1']
        """
        from hierglm.marginal import cells, means

        found = means.means(
            self, names, by, at, target, groups, new_levels, contrasts=contrasts, kind=kind,
            weights=weights, response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(found, summary=summary, conf_level=conf_level, hdi=hdi)

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
