"""Expected log predictive density: what a fit would score on new data, unit by unit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.units import Units
from hierglm.errors import first_of
from hierglm.models import Model
from hierglm.results.findings import Check, Finding
from hierglm.results.outcome import FAR
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SPREAD = 0.4
"""Posterior variance of a log likelihood from which on WAIC is not to be relied upon."""
_LISTED = 6
"""Units that a message names."""


@dataclass(frozen=True, slots=True, repr=False)
class Elpd(Shown):
    """The expected log predictive density of new units like those of the data; print it.

    Made by `hierglm.posterior.Fit.loo`, ``.waic`` and ``.kfold``.

    Attributes
    ----------
    method : str
        "PSIS-LOO", "WAIC" or "10-fold".
    model : str
        The formula.
    units : Units
        Rows, or the levels that were left out as wholes.
    elpd_i : ndarray, shape (units,)
        Log density of each unit, given the others.
    lpd_i : ndarray, shape (units,)
        The same given all, the unit itself included.
    pareto_k : ndarray, shape (units,), or None
        How hard it was to leave each unit out; NaN for those that were refitted. None where
        nothing was weighted.
    ess_i : ndarray, shape (units,), or None
        How many draws the weighted ones are worth.
    draws : int
        How many there were.
    folds : ndarray of int, shape (units,), or None
        Of k-fold cross-validation the fold of each unit, from 1.
    data : str
        Tells data apart: equal for fits of the same responses in the same order.
    notes : tuple of str
        What was done on the way.
    troubles : mapping of str to str
        Of fits without some units, what makes those unsafe to use whose diagnostics failed.
    """

    method: str
    model: str
    units: Units
    elpd_i: Floats
    lpd_i: Floats
    pareto_k: Floats | None
    ess_i: Floats | None
    draws: int
    folds: NDArray[np.int64] | None
    data: str
    notes: tuple[str, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)

    @property
    def elpd(self) -> float:
        """The sum over the units."""
        return float(self.elpd_i.sum())

    @property
    def se(self) -> float:
        """Its standard error: of other units from the same population."""
        return standard_error(self.elpd_i)

    @property
    def p_i(self) -> Floats:
        """How much each unit's own presence raises its log density, shape (units,)."""
        return np.asarray(self.lpd_i - self.elpd_i)

    @property
    def p(self) -> float:
        """The effective number of parameters."""
        return float(self.p_i.sum())

    @property
    def ic(self) -> float:
        """-2 elpd, on the scale of deviances: looic, waic."""
        return -2.0 * self.elpd

    @property
    def limit(self) -> float:
        """The largest k-hat that so many draws bear (Vehtari et al. 2024)."""
        return min(FAR, 1 - 1 / math.log10(max(self.draws, 10)))

    @property
    def high(self) -> Bools:
        """Which units were too hard to leave out, shape (units,)."""
        if self.pareto_k is None:
            return np.zeros(len(self.units), dtype=bool)
        # Those that were refitted have no k-hat.
        return np.asarray(self.pareto_k > self.limit)

    def table(self) -> pd.DataFrame:
        """Return the sums: one row each for elpd, p and ic, columns estimate and std_error."""
        import pandas as pd

        errors = [standard_error(x) for x in (self.elpd_i, self.p_i, -2.0 * self.elpd_i)]
        return pd.DataFrame(
            {
                "term": ["elpd", "p", "ic"],
                "estimate": [self.elpd, self.p, self.ic],
                "std_error": errors,
            }
        )

    def pointwise(self) -> pd.DataFrame:
        """Return one row a unit: its label, elpd, p, pareto_k, ess, or its fold."""
        import pandas as pd

        columns: dict[str, Any] = {
            self.units.name: self.units.labels,
            "elpd": self.elpd_i,
            "p": self.p_i,
        }
        further = {"pareto_k": self.pareto_k, "ess": self.ess_i, "fold": self.folds}
        columns |= {name: x for name, x in further.items() if x is not None}
        return pd.DataFrame(columns)

    def check(self) -> Check:
        """Return whether the numbers can be trusted, in words with the next step; print it."""
        return Check(tuple(self._findings()), np.nan, np.nan, 0, 0, self._first)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that makes the numbers unsafe to use."""
        return self.check().healthy

    def plot(self) -> Figure:
        """Return Pareto's k-hat of each unit as a picture; of folds the log densities."""
        from hierglm.plots.leave_out import leave_out

        names = self.units.labels.tolist()
        if self.pareto_k is None:
            return leave_out(names, self.units.name, self.elpd_i, None)
        return leave_out(names, self.units.name, self.pareto_k, self.limit)

    def said(self) -> Said:
        """Return the sums and whether to trust them; see `hierglm.showing.said.Said`."""
        shown = grid(self.table(), formats={"estimate": ".1f", "std_error": ".1f"})
        return Said(
            f"{self.method} of {self.model}", (f"{len(self.units):,} {self.units.noun}",), (shown,),
            words=self.check().lines, healthy=self.healthy, notes=self.notes,
        )  # fmt: skip

    @property
    def _first(self) -> str:
        if self.method == "WAIC":
            large = int(np.sum(self.p_i > _SPREAD))
            return "" if large else f"No unit has a p above {_SPREAD}."
        if self.pareto_k is None:
            return f"Every {'row' if self.units.single else 'level'} was left out of a fit."
        known = self.pareto_k[~np.isnan(self.pareto_k)]
        if not len(known):
            return "Every unit was refitted."
        good = int(np.sum(known <= self.limit))
        return (
            f"Pareto k-hat is at most {self.limit:.2f} for {good:,} of {len(known):,} "
            f"(largest {known.max():.2f})."
        )

    def _findings(self) -> list[Finding]:
        if self.method == "WAIC":
            large = int(np.sum(self.p_i > _SPREAD))
            what = f"{large:,} of {len(self.units):,} units have a p above {_SPREAD}"
            advice = "WAIC is not reliable here: take fit.loo(), which says where it fails."
            return [Finding("waic", "problem", what, advice)] if large else []
        refits = list(self._refits())
        high = self.high
        count = int(high.sum())
        if not count:
            return refits
        assert self.pareto_k is not None
        worst = np.argsort(np.where(high, -self.pareto_k, np.inf), kind="stable")
        named = first_of([str(self.units.labels[i]) for i in worst[:count]], _LISTED)
        noun = ("row" if self.units.single else self.units.name) + " "
        what = (
            f"{count:,} of {len(self.units):,} units move the posterior further than its draws "
            f"reach (Pareto k-hat above {self.limit:.2f}): {noun}{named}"
        )
        call = "" if self.units.single else f"unit={self.units.name!r}, "
        first = " where integrating their level's effects out is not enough"
        way = f"fit.loo({call}repair='refit') fits again without each of them"
        way += first if self.units.single else ""
        if count > _LISTED:
            own = "" if self.units.single else f", by={self.units.name!r}"
            way = f"fit.kfold(10{own}) needs ten fits; {way}"
        advice = f"Their densities are guesses. {way}; fit.influence() shows what they move."
        return [*refits, Finding("khat", "problem", what, advice)]

    def _refits(self) -> Iterator[Finding]:
        """Yield what was found about fits without some units."""
        if not self.troubles:
            return
        (first, why), *_ = self.troubles.items()
        count = len(self.troubles)
        several = "s" if count > 1 else ""
        listed = first_of(list(self.troubles), _LISTED)
        what = f"{count:,} fit{several} cannot be trusted: without {listed}"
        own = f"Without {first}: " if count > 1 else ""
        advice = (
            f"{own}{why} They have the settings of the whole fit: change those by fit.refit(...), "
            "and leave out again."
        )
        yield Finding("refits", "problem", what, advice)


def standard_error(values: Floats) -> float:
    """Return the standard error of a sum over units; NaN of fewer than two."""
    count = len(values)
    return float(np.sqrt(count * values.var(ddof=1))) if count > 1 else math.nan


def fingerprint(model: Model) -> str:
    """Return what tells the data of one response apart from others."""
    response, found = model.design.response, hashlib.blake2b(digest_size=16)
    for values in (response.values, response.trials, response.weights):
        own = np.zeros(0) if values is None else np.asarray(values, dtype=np.float64)
        found.update(own.tobytes())
    # The same numbers of other categories are other data.
    found.update(repr(response.levels).encode())
    return found.hexdigest()
