"""Ranks of true values among draws of the posterior of one data set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import ess_bulk
from hierglm.draws.parameters import Entry, entries
from hierglm.errors import HierglmError
from hierglm.names import EFFECTS
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import log_likelihood
from hierglm.results.rows import MAIN
from hierglm.simulating.responses import Fittable

Floats = NDArray[np.float64]

KEEP = 99
"""Draws kept of each posterior: ranks are 0 to 99."""
LONGEST = 16
"""How many times more draws a data set gets at most."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one data set gave; `failure` says why it gave nothing."""

    ranks: Mapping[str, int]
    divergences: int = 0
    enough: bool = True
    failure: str = ""


def ranked(
    prepared: Fittable, truth: Mapping[str, float], draws: int, options: Mapping[str, Any]
) -> Ranked:
    """Return the ranks of true values among draws of the posterior of one data set.

    Parameters
    ----------
    prepared : Fittable
        The model of the data set.
    truth : mapping of str to float
        By flat name, and "log_lik".
    draws : int
        A chain, at first.
    options : mapping
        For its ``fit``.
    """
    try:
        drawn, divergences, enough = _sample(prepared, tuple(truth), draws, options)
    except HierglmError as error:
        return Ranked({}, failure=str(error))
    below = (thin(drawn) < np.array(list(truth.values()))).sum(axis=0)
    return Ranked(dict(zip(truth, below.tolist(), strict=True)), divergences, enough)


def quantities(fitted: Fitted, names: Collection[str] = ()) -> dict[str, Floats]:
    """Return draws, shape (chains, draws), by flat name, and "log_lik" of all rows.

    Parameters
    ----------
    fitted : Fitted
    names : collection of str
        Which parameters; by default those of summaries that are not given, and the effects of
        the first and the last level of each grouping factor.
    """
    found: dict[str, Floats] = {}
    for e in entries(fitted.draws, EFFECTS if names else (*MAIN, "ran_vals")):
        if str(e.parameter) in names if names else _chosen(fitted, e):
            place: tuple[Any, ...] = (slice(None), slice(None), *e.index)
            found[str(e.parameter)] = fitted.draws[e.variable].values[place]
    return found | {"log_lik": _log_lik(fitted)}


def _chosen(fitted: Fitted, entry: Entry) -> bool:
    if entry.parameter.effect == "ran_vals":
        levels = len(fitted.draws[entry.variable].dims[0][1])
        return entry.index[0] in (0, levels - 1)
    given = (a.slot.name for a in fitted.plan.model.priors if a.prior.given)
    return str(entry.parameter) not in given


def thin(draws: Floats, keep: int = KEEP) -> Floats:
    """Return `keep` evenly spaced draws of all chains, shape (keep, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    return np.asarray(flat[np.linspace(0, len(flat) - 1, keep).astype(int)])


def _log_lik(fitted: Fitted) -> Floats:
    total: Floats = np.zeros((fitted.draws.chains, fitted.draws.draws))
    for response in fitted.plan.model.responses:
        total += log_likelihood(fitted, response).sum(axis=-1)
    return np.asarray(total)


def _sample(
    prepared: Fittable, names: Sequence[str], draws: int, options: Mapping[str, Any]
) -> tuple[Floats, int, bool]:
    """Return draws (chains, draws, parameters), divergences, and whether they are enough."""
    longest, step = LONGEST * draws, draws
    while True:
        fit = prepared.fit(**{**options, "draws": draws})
        found = quantities(fit, names)
        drawn = np.stack([found[name] for name in names], axis=-1)
        ess = float(np.nan_to_num(ess_bulk(drawn)).min())
        if ess >= 2 * KEEP or draws >= longest:
            return drawn, int(fit.draws.stats["diverging"].sum()), ess >= 2 * KEEP
        draws = min(longest, step * int(np.ceil(3 * KEEP / max(ess, 1.0) * draws / step)))
