"""Many fits in one process, one after the other and eight at once: memory, files, threads, numbers.

``python -m benchmarks.load [--fits 500] [--together 240] [--at-once 8]`` fits ``y ~ x + (1 | g)``
to 2,000 rows of 200 levels again and again with one seed, 2 chains of 20 draws, and makes its
tables. It prints what a process holds after 20 and 100 fits, and after all: megabytes of memory
that are its own (of several processes the largest that was seen since the mark before), open
files, threads; temporary files that were left by then; and how many fits gave other numbers than
one by itself. Below stands the growth in kB a fit from the hundredth fit on. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hierglm as hg

ROWS, LEVELS = 2_000, 200
MARKS = (20, 100)
"""Fits after which the process is looked at, besides the last."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a fit gave, and what its process held after it.

    Attributes
    ----------
    numbers : str
        Hash of its draws and tables.
    megabytes : float
        Memory of the process' own, in MB.
    files, threads : int
        Open files and threads.
    """

    numbers: str
    megabytes: float
    files: int
    threads: int


def fitted(_: int = 0) -> Done:
    """Fit, make the tables, and look at the process."""
    rng = np.random.default_rng(1)
    g = np.arange(ROWS) % LEVELS
    x = rng.normal(size=ROWS)
    data = {"y": x + rng.normal(size=LEVELS)[g] + rng.normal(size=ROWS), "x": x, "g": g}
    fit = hg.fit(
        "y ~ x + (1 | g)", data, seed=1, chains=2, warmup=50, draws=20, threads=1, progress=False
    )
    tables = fit.tidy().to_csv() + fit.ranef().to_csv()
    draws = b"".join(v.values.tobytes() for v in fit.draws)
    numbers = hashlib.sha256(draws + tables.encode()).hexdigest()
    del fit
    gc.collect()
    text = Path("/proc/self/status").read_text(encoding="ascii")
    said = dict(line.split(":", 1) for line in text.splitlines())
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Done(numbers, int(said["RssAnon"].split()[0]) / 1024, files, int(said["Threads"]))


def report(name: str, fits: int, results: Iterator[Done], alone: str) -> None:
    """Take the results as they come, and print one line for each mark."""
    start, other = time.monotonic(), 0
    held: dict[int, float] = {}
    since: list[Done] = []
    for done, result in enumerate(results, start=1):
        other += result.numbers != alone
        since.append(result)
        if done in (*MARKS, fits):
            held[done] = max(r.megabytes for r in since)
            files, threads = max(r.files for r in since), max(r.threads for r in since)
            left = sum(1 for _ in Path(tempfile.gettempdir()).iterdir())
            print(
                f"{name:<20}{done:>6}{held[done]:>9.1f}{files:>7}{threads:>9}{left:>6}{other:>7}"
                f"{time.monotonic() - start:>9.0f}",
                flush=True,
            )
            since.clear()
    if fits > MARKS[-1]:
        grown = held[fits] - held[MARKS[-1]]
        print(f"{'':<20}{1024 * grown / (fits - MARKS[-1]):+.1f} kB a fit", flush=True)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--fits", type=int, default=500, help="one after the other")
    parser.add_argument("--together", type=int, default=240, help="fits in threads, in processes")
    parser.add_argument("--at-once", type=int, default=8)
    options = parser.parse_args()
    together, at_once = options.together, options.at_once
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        alone = fitted().numbers
        head = f"{'':<20}{'fits':>6}{'MB':>9}{'files':>7}{'threads':>9}{'left':>6}{'other':>7}"
        print(f"{head}{'seconds':>9}")
        report("one after the other", options.fits, map(fitted, range(options.fits)), alone)
        with ThreadPoolExecutor(at_once) as pool:
            report(f"{at_once} threads", together, pool.map(fitted, range(together)), alone)
        # Processes that start anew, as they do by default outside of Linux.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(at_once, mp_context=context) as processes:
            report(f"{at_once} processes", together, processes.map(fitted, range(together)), alone)
    return 0


if __name__ == "__main__":
    sys.exit(main())
