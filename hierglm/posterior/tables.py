"""What a fit says in tables and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np

from hierglm.errors import SettingsError
from hierglm.results import effects, streamed
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN
from hierglm.results.tidy import summary as summary_table
from hierglm.results.tidy import tidy as tidy_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import xarray as xr

    from hierglm.publishing.model_table import ModelTable
    from hierglm.publishing.table import Format, Options

_DIMS = ("chain", "draw")


class Tables(Fitted):
    """What a fit says in tables and arrays."""

    __slots__ = ()

    @property
    def formula(self) -> str:
        """The formula, as written; of several joined by semicolons."""
        return "; ".join(self.plan.model.formulas)

    @property
    def stan_code(self) -> str:
        """The Stan program that was sampled."""
        return self.program.code

    @property
    def stan_data(self) -> dict[str, Any]:
        """The program's data, by Stan name."""
        return dict(self.program.data)

    def tidy(
        self,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        hdi: bool = False,
        style: str = "hierglm",
    ) -> pd.DataFrame:
        """Return one row a parameter.

        Parameters
        ----------
        effects : str or sequence of str
            Of "fixed", "ran_sd", "ran_cor", "family", "ran_vals", "ran_coefs".
        conf_level : float
            Probability of the intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.
        style : {"hierglm", "broom", "posterior", "parameters", "brms"}
            Whose columns and names.

        Raises
        ------
        SettingsError
            For an effect, level or style that there is not.
        """
        return tidy_table(self, effects, conf_level, hdi, style)

    def summary(self, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
        """Return the table of the main parameters: all but the effects of single levels."""
        return summary_table(self, conf_level, hdi)

    @overload
    def table(self, format: None = None, **options: Unpack[Options]) -> ModelTable: ...
    @overload
    def table(self, format: Format, **options: Unpack[Options]) -> str: ...
    def table(self, format: Format | None = None, **options: Unpack[Options]) -> ModelTable | str:
        """Return a table for a paper; see `hierglm.table`, which sets several fits side by side.

        Parameters
        ----------
        format : {"text", "markdown", "html", "latex"}, optional
            Text of that format instead of a table that prints itself and has ``.save(path)``.
        **options
            uncertainty, beside, statistics, labels, effects, conf_level, hdi, exponentiate, digits,
            title: as of `hierglm.table`.

        Raises
        ------
        SettingsError
            As `hierglm.table`.
        """
        from hierglm.publishing.table import table

        found = table(self, **options)
        return found if format is None else found.to(format)

    def fixef(self, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
        """Return the common coefficients, one row each."""
        return effects.fixef(self, conf_level, hdi)

    @overload
    def ranef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame: ...
    @overload
    def ranef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False,
        *, out: str | Path, draws: bool = False,
    ) -> Path: ...  # fmt: skip
    def ranef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False,
        *, out: str | Path | None = None, draws: bool = False,
    ) -> pd.DataFrame | Path:  # fmt: skip
        """Return the levels' deviations from the common coefficients, one row a level and term.

        Parameters
        ----------
        group : str, optional
            One grouping factor; all by default.
        conf_level, hdi
            See `tidy`.
        out : str or Path, optional
            A file that they are written to instead, part by part, where levels are many:
            ``"effects.parquet"`` or ``.csv``; its path is returned.
        draws : bool
            All draws of each in that file too; see `hierglm.results.streamed.stream`.

        Raises
        ------
        SettingsError, FileError
            A group that there is not; a file that cannot be written; draws without `out`.
        """
        return streamed.effects(self, "ran_vals", group, conf_level, hdi, out, draws)

    @overload
    def coef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame: ...
    @overload
    def coef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False,
        *, out: str | Path, draws: bool = False,
    ) -> Path: ...  # fmt: skip
    def coef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False,
        *, out: str | Path | None = None, draws: bool = False,
    ) -> pd.DataFrame | Path:  # fmt: skip
        """Return the levels' own coefficients, common plus deviation, draw by draw.

        The arguments are those of `ranef`.
        """
        return streamed.effects(self, "ran_coefs", group, conf_level, hdi, out, draws)

    def varcorr(
        self,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        proportions: bool = False,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return standard deviations and correlations of the group effects, then sigma.

        Parameters
        ----------
        conf_level, hdi
            See `tidy`.
        proportions : bool
            Their variances and the residual's as shares of what the predictors leave; see
            `hierglm.variance.icc.proportion_table`.
        summary : bool
            False gives the draws of the proportions; those of sds and correlations are in
            `posterior`.

        Raises
        ------
        SettingsError
            For ``summary=False`` without proportions.
        """
        if proportions:
            from hierglm.variance import icc

            if summary:
                return icc.proportion_table(self, None, None, conf_level, hdi)
            return icc.proportions(self)
        if not summary:
            raise SettingsError(
                "varcorr(summary=False) is for proportions=True; the draws of sds and correlations "
                "are in fit.posterior"
            )
        return effects.varcorr(self, conf_level, hdi)

    def covariances(self) -> dict[str, pd.DataFrame]:
        """Return the posterior mean covariance matrix of each group's effects, by group."""
        return effects.covariances(self)

    def __getitem__(self, name: str) -> xr.DataArray:
        """Return the draws of one parameter by its name: ``fit["sd[school:x]"]``.

        Parameters
        ----------
        name : str
            As in `hypothesis`: ``b[x]`` or ``x``, ``sd[school:x]``, ``cor[school:Intercept,x]``,
            ``r[school:A,x]``, ``coef[school:A,x]``, ``sigma``. Notebooks complete them.

        Returns
        -------
        DataArray
            Dimensions chain, draw.

        Raises
        ------
        SettingsError
            For a name that no parameter has.
        """
        import xarray as xr

        from hierglm.hypotheses.parameters import named_draws

        values = named_draws(self.draws, name)
        coords = {dim: np.arange(size) for dim, size in zip(_DIMS, values.shape, strict=True)}
        return xr.DataArray(values, coords, _DIMS, name)

    # Python would else take it for a sequence, and ask for parameter 0.
    __iter__ = None

    def _ipython_key_completions_(self) -> list[str]:
        from hierglm.hypotheses.parameters import parameter_names

        return parameter_names(self.draws)

    @property
    def posterior(self) -> xr.Dataset:
        """The draws, labelled: ``fit.posterior["r_school"].sel(school="A")``."""
        from hierglm.results import arrays

        return arrays.posterior(self)

    def to_arviz(self, log_likelihood: bool = False) -> Any:
        """Return ArviZ's own container: InferenceData, or a DataTree from ArviZ 1 on.

        Parameters
        ----------
        log_likelihood : bool
            Add the log likelihood of each row, which `arviz.loo` needs.
        """
        from hierglm.results import arrays

        return arrays.to_arviz(self, log_likelihood)
