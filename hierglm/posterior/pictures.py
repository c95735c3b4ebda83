"""Pictures of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hierglm.results.rows import MAIN

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

    def trace(
        self,
        parameters: str | Sequence[str] | None = None,
        effects: Sequence[str] | str = MAIN,
        beside: Literal["density", "rank"] = "density",
    ) -> Figure:
        """Return the draws of each chain in order, with their densities or ranks.

        Healthy chains look alike: noise about the same level.

        Parameters
        ----------
        parameters : str or sequence of str, optional
            Flat names, such as ``"sd[school:x]"``. Without them the main parameters; of more
            than 12 those with the largest R-hat.
        effects : str or sequence of str
            Kinds of parameters, see `Fit.tidy`, where `parameters` are not given.
        beside : {"density", "rank"}
            What stands beside each trace.
        """
        from hierglm import plots

        return plots.trace(self.fit, parameters, effects, beside)

    def intervals(
        self,
        parameters: str | Sequence[str] | None = None,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> Figure:
        """Return posterior means with their 50% (thick) and 95% (thin) intervals.

        Parameters
        ----------
        parameters : str or sequence of str, optional
            Flat names; without them the main parameters, of more than 80 those whose means are
            the most standard deviations from 0.
        effects : str or sequence of str
            Kinds of parameters, see `Fit.tidy`, where `parameters` are not given.
        conf_level : float
            Probability of the thin intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.
        """
        from hierglm import plots

        return plots.intervals(self.fit, parameters, effects, conf_level, hdi)

    def pooling(self, group: str | None = None, term: str | None = None) -> Figure:
        """Return how far each level's coefficients are drawn to the common ones.

        Parameters
        ----------
        group, term : str, optional
            One grouping factor, one term; all by default.
        """
        from hierglm import plots

        return plots.pooling(self.fit, group, term)

    def ranef(
        self,
        group: str | None = None,
        term: str | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> Figure:
        """Return the effects of every level with their intervals, sorted.

        Parameters
        ----------
        group, term : str, optional
            One grouping factor, one term; all by default.
        conf_level : float
            Probability of the thin intervals; the thick ones hold 50%.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.
        """
        from hierglm import plots

        return plots.ranef(self.fit, group, term, conf_level, hdi)

    def rank(
        self,
        parameters: str | Sequence[str] | None = None,
        effects: Sequence[str] | str = MAIN,
    ) -> Figure:
        """Return the ranks of each chain's draws among all, flat where the chains agree.

        Parameters
        ----------
        parameters : str or sequence of str, optional
            Flat names. Without them the main parameters; of more than 24 those with the
            largest R-hat.
        effects : str or sequence of str
            Kinds of parameters, see `Fit.tidy`, where `parameters` are not given.
        """
        from hierglm import plots

        return plots.rank(self.fit, parameters, effects)

    def correlation(
        self,
        parameters: str | Sequence[str] | None = None,
        effects: Sequence[str] | str = MAIN,
    ) -> Figure:
        """Return the posterior correlations of the main parameters as a matrix.

        Parameters
        ----------
        parameters : str or sequence of str, optional
            Flat names. Without them the main parameters; of more than 40 those with the
            strongest correlations.
        effects : str or sequence of str
            Kinds of parameters, see `Fit.tidy`, where `parameters` are not given.
        """
        from hierglm import plots

        return plots.correlation(self.fit, parameters, effects)

    def prior_posterior(self, parameters: str | Sequence[str] | None = None) -> Figure:
        """Return the densities of the main parameters before and after the data.

        Parameters
        ----------
        parameters : str or sequence of str, optional
            Flat names; without them the main parameters, 24 at most.
        """
        from hierglm.criticising import prior_posterior

        return prior_posterior.prior_posterior(self.fit, parameters)
