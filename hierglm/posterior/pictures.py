"""Pictures of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hierglm.posterior.fit import Fit
    from hierglm.predicting.asked import Target


@dataclass(frozen=True, slots=True)
class Plots:
    """Pictures of a fit; each is a matplotlib figure that can be shown or saved."""

    fit: Fit

    def effects(
        self,
        x: str,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        *,
        data: bool = True,
        **kwargs: Any,
    ) -> Figure:
        """Return the table of `Fit.effects` drawn, which takes the same arguments.

        Parameters
        ----------
        x, by, at, target, **kwargs
            See `Fit.effects`.
        data : bool
            Whether the rows of the fit are shown behind, where they are on the target's scale.
        """
        from hierglm import plots
        from hierglm.marginal import effects

        table: Any = self.fit.effects(x, by, at, target, **{**kwargs, "summary": True})
        response = kwargs.get("response")
        seen = effects.observed(self.fit, list(table.columns), target, response) if data else None
        name, quantity = effects.words(self.fit.plan.model, x, target, response)
        return plots.effects(table, x, name, quantity, seen, kwargs.get("conf_level", 0.95))

    def trace(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the draws of each chain in order, with their densities."""
        from hierglm import plots

        return plots.trace(self.fit, *args, **kwargs)

    def intervals(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the intervals of the main parameters."""
        from hierglm import plots

        return plots.intervals(self.fit, *args, **kwargs)

    def pooling(self, *args: Any, **kwargs: Any) -> Figure:
        """Return how far each level's coefficients are drawn to the common ones."""
        from hierglm import plots

        return plots.pooling(self.fit, *args, **kwargs)

    def ranef(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the effects of every level with their intervals, sorted."""
        from hierglm import plots

        return plots.ranef(self.fit, *args, **kwargs)

    def rank(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the ranks of each chain's draws among all, flat where the chains agree."""
        from hierglm import plots

        return plots.rank(self.fit, *args, **kwargs)

    def correlation(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the posterior correlations of the main parameters as a matrix."""
        from hierglm import plots

        return plots.correlation(self.fit, *args, **kwargs)

    def prior_posterior(self, parameters: str | Sequence[str] | None = None) -> Figure:
        """Return the densities of the main parameters before and after the data.

        See `hierglm.criticising.prior_posterior.prior_posterior`.
        """
        from hierglm.criticising import prior_posterior

        return prior_posterior.prior_posterior(self.fit, parameters)
