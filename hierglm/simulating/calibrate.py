"""Simulation-based calibration: ranks of true parameters among draws of their posterior.

If priors, program and sampler agree, the rank of a parameter drawn from its prior among
nearly independent draws of its posterior is uniform (Talts, Betancourt, Simpson, Vehtari and
Gelman 2018, "Validating Bayesian inference algorithms with simulation-based calibration").
The log likelihood is ranked too: it notices what single parameters do not (Modrák et al.
2023, "Simulation-based calibration checking for Bayesian computation").
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import ess_bulk
from hierglm.draws.parameters import Entry, entries
from hierglm.engines.engine import chosen_seed
from hierglm.errors import HierglmError
from hierglm.names import EFFECTS
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import log_likelihood
from hierglm.results.rows import MAIN
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown
from hierglm.simulating.responses import (
    Fittable,
    Simulated,
    each,
    open_run,
    refuse_methods,
    settings,
    simulate,
)
from hierglm.simulating.uniformity import FEWEST, TESTS, ecdf_band

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KEEP = 99
"""Draws kept of each posterior: ranks are 0 to 99."""
LONGEST = 16
"""How many times more draws a data set gets at most."""


@dataclass(frozen=True, slots=True, repr=False)
class Calibration(Shown):
    """Ranks of true values among draws of their posteriors; print it.

    Attributes
    ----------
    names : tuple of str
        The parameters, and "log_lik", the log likelihood of all rows.
    ranks : ndarray of int, shape (data sets, parameters)
        Number of kept draws below the true value, 0 to `KEEP`.
    divergences, short : int
        Divergent draws in all; data sets whose effective sample size never sufficed.
    failures : tuple of str
        What data sets said that could not be simulated or fitted; they have no ranks.
    seconds : float
        Wall time.
    seed : int
        That gives the same ranks again.
    """

    names: tuple[str, ...]
    ranks: Ints
    divergences: int = 0
    short: int = 0
    failures: tuple[str, ...] = ()
    seconds: float = 0.0
    seed: int = 0

    def table(self) -> pd.DataFrame:
        """Return one row a parameter.

        Returns
        -------
        DataFrame
            Columns parameter, datasets, mean_rank (a share; 0.5 where calibrated: less where
            posteriors are too high), and p-values of uniform ranks: chi_square_p, ecdf_p (the
            picture's own, exact), moments_p (place and spread); NaN where data sets are too few.
        """
        import pandas as pd

        found = pd.DataFrame({"parameter": self.names, "datasets": len(self.ranks)})
        found["mean_rank"] = [r.mean() / KEEP if len(r) else np.nan for r in self.ranks.T]
        for name, test in TESTS.items():
            enough = len(self.ranks) >= FEWEST.get(name, 1)
            found[name] = [test(r, KEEP) if enough else np.nan for r in self.ranks.T]
        return found

    def smallest_p(self) -> float:
        """Return the smallest of all p-values."""
        values = self.table()[list(TESTS)].to_numpy(np.float64)
        return float(np.nanmin(values)) if np.isfinite(values).any() else np.nan

    def plot(self, most: int = 24) -> Figure:
        """Return the ECDF of each parameter's ranks, less uniform, with a simultaneous band.

        Parameters
        ----------
        most : int
            Of more parameters, those are shown whose ECDF is farthest from uniform.
        """
        from hierglm.plots.calibration import calibration

        return calibration(self.names, self.ranks, ecdf_band(len(self.ranks), KEEP), most)

    def said(self) -> Said:
        """Return the tests of uniformity; see `hierglm.showing.said.Said`."""
        found, count = self.table(), len(self.ranks)
        tests = int(found[list(TESTS)].notna().to_numpy().sum())
        lowest = self.smallest_p()
        # Bonferroni's bound over all tests.
        doubtful = bool(count) and lowest * tests < 0.05
        said = []
        if count:
            verdict = "uniform ranks are in doubt" if doubtful else "no sign of trouble"
            said.append(f"smallest p {lowest:.2g} of {tests} tests: {verdict}")
        if self.divergences:
            said.append(f"{self.divergences} divergent draws in all: raise adapt_delta")
        if self.short:
            said.append(f"{self.short} data sets with too small an effective sample size")
        if self.failures:
            said.append(
                f"{len(self.failures)} data sets failed, and ranks are those of the others: "
                f"priors may be too wide; {self.failures[0]}"
            )
        return Said(
            f"calibration: ranks of {len(self.names)} parameters in {count} data sets, "
            f"{self.seconds:.0f} s, seed {self.seed}",
            grids=(grid(found),),
            words=tuple(said),
            healthy=not (doubtful or self.divergences or self.failures),
        )


def calibrate(
    prepared: Fittable,
    n: int = 200,
    draws: int = 250,
    seed: int | None = None,
    executor: Executor | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **options: Any,
) -> Calibration:
    """Return the ranks of the parameters of a model over simulated data sets.

    A data set whose smallest bulk effective sample size is below twice the draws that are
    kept is fitted again with more draws (Talts et al. 2018, algorithm 2): for a chain that
    forgets at a constant rate, kept draws then have autocorrelations below 0.02.

    Parameters
    ----------
    prepared : Fittable
    n : int
        Number of data sets.
    draws : int
        A chain, at first.
    seed : int, optional
        One of its own by default.
    executor : Executor, optional
        Of `concurrent.futures`, on which data sets are fitted; the ranks are the same.
    checkpoint : path, optional
        A folder that keeps the ranks of each data set; the same call goes on from there.
    **options
        For `hierglm.prepared.PreparedModel.fit`.

    Raises
    ------
    CheckpointError
        A folder of another run.
    SettingsError, PriorError
        A number that is none, a flat prior.
    """
    start = time.monotonic()
    refuse_methods("calibrate", options)
    given, seed = seed, chosen_seed(seed, secrets.randbelow(2**31))
    facts = {"data sets": str(n), "draws": str(draws)}
    answers, seed = open_run(checkpoint, Ranked, prepared, facts, options, given, seed)
    data = simulate(prepared.model, n, seed)
    task = partial(_ranked, prepared, draws, settings(options, executor))
    found = each(task, data, n, executor, options.get("progress"), answers)
    return gather(found, time.monotonic() - start, seed)


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one data set gave; `failure` says why it gave nothing."""

    ranks: Mapping[str, int]
    divergences: int = 0
    enough: bool = True
    failure: str = ""


def gather(
    found: Sequence[Ranked], seconds: float, seed: int = 0, names: tuple[str, ...] = ()
) -> Calibration:
    """Return what data sets gave, side by side; `names` are for where none gave anything."""
    good = [r for r in found if not r.failure]
    names = tuple(good[0].ranks) if good else names
    ranks = np.array([[r.ranks[name] for name in names] for r in good], dtype=np.int64)
    return Calibration(
        names,
        ranks.reshape(len(good), len(names)),
        sum(r.divergences for r in good),
        sum(not r.enough for r in good),
        tuple(f"data set {k}: {r.failure}" for k, r in enumerate(found) if r.failure),
        seconds,
        seed,
    )


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


def _ranked(
    prepared: Fittable, draws: int, options: Mapping[str, Any], data: Simulated | str
) -> Ranked:
    if isinstance(data, str):
        return Ranked({}, failure=data)
    known = quantities(data.truth)
    truth = {name: float(x.item()) for name, x in known.items()}
    try:
        again = prepared.of(data.model)
    except HierglmError as error:
        return Ranked({}, failure=str(error))
    return ranked(again, truth, draws, {"seed": data.seed, **options})


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
