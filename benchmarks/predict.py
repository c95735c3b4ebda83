"""Seconds and memory to summarise predictions of 100,000 rows from 4,000 draws.

``python -m benchmarks.predict [--rows N]`` fits a logistic model of ``y ~ z + (z | g)`` with 500
levels to 10,000 rows once, and predicts new rows, among them some of 50 levels that the fit does
not know. It prints one line for each target and treatment of the levels: wall seconds, processor
seconds, and by how many MB the process grew at most beyond what it held with the fit and the
rows. Each runs in a process of its own from the saved fit, because what a process has taken it
rarely gives back. Memory is measured on Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import hierglm as hg
from benchmarks.encode import forget_peak, memory
from hierglm.predicting.asked import Target, Treatment

FORMULA = "y ~ z + (z | g)"
LEVELS, NEW = 500, 50
RUNS: tuple[tuple[Target, Treatment], ...] = (
    ("linear", "include"),
    ("mean", "include"),
    ("response", "include"),
    ("mean", "zero"),
    ("mean", "average"),
)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--run", type=int, help="one of them, in this process")
    parser.add_argument("--fit", type=Path, help="the saved fit")
    options = parser.parse_args()
    if options.run is not None:
        return measure(options.fit, options.rows, *RUNS[options.run])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit"
        data = table(10_000, LEVELS)
        # The draws need not be good ones: they are as many numbers.
        fit = hg.fit(FORMULA, data, "bernoulli", seed=1, warmup=100, draws=1000, progress=False)
        fit.save(path)
        print(f"{FORMULA}, bernoulli: {options.rows:,} rows, 4,000 draws, {LEVELS} levels known")
        own = ["--fit", str(path), "--rows", str(options.rows)]
        codes = [
            subprocess.run(
                [sys.executable, "-m", "benchmarks.predict", "--run", str(k), *own], check=False
            ).returncode
            for k in range(len(RUNS))
        ]
    return max(codes)


def measure(path: Path, rows: int, target: Target, groups: Treatment) -> int:
    """Predict from the saved fit and print what it took."""
    fit, new = hg.load(path), table(rows, LEVELS + NEW).drop(columns="y")
    # What is imported and read at first use is not part of the measurement.
    fit.predict(new.head(2), target, groups)
    before = memory("VmRSS")
    forget_peak()
    wall, cpu = time.monotonic(), time.process_time()
    found = fit.predict(new, target, groups)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    extra = memory("VmHWM") - before
    assert len(found) == rows
    print(
        f"{target:9} {groups:8} {wall:6.1f} s wall {cpu:6.1f} s processor {extra:5.0f} MB",
        flush=True,
    )
    return 0


def table(rows: int, levels: int) -> pd.DataFrame:
    """Return a response, a predictor and a grouping factor."""
    r = np.random.default_rng(1)
    g, z = r.integers(0, levels, rows), r.normal(size=rows)
    eta = 0.3 + 0.5 * z + (np.sin(g) + np.cos(g) * z) / 2
    return pd.DataFrame({"y": r.random(rows) < 1 / (1 + np.exp(-eta)), "z": z, "g": g})


if __name__ == "__main__":
    sys.exit(main())
