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
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.engine import chosen_seed
from hierglm.errors import HierglmError
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown
from hierglm.simulating.ranks import KEEP, Ranked, quantities, ranked
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

Ints = NDArray[np.int64]


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
