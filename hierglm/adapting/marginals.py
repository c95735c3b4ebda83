"""What the response does as predictors change, given the new rows too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hierglm.adapting.predict import adapted_source
from hierglm.draws.draws import Draws
from hierglm.models import Model
from hierglm.predicting.effects import Source
from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy import int64
    from numpy.typing import NDArray

    from hierglm.marginal.cells import Answer


class Marginals:
    """The marginal methods of an adapted fit, over its draws and the levels that it has met.

    Arguments and answers are those of the methods of `hierglm.posterior.Fit` that are called
    the same. Reference grids, and the rows that are averaged over, are those of the fit.
    """

    __slots__ = ()

    fitted: Fitted
    rows: Model
    draws: Draws
    at: NDArray[int64]
    seed: int

    def effects(self, x: str, by: Any = None, **options: Any) -> pd.DataFrame | xr.DataArray:
        """Return a target over the values of a column; see `hierglm.posterior.Fit.effects`."""
        from hierglm.marginal.effects import effects

        asked, shown = self._split(options)
        return _answer([effects(self._source(), x, by, **asked)], shown)

    def means(self, names: Any, by: Any = None, **options: Any) -> pd.DataFrame | xr.DataArray:
        """Return means over a reference grid, or contrasts; see `hierglm.posterior.Fit.means`."""
        from hierglm.marginal.means import means

        asked, shown = self._split(options)
        return _answer([means(self._source(), names, by, **asked)], shown)

    def slopes(self, names: Any, by: Any = None, **options: Any) -> pd.DataFrame | xr.DataArray:
        """Return derivatives with respect to columns; see `hierglm.posterior.Fit.slopes`."""
        from hierglm.marginal.slopes import slopes

        asked, shown = self._split(options)
        return _answer(slopes(self._source(), names, by, **asked), shown)

    def comparisons(
        self, names: Any, values: Any = None, by: Any = None, **options: Any
    ) -> pd.DataFrame | xr.DataArray:
        """Return a target at some values and at others; see `hierglm.posterior.Fit.comparisons`."""
        from hierglm.marginal.comparisons import comparisons

        asked, shown = self._split(options)
        return _answer(comparisons(self._source(), names, values, by, **asked), shown)

    def _source(self) -> Source:
        return adapted_source(self.fitted, self.rows, self.draws, self.at)

    def _split(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is asked, and how the answer is shown."""
        how = ("summary", "conf_level", "hdi")
        asked = {"seed": self.seed} | {k: v for k, v in options.items() if k not in how}
        return asked, {k: v for k, v in options.items() if k in how}


def _answer(found: list[Answer], shown: dict[str, Any]) -> pd.DataFrame | xr.DataArray:
    from hierglm.marginal.cells import answer

    return answer(*found, **shown)
