"""What the response is over values of predictors, the others at their reference."""

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
    """What the response is over values of predictors, the others at their reference."""

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
