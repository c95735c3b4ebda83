"""Simulation-based calibration of the whole line, from a formula to posterior draws.

    python -m benchmarks.calibration --datasets 200 --plan auto --out benchmarks/results

If priors, program and sampler agree, the rank of a parameter drawn from its prior among
nearly independent draws of its posterior is uniform (Talts, Betancourt, Simpson, Vehtari and
Gelman 2018, "Validating Bayesian inference algorithms with simulation-based calibration").
The log likelihood is ranked too: it notices what single parameters do not (Modrák et al.
2023, "Simulation-based calibration checking for Bayesian computation"). The same command
gives the same ranks, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

import hierglm as hg
from benchmarks.calibration_families import SHAPES
from benchmarks.calibration_shapes import Shape, simulate
from hierglm.draws.diagnostics import ess_bulk
from hierglm.draws.parameters import entries
from hierglm.errors import HierglmError
from hierglm.results.pointwise import log_likelihood

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KEEP = 99
"""Draws kept of each posterior: ranks are 0 to 99."""
BINS = 20
DRAWS = 250
LONGEST = 16 * DRAWS
"""Draws a chain, at first and at most."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The ranks of one shape.

    Attributes
    ----------
    names : tuple of str
        The parameters.
    ranks : ndarray, shape (datasets, parameters)
        Number of kept draws below the true value, 0 to `KEEP`.
    divergences, short : int
        Divergent draws in all; data sets whose effective sample size never sufficed.
    failures : tuple of str
        What data sets that could not be fitted said; they have no ranks.
    """

    shape: str
    names: tuple[str, ...]
    ranks: Ints
    divergences: int = 0
    short: int = 0
    failures: tuple[str, ...] = ()
    seconds: float = 0.0


@lru_cache(maxsize=8)
def _tails(count: int, top: int) -> tuple[Floats, Floats]:
    """Return P(C <= c) and P(C >= c), C of `count` uniform ranks below each 1..`top`."""
    c, z = np.arange(count + 1)[:, None], np.arange(1, top + 1) / (top + 1)
    return stats.binom.cdf(c, count, z), stats.binom.sf(c - 1, count, z)


def ecdf_limits(count: int, top: int, gamma: float) -> tuple[Ints, Ints]:
    """Return the counts of ranks below 1..`top` with both tails above ``gamma / 2``."""
    low, high = _tails(count, top)
    first = (low <= gamma / 2).sum(axis=0)
    return first, count - (high <= gamma / 2).sum(axis=0)


def ecdf_coverage(count: int, low: Ints, high: Ints) -> float:
    """Return the probability that the ECDF of uniform ranks stays within limits everywhere.

    Exact: with a Poisson total the counts of each rank are independent, so the probability
    of every count so far is carried on from rank to rank, cut at the limits, and divided by
    that of the total at the end.
    """
    step = stats.poisson.pmf(np.arange(count + 1), count / (len(low) + 1))
    place, at = np.arange(count + 1), np.zeros(count + 1)
    at[0] = 1.0
    for least, most in zip(low, high, strict=True):
        at = np.convolve(at, step)[: count + 1] * ((place >= least) & (place <= most))
    return float(at @ step[::-1] / stats.poisson.pmf(count, count))


def ecdf_p(ranks: Ints, top: int = KEEP) -> float:
    """Return the p-value of the largest deviation of the ECDF of ranks 0 to `top`.

    The deviation is the smallest binomial tail over all ranks, gamma in Säilynoja, Bürkner
    and Vehtari (2022), "Graphical test for discrete uniformity and its applications in
    goodness-of-fit evaluation and multiple sample comparison"; its p-value is exact here.
    """
    count = len(ranks)
    below = np.bincount(ranks, minlength=top + 1)[:-1].cumsum()
    gamma = 2 * min(t[below, np.arange(top)].min() for t in _tails(count, top))
    inside = ecdf_coverage(count, *ecdf_limits(count, top, gamma * (1 + 1e-9)))
    return float(np.clip(1 - inside, 0, 1))


def ecdf_band(count: int, top: int = KEEP, level: float = 0.95) -> tuple[Ints, Ints]:
    """Return the narrowest limits of `ecdf_limits` that hold with probability `level`."""
    narrow, wide = 0.0, 1.0
    for _ in range(30):
        gamma = (narrow + wide) / 2
        good = ecdf_coverage(count, *ecdf_limits(count, top, gamma)) >= level
        narrow, wide = (gamma, wide) if good else (narrow, gamma)
    return ecdf_limits(count, top, narrow)


def chi_square_p(ranks: Ints, top: int = KEEP, bins: int = BINS) -> float:
    """Return the p-value of Pearson's chi-square over bins of equally many ranks."""
    counts = np.bincount(ranks * bins // (top + 1), minlength=bins)
    return float(stats.chisquare(counts).pvalue)


def moments_p(ranks: Ints, top: int = KEEP) -> float:
    """Return the p-value of Neyman's (1937) smooth test of the ranks' place and spread.

    With 200 data sets and a normal posterior 1.3 times too wide it is below 1e-4 in about
    half of all cases, chi-square and the ECDF in 6%.
    """
    powers = np.vander(np.arange(top + 1) / top - 0.5, 3, increasing=True)
    basis = np.linalg.qr(powers)[0][:, 1:] * np.sqrt(top + 1)
    return float(stats.chi2.sf(np.square(basis[ranks].mean(axis=0)).sum() * len(ranks), 2))


TESTS = {"chi_square_p": chi_square_p, "ecdf_p": ecdf_p, "moments_p": moments_p}


def table(run: Calibration) -> pd.DataFrame:
    """Return one row a parameter: its p-values, and how the sampling of the shape went."""
    found = pd.DataFrame({"parameter": run.names})
    for name, test in TESTS.items():
        found[name] = [test(ranks) if len(ranks) else np.nan for ranks in run.ranks.T]
    found.insert(0, "shape", run.shape)
    found.insert(2, "datasets", len(run.ranks))
    return found.assign(
        divergences=run.divergences,
        short=run.short,
        failures=len(run.failures),
        seconds=round(run.seconds, 1),
    )


def smallest_p(found: pd.DataFrame) -> float:
    """Return the smallest p-value of a table."""
    return float(found[list(TESTS)].min(axis=None))


def quantities(fit: hg.Fit, names: Sequence[str]) -> Mapping[str, Floats]:
    """Return draws, (chains, draws), of parameters by flat name, and of "log_lik"."""
    found = {
        name: fit.draws[e.variable].values[(slice(None), slice(None), *e.index)]
        for e in entries(fit.draws)
        if (name := str(e.parameter)) in names
    }
    return found | {"log_lik": log_likelihood(fit).sum(axis=-1)}


def thin(draws: Floats, keep: int = KEEP) -> Floats:
    """Return `keep` evenly spaced draws of all chains, shape (keep, ...)."""
    flat = draws.reshape(-1, *draws.shape[2:])
    return flat[np.linspace(0, len(flat) - 1, keep).astype(int)]


def calibrate(
    shape: Shape, datasets: int = 200, plan: str = "auto", seed: int = 1, **settings: Any
) -> Calibration:
    """Return the ranks of a shape's parameters over simulated data sets.

    A data set whose smallest bulk effective sample size is below twice the draws that are
    kept is fitted again with more draws (Talts et al. 2018, algorithm 2): for a chain that
    forgets at a constant rate, kept draws then have autocorrelations below 0.02.

    Parameters
    ----------
    shape, datasets, plan, seed
        Each data set and its fit follow from the seed and its number alone.
    **settings
        For `PreparedModel.fit`.
    """
    start, rows, failures, divergences, short = time.monotonic(), [], [], 0, 0
    names: tuple[str, ...] = ()
    for number in range(datasets):
        rng = np.random.default_rng([seed, zlib.crc32(shape.name.encode()), number])
        made = simulate(shape, rng)
        names = tuple(made.truth)
        once = {"seed": int(rng.integers(2**31)), "progress": False} | settings
        try:
            model = hg.model(shape.formula, made.data, shape.family, priors=shape.priors, plan=plan)
            drawn, diverged, enough = _sample(model, names, once)
        except HierglmError as error:
            failures.append(f"data set {number}: {error}")
            continue
        rows.append((thin(drawn) < np.array(list(made.truth.values()))).sum(axis=0))
        divergences, short = divergences + diverged, short + (not enough)
    seconds = time.monotonic() - start
    ranks = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
    return Calibration(shape.name, names, ranks, divergences, short, tuple(failures), seconds)


def _sample(model: Any, names: Sequence[str], settings: Any) -> tuple[Floats, int, bool]:
    """Return draws (chains, draws, parameters), divergences, and whether they are enough."""
    draws = DRAWS
    while True:
        fit = model.fit(draws=draws, **settings)
        found = quantities(fit, names)
        drawn = np.stack([found[name] for name in names], axis=-1)
        ess = float(np.nan_to_num(ess_bulk(drawn)).min())
        if ess >= 2 * KEEP or draws >= LONGEST:
            return drawn, int(fit.draws.stats["diverging"].sum()), ess >= 2 * KEEP
        draws = min(LONGEST, DRAWS * int(np.ceil(3 * KEEP / max(ess, 1.0) * draws / DRAWS)))


def picture(run: Calibration) -> Figure:
    """Return rank histograms and ECDFs less uniform, each with a simultaneous 95% band."""
    count, wide = len(run.ranks), len(run.names)
    figure = Figure(figsize=(2.3 * wide, 4.4), layout="constrained")
    axes = figure.subplots(2, wide, sharey="row", squeeze=False)
    bars = stats.binom.ppf([0.025 / BINS, 1 - 0.025 / BINS], count, 1 / BINS)
    z = np.arange(1, KEEP + 1) / (KEEP + 1)
    low, high = (limit / count - z for limit in ecdf_band(count))
    for k, (name, ranks) in enumerate(zip(run.names, run.ranks.T, strict=True)):
        upper, lower = axes[:, k]
        upper.axhspan(*bars, color="0.88")
        upper.axhline(count / BINS, color="0.6", lw=0.8)
        upper.hist(ranks, np.linspace(-0.5, KEEP + 0.5, BINS + 1), color="C0", alpha=0.8)
        upper.set_title(name, fontsize=9)
        lower.fill_between(z, low, high, step="mid", color="0.88")
        below = np.bincount(ranks, minlength=KEEP + 1)[:-1].cumsum() / count
        lower.step(z, below - z, where="mid", color="C0")
        p = ", ".join(f"{test(ranks):.3f}" for test in TESTS.values())
        lower.set_title(f"p: {p}", fontsize=8)
    axes[0, 0].set_ylabel("data sets")
    axes[1, 0].set_ylabel("ECDF of ranks less uniform")
    figure.suptitle(f"{run.shape}: ranks in {count} data sets ({', '.join(TESTS)})")
    return figure


def runs(names: Sequence[str], processes: int = 2, **options: Any) -> Iterator[Calibration]:
    """Yield each shape's ranks, in the order given."""
    if processes > 1:
        # Shapes take the processors, and chains of a fit follow each other.
        options = {"threads": 1} | options
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(calibrate, SHAPES[name], **options) for name in names]
        yield from (future.result() for future in waiting)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the tables and pictures; return 1 if ranks are not uniform."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", default=",".join(SHAPES), help="by default all")
    parser.add_argument("--datasets", type=int, default=200)
    parser.add_argument("--plan", default="auto", help="auto or textbook")
    parser.add_argument("--warmup", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    chosen = vars(parser.parse_args(arguments))
    out, plan = chosen.pop("out"), chosen["plan"]
    out.mkdir(parents=True, exist_ok=True)
    tables = []
    for run in runs(chosen.pop("shapes").split(","), **chosen):
        tables.append(table(run))
        print(tables[-1].to_string(index=False, float_format=lambda v: f"{v:.3g}"), flush=True)
        print(*run.failures, sep="\n", flush=True)
        if len(run.ranks):
            picture(run).savefig(out / f"calibration_{plan}_{run.shape}.png", dpi=110)
        ranks = pd.DataFrame(run.ranks, columns=list(run.names))
        ranks.to_csv(out / f"calibration_{plan}_{run.shape}_ranks.csv", index=False)
    every = pd.concat(tables)
    every.to_csv(out / f"calibration_{plan}.csv", index=False)
    limit = 0.001 / len(every)
    print(f"smallest p: {smallest_p(every):.3g} of {len(every)} parameters (limit {limit:.2g})")
    return int(smallest_p(every) < limit or every["failures"].any())


if __name__ == "__main__":
    sys.exit(main())
