"""Time and memory of a fit with many levels, and of its effects in a file.

    python -m benchmarks.levels --levels 1e2 1e4 1e6 --chains 1 --warmup 100 --draws 200

A random intercept, three rows a level, a Gaussian response, effects integrated out. Each number of
levels is a process of its own, whose peak memory is counted with that of Stan's process: their sum
bounds what both had at once. ``--workers 1 2`` times k-fold on as many processes instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 3
"""Rows a level."""


def made(levels: int) -> dict[str, np.ndarray]:
    """Return data with sd 0.7 between levels, sigma 1 and a slope of 0.5."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(levels), ROWS)
    x = rng.normal(size=len(g))
    y = 1 + 0.5 * x + rng.normal(0, 0.7, levels)[g] + rng.normal(size=len(g))
    return {"y": y, "x": x, "g": g}


def fitted(levels: int, options: dict[str, Any]) -> Any:
    """Return the fit of ``y ~ x + (1 | g)``."""
    import hierglm as hg

    return hg.fit("y ~ x + (1 | g)", made(levels), seed=1, progress=False, **options)


def gigabytes() -> float:
    """Return the peak memory of this process and of the largest that it waited for, in GB."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_maxrss for who in both) / 2**20


def measure(levels: int, options: dict[str, Any]) -> dict[str, float]:
    """Return seconds and peak memory of sampling, then of writing all effects."""
    start = time.monotonic()
    fit = fitted(levels, options)
    row = {"levels": levels, "fit_s": time.monotonic() - start, "fit_GB": gigabytes()}
    sd = fit.varcorr()["estimate"].to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        file = fit.ranef(out=Path(folder) / "effects.parquet")
        row |= {"effects_s": time.monotonic() - start, "effects_GB": gigabytes()}
        row |= {"file_MB": file.stat().st_size / 2**20, "sd": sd[0], "sigma": sd[1]}
    return row


def folds(levels: int, workers: int, options: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of 4-fold on some processes, their start included."""
    fit = fitted(levels, options)
    start = time.monotonic()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        found = fit.kfold(4, executor=pool)
    return {"levels": levels, "workers": workers, "kfold_s": time.monotonic() - start,
            "elpd": found.elpd}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", nargs="+", default=["1e2", "1e3", "1e4", "1e5", "1e6"])
    parser.add_argument("--workers", nargs="*", type=int, default=[])
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--warmup", type=int)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        told = json.loads(asked.one)
        do = folds if "workers" in told else measure
        print(json.dumps(do(**told)))
        return
    options = {"chains": asked.chains, "draws": asked.draws}
    options |= {} if asked.warmup is None else {"warmup": asked.warmup}
    head = True
    for levels in (int(float(text)) for text in asked.levels):
        for workers in asked.workers or [0]:
            told = {"levels": levels, "options": options}
            told |= {"workers": workers} if workers else {}
            command = [sys.executable, "-m", "benchmarks.levels", "--one", json.dumps(told)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            if head:
                print("".join(f"{name:>12}" for name in row))
            head = False
            print("".join(f"{value:12,.4g}" if isinstance(value, float) else f"{value:12,}"
                          for value in row.values()), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
