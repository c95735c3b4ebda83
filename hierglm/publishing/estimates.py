"""What a publication table says of one fit: its estimates, by parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hierglm.draws.draws import Draws, Variable, with_values
from hierglm.errors import SettingsError
from hierglm.results.approximation import Approximation
from hierglm.results.fitted import Fitted
from hierglm.results.multiple_imputation import Imputed, combine
from hierglm.results.rows import select, table
from hierglm.results.sections import row_label, spelled
from hierglm.showing.numbers import places

if TYPE_CHECKING:
    import pandas as pd

Model = Fitted | Imputed | Approximation
"""What a column of a table may be of."""
Key = tuple[str, str]
"""Where a parameter stands: the title of its block, and its label there."""

_LABEL = ("effect", "term", "term2", "response", "dpar")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A parameter's numbers, and the decimals that they are worth.

    Attributes
    ----------
    value, std_error, low, high : float
        Posterior mean and sd, ends of the interval.
    decimals : int
        See `hierglm.showing.numbers.places`.
    kind : str
        "sd", "cor", ... or "".
    terms : tuple of str
        One or two.
    level : str
        Of a group, where it is the effect of one.
    """

    value: float
    std_error: float
    low: float
    high: float
    decimals: int
    kind: str
    terms: tuple[str, ...]
    level: str = ""

    def label(self, labels: Mapping[str, str | None]) -> str:
        """Return what its row is called, its terms by other names where these are given."""
        terms = tuple(labels.get(term) or term for term in self.terms)
        label = spelled((self.kind, terms))
        return f"{self.level}: {label}" if self.level else label


def estimates(
    model: Model,
    effects: Sequence[str] | str,
    conf_level: float,
    hdi: bool,
    exponentiate: bool,
) -> dict[Key, Estimate]:
    """Return the estimates of a fit in the order of its summary.

    Parameters
    ----------
    model : Fitted, Imputed or Approximation
        Over completed data sets estimates and intervals are those of the mixed draws, errors
        Rubin's.
    effects : sequence of str
        Kinds of parameters, see `hierglm.results.tidy.tidy`.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    exponentiate : bool
        Whether common effects are exp(b): odds, rate or hazard ratios. Draws are transformed,
        so that the mean is that of exp(b).

    Raises
    ------
    SettingsError
        Shortest intervals of an approximation, which has no draws.
    """
    if isinstance(model, Approximation):
        frame = _approximate(model, effects, conf_level, hdi, exponentiate)
    else:
        found = _chosen(model.draws, effects, exponentiate)
        sampled = isinstance(model, Fitted) and model.sampled
        frame = table(found, conf_level, hdi, sampled=sampled)
    if isinstance(model, Imputed):
        every = [
            table(_chosen(one.draws, effects, exponentiate), sampled=False)
            for one in model.fits.values()
        ]
        numbers = (np.stack([t[name] for t in every]) for name in ("estimate", "std_error"))
        frame = frame.assign(std_error=combine(*numbers)[0])
    rows: list[Mapping[str, object]] = frame.to_dict("records")  # type: ignore[assignment]
    each = ((_title(row), _estimate(row)) for row in rows)
    return {(title, estimate.label({})): estimate for title, estimate in each}


def _chosen(draws: Draws, effects: Sequence[str] | str, exponentiate: bool) -> list[Variable]:
    return [_variable(v, exponentiate) for v in select(draws, effects)]


def _approximate(
    model: Approximation,
    effects: Sequence[str] | str,
    conf_level: float,
    hdi: bool,
    exponentiate: bool,
) -> pd.DataFrame:
    if hdi:
        raise SettingsError("hdi: an approximation has no draws to take the shortest interval of")
    frame = model.tidy(effects, conf_level).assign(ess_bulk=np.nan)
    if exponentiate:
        fixed = frame["effect"] == "fixed"
        mean, sd = (frame.loc[fixed, name].to_numpy() for name in ("estimate", "std_error"))
        # Mean and sd of exp(b) where b is normal.
        frame.loc[fixed, "estimate"] = np.exp(mean + sd**2 / 2)
        frame.loc[fixed, "std_error"] = np.exp(mean + sd**2 / 2) * np.sqrt(np.expm1(sd**2))
        for end in ("conf_low", "conf_high"):
            frame.loc[fixed, end] = np.exp(frame.loc[fixed, end])
    return frame


def _variable(variable: Variable, exponentiate: bool) -> Variable:
    if exponentiate and variable.effect == "fixed":
        return with_values(variable, np.exp(variable.values))
    return variable


def _title(row: Mapping[str, object]) -> str:
    match row["effect"]:
        case "fixed":
            return "Common effects"
        case "family":
            return "Family"
        case "ran_vals":
            return f"Deviations of {row['group']}"
        case "ran_coefs":
            return f"Coefficients of {row['group']}"
        case _:
            return f"Effects of {row['group']}"


def _estimate(row: Mapping[str, object]) -> Estimate:
    value, error, low, high, ess = (
        float(row[name])  # type: ignore[arg-type]
        for name in ("estimate", "std_error", "conf_low", "conf_high", "ess_bulk")
    )
    decimals = places(error, ess if np.isfinite(ess) else np.inf)
    kind, terms = row_label(*(str(row[key]) for key in _LABEL))
    return Estimate(value, error, low, high, decimals, kind, terms, str(row["level"]))
