"""How far the posterior leans on prior and likelihood: power-scaling (Kallioinen et al. 2023).

Kallioinen, Paananen, Bürkner and Vehtari (2023), "Detecting and diagnosing prior and likelihood
sensitivity with power-scaling", Statistics and Computing 34, 57. The numbers are those of ArviZ'
psens and of the R package priorsense, whose thresholds and words these are too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.weights import base
from hierglm.draws.diagnostics import ess_mean
from hierglm.draws.parameters import by_name
from hierglm.draws.pareto import pareto_smoothed
from hierglm.engines.methods import Optimize
from hierglm.errors import SettingsError, suggest
from hierglm.predicting.predictions import predictions
from hierglm.results.fitted import Fitted
from hierglm.results.log_prior import log_priors
from hierglm.results.outcome import FAR
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

STEP = 0.01
"""By how much the powers of prior and likelihood differ from 1."""
SENSITIVE = 0.05
"""Least sensitivity that counts: as if a normal posterior's mean moved by 0.3 sd for each
doubling of the power (Kallioinen et al. 2023, section 3.3)."""

CONFLICT = "prior and data may be in conflict"
STRONG = "strong prior or weak likelihood"


def sensitivity(
    fitted: Fitted, parameters: Sequence[str] | None = None, priors: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return how much each parameter's posterior changes with the power of prior and likelihood.

    Parameters
    ----------
    fitted : Fitted
    parameters : sequence of str, optional
        Flat names of main parameters; all that are not given by default.
    priors : sequence of str, optional
        Names, as in ``model.priors()``, of the parameters whose priors are scaled; all by default.

    Returns
    -------
    DataFrame
        Columns parameter, prior, likelihood (sensitivities; NaN where the importance weights
        cannot be trusted, whose k-hat are in ``attrs``), and diagnosis: what both above 0.05
        mean, or the prior's alone, else "".

    Raises
    ------
    SettingsError
        A name that there is not; a fit that has a mode in place of draws.
    """
    import pandas as pd

    if fitted.settings.method.name == Optimize.name:
        raise SettingsError("a mode has no draws to weight; fit with method='sample'")
    model, draws = fitted.plan.model, fitted.draws
    size = draws.chains * draws.draws
    _known(priors, [a.slot.name for a in model.priors], "prior")
    given = set(model.priors.given)
    values = by_name(draws, MAIN)
    _known(parameters, list(values), "parameter")
    names = list(parameters or (n for n in values if n not in given))
    held = {
        "prior": log_priors(model, draws, priors),
        "likelihood": sum(
            (_log_likelihood(fitted, m.part.response) for m in model.responses), np.zeros(size)
        ),
    }
    table: dict[str, list[Any]] = {"parameter": names}
    khats: dict[str, float] = {}
    for component, log_part in held.items():
        weights, khats[component] = _weights(fitted, log_part)
        before = np.exp(base(fitted))
        table[component] = [
            sum(distance(values[n], before, w) for w in weights) / (2 * np.log2(1 + STEP))
            if khats[component] <= FAR
            else np.nan
            for n in names
        ]
    out = pd.DataFrame(table)
    high = out[["prior", "likelihood"]] >= SENSITIVE
    words = np.where(high["likelihood"], CONFLICT, STRONG)
    out["diagnosis"] = np.where(high["prior"] & out["likelihood"].notna(), words, "")
    out.attrs["khat"] = khats
    return out


def distance(x: Floats, before: Floats, after: Floats) -> float:
    """Return the cumulative Jensen-Shannon distance between two weightings of the same draws.

    The larger of those from below and from above, over its upper bound, so that it lies between
    0 and 1 (Nguyen and Vreeken 2015).

    Parameters
    ----------
    x : ndarray, shape (S,)
    before, after : ndarray, shape (S,)
        Weights, each summing to 1.
    """
    order = np.argsort(x, kind="stable")
    return max(
        _from_below(np.diff(x[o]) * sign, before[o], after[o])
        for o, sign in ((order, 1.0), (order[::-1], -1.0))
    )


def _from_below(widths: Floats, before: Floats, after: Floats) -> float:
    P, Q = (np.cumsum(w)[:-1] for w in (before, after))
    bound = float(widths @ (P + Q))
    if not bound > 0:
        return 0.0
    middle = (P + Q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(F > 0, F * np.log2(F / middle), 0.0) for F in (P, Q)]
    # What is added for unequal integrals cancels in the sum of both directions.
    return float(np.sqrt(max(0.0, sum(widths @ t for t in terms) / bound)))


def _weights(fitted: Fitted, log_part: Floats) -> tuple[list[Floats], float]:
    """Return weights that give a part the powers 1 / 1.01 and 1.01, and the worse k-hat."""
    found, khats = [], []
    before = base(fitted)
    for power in (1 / (1 + STEP), 1 + STEP):
        ratios = before + (power - 1) * log_part
        efficiency = 1.0
        if fitted.sampled:
            shape = (fitted.draws.chains, fitted.draws.draws, 1)
            ess = float(ess_mean(np.exp(ratios - ratios.max()).reshape(shape))[0])
            efficiency = ess / len(ratios) if np.isfinite(ess) else 1.0
        weights, khat = pareto_smoothed(ratios, efficiency)
        found.append(np.exp(weights))
        khats.append(khat)
    return found, max(khats)


def _log_likelihood(fitted: Fitted, response: str) -> Floats:
    """Return the log likelihood of all rows of a response together, shape (S,)."""
    rows = predictions(fitted, target="linear", response=response or None)
    total = np.zeros(rows.size)
    for _, values in rows.log_likelihood():
        total += values.sum(axis=1)
    return total


def _known(wanted: Sequence[str] | None, known: Sequence[str], what: str) -> None:
    for name in wanted or ():
        if name not in known:
            raise SettingsError(f"no {what} {name!r}{suggest(str(name), known)}")
