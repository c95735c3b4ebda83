"""A fit and new rows: what is known of their levels, without fitting again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.marginals import Marginals
from hierglm.adapting.predict import adapted_source
from hierglm.adapting.rows import factors, met, predictors
from hierglm.draws.draws import Draws
from hierglm.engines.engine import chosen_seed
from hierglm.models import Model
from hierglm.names import of_predictor
from hierglm.parts import notes_of
from hierglm.predicting.asked import Groups, Target, Unseen
from hierglm.results.effects import known_group
from hierglm.results.findings import Check, Finding
from hierglm.results.fitted import Fitted
from hierglm.results.outcome import FAR
from hierglm.results.rows import MAIN, NUMBERS, select, table
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Ints = NDArray[np.int64]

_ENOUGH = 100
"""Least number of draws that the weighted ones must be worth for intervals."""
_SHOWN = 12
"""Rows of the table that are printed."""


@dataclass(frozen=True, slots=True, repr=False)
class Adapted(Marginals, Shown):
    """The posterior given the rows of a fit and some new ones; print it.

    Made by `hierglm.posterior.Fit.adapt`.

    Attributes
    ----------
    fitted : Fitted
        The fit, unchanged.
    rows : Model
        That of the fit with all new rows so far in the place of its own, ``rows.design`` (of
        several responses ``rows.parts``); levels that the fit does not know follow its own.
    draws : Draws
        One chain: population as it is given the new rows, and effects of the levels that
        these rows have.
    at : ndarray of int, shape (draws,)
        The draw of the fit that each comes from, chains one behind the other.
    khat : float
        Pareto's k-hat of the fit's draws, weighted by how well they foresaw the new rows:
        above 0.7 (for few draws less, see `limit`) the population moves too far, and a
        new fit is due.
    effects_khat : float
        The same of the draws of new levels' effects; 0 where they are exact.
    ess : float
        How many equally weighted draws the fit's are worth.
    seed : int
        The same seed gives the same numbers.
    """

    fitted: Fitted
    rows: Model
    draws: Draws
    at: Ints
    khat: float
    effects_khat: float
    ess: float
    seed: int

    @property
    def limit(self) -> float:
        """The largest k-hat that so many draws bear (Vehtari et al. 2024)."""
        return min(FAR, 1 - 1 / math.log10(max(len(self.at), 10)))

    def ranef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return deviations of the levels of the new rows, one row a level and term.

        Parameters
        ----------
        group : str, optional
            One grouping factor; all by default.
        conf_level : float
            Probability of the intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.
        """
        return self._table("ran_vals", group, conf_level, hdi)

    def coef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return coefficients of the levels of the new rows, common plus deviation.

        The arguments are those of `ranef`.
        """
        return self._table("ran_coefs", group, conf_level, hdi)

    def tidy(
        self,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame:
        """Return one row a parameter; see `hierglm.posterior.Fit.tidy`."""
        return table(select(self.draws, effects), conf_level, hdi, sampled=False)

    def adapt(
        self, new_rows: Any, seed: int | None = None, data2: Mapping[str, Any] | None = None
    ) -> Adapted:
        """Return the posterior given still more rows, of the same levels or of others.

        The fit's draws are weighted anew by all rows, so that the order in which they came
        does not matter, and `khat` is of them all.

        Parameters
        ----------
        new_rows : pandas, polars or pyarrow table, or mapping of columns
        seed : int, optional
            That of the adapted fit by default.
        data2 : mapping of str to matrix or graph, optional
            See `hierglm.posterior.Fit.adapt`.
        """
        from hierglm.adapting.adapt import adapt

        seed = chosen_seed(seed, self.seed)
        return adapt(self.fitted, new_rows, seed, self.rows, data2)

    def predict(
        self,
        new_rows: Any,
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
        """Return predictions of rows; arguments and result are those of `Fit.predict`.

        Levels are new here which neither the fit nor the rows that it was adapted to have.
        Draws are one chain.
        """
        from hierglm.predicting import predictions, table

        source = adapted_source(self.fitted, self.rows, self.draws, self.at)
        seed = chosen_seed(seed, self.seed)
        found = predictions.predictions_from(
            source, new_rows, target, groups, new_levels, response=response, draws=draws, seed=seed
        )
        return table.predict(found, new_rows, summary, conf_level, hdi)

    def check(self) -> Check:
        """Return whether the answer can be trusted, in words with the next step; print it."""
        first = (
            f"The fit's {len(self.at):,} draws, weighted by the new rows, are worth "
            f"{self.ess:,.0f}; Pareto k-hat {self.khat:.2f}."
        )
        return Check(tuple(_findings(self)), np.nan, np.nan, 0, 0, first)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that makes the numbers unsafe to use."""
        return self.check().healthy

    def said(self) -> Said:
        """Return coefficients of the levels met; see `hierglm.showing.said.Said`."""
        source = "; ".join(" ".join(f.split()) for f in self.fitted.plan.model.formulas)
        each = [m.design.rows for m in self.rows.responses]
        count = f"{' + '.join(f'{n:,}' for n in each)} new {'row' if each == [1] else 'rows'}"
        effects = self.coef() if self.rows.groups else self.tidy()
        of = [name for name in ("response", "dpar") if (effects[name] != "").any()]
        columns = [*of, *(("group", "level") if self.rows.groups else ()), "term", *NUMBERS[:4]]
        formats = dict.fromkeys(NUMBERS[:4], ".3f")
        shown = grid(effects[columns], formats=formats, rows=_SHOWN, more="adapted.coef()")
        checked = self.check()
        return Said(
            f"{source}, adapted to {count}", tuple(_levels(self)), (shown,),
            words=checked.lines, healthy=checked.healthy, notes=notes_of(self.rows),
        )  # fmt: skip

    def _table(self, effect: str, group: str | None, conf_level: float, hdi: bool) -> pd.DataFrame:
        known_group(self.fitted, group)
        return table(select(self.draws, effect, group), conf_level, hdi, sampled=False)


def _findings(adapted: Adapted) -> list[Finding]:
    findings = []
    if not adapted.khat <= adapted.limit:
        what = (
            f"The new rows move the population further than its draws reach: Pareto k-hat "
            f"{adapted.khat:.2f} is above {adapted.limit:.2f}"
        )
        findings.append(Finding("khat", "problem", what, "Fit again with all rows."))
    if adapted.effects_khat > FAR:
        what = f"Effects of new levels are hard to draw: their k-hat is {adapted.effects_khat:.2f}"
        findings.append(Finding("khat", "problem", what, "Fit again with all rows."))
    if adapted.ess < _ENOUGH and not findings:
        what = f"The weighted draws are worth {adapted.ess:,.0f}, less than {_ENOUGH}"
        findings.append(Finding("ess", "problem", what, "Fit with more draws, or with all rows."))
    return findings


def _levels(adapted: Adapted) -> list[str]:
    """Return a line for each grouping factor: how many levels the rows have, and which are new."""
    lines = []
    own, model = met(adapted.rows), adapted.fitted.plan.model
    for factor in factors(own.model):
        p, group = factor[0]
        at, part = own.levels[factor[0]], predictors(model)[p].part
        known = len(adapted.fitted.draws[f"r_{group}{part.ending}"].dims[0][1])
        new = int(np.sum(at >= known))
        # A factor of one of several predictors says which.
        of = of_predictor(part.response, part.dpar) if len(factor) == 1 else ""
        lines.append(
            f"{group}{of}: {new:,} new level{'' if new == 1 else 's'}, {len(at) - new:,} known"
        )
    return lines
