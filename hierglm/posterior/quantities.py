"""What is computed from parameters: shares of variance, pooling, subspaces, hypotheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hierglm.results.subspace import Subspace
    from hierglm.variance.observation import Approximation


class Quantities(Fitted):
    """What is computed from parameters: shares of variance, pooling, subspaces, hypotheses."""

    __slots__ = ()

    def icc(
        self,
        response: str | None = None,
        approximation: Approximation | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return intraclass correlations: the shares of the variance that groups have.

        See `hierglm.variance.icc.icc` for the arguments and the formulas; ``summary=False`` gives
        the draws.
        """
        from hierglm.variance import icc

        return icc.icc(self, response, approximation, conf_level, hdi, summary=summary)

    def r2(
        self,
        response: str | None = None,
        approximation: Approximation | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return R^2: Bayesian and Nakagawa's, conditional and marginal.

        See `hierglm.variance.r2.r2` for the arguments and the formulas; ``summary=False`` gives
        the draws.
        """
        from hierglm.variance import r2

        return r2.r2(self, response, approximation, conf_level, hdi, summary=summary)

    def subspace(self, group: str | None = None, threshold: float = 0.05) -> Subspace:
        """Return the directions in which levels differ, of a term ``rr(x | g, rank=d)``; print it.

        See `hierglm.results.subspace.Subspace`: the projection onto the space that the loadings
        span, principal angles about it, and how many directions have more than a share
        `threshold` of the variance.

        Parameters
        ----------
        group : str, optional
            Its grouping factor, where several have such a term.
        threshold : float
            Between 0 and 1.

        Raises
        ------
        SettingsError
            Where there is no such term, or no one such term.
        """
        from hierglm.results import subspace

        return subspace.subspace(self, group, threshold)

    def pooling(self, group: str | None = None) -> pd.DataFrame:
        """Return how much each level borrows from the others, one row a level and coefficient.

        See `hierglm.results.pooling.pooling`: no_pooling, partial_pooling and complete_pooling
        beside each other, and the pooling factor between 0 (its own rows) and 1 (the others').

        Parameters
        ----------
        group : str, optional
            One grouping factor; all by default.
        """
        from hierglm.results import pooling

        return pooling.pooling(self, group)

    def pooling_summary(self) -> pd.DataFrame:
        """Return explained variance and pooling of each level of the model, the data included.

        See `hierglm.results.pooling_summary.pooling_summary` (Gelman and Pardoe 2006).
        """
        from hierglm.results import pooling_summary

        return pooling_summary.pooling_summary(self)

    def hypothesis(
        self,
        *hypotheses: str,
        conf_level: float = 0.95,
        hdi: bool = False,
        seed: int | None = None,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return estimates, probabilities and evidence ratios of hypotheses about parameters.

        See `hierglm.hypotheses.hypothesis.hypothesis` for what a hypothesis may be, and for the
        columns.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.hypothesis("Intercept > 0", "sd[school:Intercept] = 5")["prior"].tolist()
        ['exact: student_t(3, 7.5, 11.1)', 'exact: student_t(3, 0, 11.1)']
        """
        from hierglm.hypotheses.hypothesis import hypothesis

        return hypothesis(
            self, *hypotheses, conf_level=conf_level, hdi=hdi, seed=seed, summary=summary
        )
