"""The penalised fit as an answer of its own: in milliseconds, and marked as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Variable
from hierglm.draws.parameters import check_effects
from hierglm.errors import SettingsError
from hierglm.families.links import LOGIT
from hierglm.results.rows import MAIN
from hierglm.showing.said import Said
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from hierglm.results.sections import Summary

Floats = NDArray[np.float64]

COLUMNS = ("estimate", "std_error", "conf_low", "conf_high")


@dataclass(frozen=True, slots=True)
class Located:
    """Normal approximations to the posteriors of some parameters, each on its own scale.

    Attributes
    ----------
    name, effect, group : str
        As of a `hierglm.draws.draws.Variable`.
    location, spread : ndarray, in the shape of the labels
        Mode and sd on the scale.
    scale : {"identity", "log", "atanh", "logit", "logm1"}
        Of sds the logarithm is about normal, of correlations the inverse of tanh, of a
        family's parameters what their link makes of them.
    dims : tuple of (str, sequence)
        Name and labels of each dimension.
    """

    name: str
    effect: str
    group: str
    location: Floats
    spread: Floats
    scale: Literal["identity", "log", "atanh", "logit", "logm1"]
    dims: tuple[tuple[str, Sequence[Any]], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Approximation(Shown):
    """A penalised maximum-likelihood fit with normal intervals: no posterior, but near it.

    Sds are at the mode of the posterior of their logarithms, effects and common coefficients
    integrated out: above their posterior mean where few levels tell them. Coefficients are
    at their posterior means given the sds (for responses that are not Gaussian: by penalised
    quasi-likelihood; Breslow and Clayton 1993), and their intervals take the sds as known.
    Print it; or see `tidy`, `fixef`, `ranef`, `varcorr`.

    Attributes
    ----------
    formula, family : str
        What was fitted.
    rows : int
        Number of rows used.
    steps : int
        How many steps the fit took.
    parts : tuple of Located
        The estimates.
    """

    formula: str
    family: str
    rows: int
    steps: int
    parts: tuple[Located, ...]

    def tidy(self, effects: Sequence[str] | str = MAIN, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row a parameter.

        Parameters
        ----------
        effects : str or sequence of str
            Of "fixed", "ran_sd", "ran_cor", "family", "ran_vals".
        conf_level : float
            Probability of the intervals.

        Returns
        -------
        DataFrame
            Columns effect, response, dpar, group, level, term, term2, estimate (of an sd or
            a correlation the median), std_error, conf_low, conf_high.

        Raises
        ------
        SettingsError
            For an effect or level that there is not.
        """
        import pandas as pd

        from hierglm.results.rows import labels

        if not 0 < conf_level < 1:
            raise SettingsError(f"conf_level must lie between 0 and 1, not {conf_level!r}")
        wanted = check_effects(effects)
        chosen = [p for e in wanted for p in self.parts if p.effect == e]
        columns: dict[str, Any] = labels([_variable(p) for p in chosen])
        numbers = [_numbers(p, conf_level) for p in chosen]
        for i, name in enumerate(COLUMNS):
            columns[name] = np.concatenate([n[i] for n in numbers]) if numbers else np.empty(0)
        return pd.DataFrame(columns)

    def fixef(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the common coefficients."""
        return self.tidy("fixed", conf_level)

    def ranef(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return the levels' deviations from the common coefficients."""
        return self.tidy("ran_vals", conf_level)

    def varcorr(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return standard deviations and correlations of the group effects, then sigma."""
        return self.tidy(("ran_sd", "ran_cor", "family"), conf_level)

    def said(self) -> Said:
        """Return what its page shows; see `hierglm.showing.said.Said`."""
        return self._summary().said()

    def __repr__(self) -> str:
        from hierglm.results.text import lay_out

        return lay_out(self._summary())

    def _summary(self) -> Summary:
        from hierglm.results.sections import Summary, approximate_section

        groups = dict.fromkeys(p.group for p in self.parts if p.effect == "ran_sd")
        titles = [("Common effects", self.fixef(), "approx.fixef()")]
        table = self.varcorr()
        for group in groups:
            titles.append((f"Effects of {group}", table[table["group"] == group],
                           "approx.varcorr()"))  # fmt: skip
        titles.append(("Family", self.tidy("family"), "approx.tidy('family')"))
        sections = [approximate_section(*t) for t in titles]
        return Summary(
            formula=" ".join(self.formula.split()),
            facts=(f"{self.family}, {self.rows:,} rows",
                   f"APPROXIMATION: penalised maximum likelihood in {self.steps} steps, "
                   "normal intervals; no posterior was sampled"),
            sections=tuple(s for s in sections if s.labels),
            legend="estimate: mode; conf_low, conf_high: 95% interval, variances taken as known",
            healthy=True, diagnostics=(), notes=(),
        )  # fmt: skip


def _variable(part: Located) -> Variable:
    return Variable(part.name, part.effect, part.group, part.location[None, None], part.dims)


def _numbers(part: Located, conf_level: float) -> tuple[Floats, ...]:
    """Return estimate, standard error and ends of the interval of each parameter."""
    from statistics import NormalDist

    location, spread = part.location.reshape(-1), part.spread.reshape(-1)
    reach = NormalDist().inv_cdf((1 + conf_level) / 2) * spread
    low, high = location - reach, location + reach
    match part.scale:
        case "log":
            # The standard deviation of the log-normal distribution.
            sd = np.exp(location + spread**2 / 2) * np.sqrt(np.expm1(spread**2))
            return np.exp(location), sd, np.exp(low), np.exp(high)
        case "logm1":
            sd = np.exp(location + spread**2 / 2) * np.sqrt(np.expm1(spread**2))
            return 1 + np.exp(location), sd, 1 + np.exp(low), 1 + np.exp(high)
        case "logit":
            share = LOGIT.invert(location)
            return share, share * (1 - share) * spread, LOGIT.invert(low), LOGIT.invert(high)
        case "atanh":
            cor = np.tanh(location)
            return cor, (1 - cor**2) * spread, np.tanh(low), np.tanh(high)
        case _:
            return location, spread, low, high
