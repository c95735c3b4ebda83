"""What is computed from parameters: variance explained, intraclass correlation, hypotheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hierglm.variance.observation import Approximation


class Quantities(Fitted):
    """What is computed from parameters: variance explained, intraclass correlation, hypotheses."""

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
