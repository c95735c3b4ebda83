"""Where the time of a fit goes, and how much of it the arithmetic alone would take.

``python -m benchmarks.breakdown [--data FOLDER] [--cases a,b]`` fits each case once, in this
process, and prints CPU seconds: encoding, choosing and writing (`hierglm.model`); the sampler's
process; of that, gradients: leapfrog steps (those of the warmup taken to be as long as the
others) times the time of one gradient, measured alone; and printing. What the gradient itself
costs is in `benchmarks.blocks`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import stanli

import hierglm as hg
from benchmarks.cases import CASES, Case
from benchmarks.tables import TABLES
from hierglm.engines.data import to_json


def table_of(case: Case, folder: Path | None) -> pd.DataFrame | None:
    """Return the data of a case, or None if they are in a folder that was not given."""
    if case.file in TABLES:
        return TABLES[case.file]()
    if folder is None:
        return None
    data = pd.read_csv(folder / "data" / case.file)
    return data.assign(**{name: data[name].astype(str) for name in case.factors})


def gradient(model: hg.PreparedModel, runs: int = 5) -> float:
    """Return the CPU seconds of one gradient, the least of several runs."""
    program = model._program
    compiled = stanli.Model(stan_code=program.bare, data=to_json(program.data).decode())
    point = 0.1 * np.random.default_rng(0).normal(size=compiled.n_unconstrained)
    compiled.log_prob_grad(point)
    best = np.inf
    for _ in range(runs):
        start = time.process_time()
        for _ in range(20):
            compiled.log_prob_grad(point)
        best = min(best, (time.process_time() - start) / 20)
    return best


def children() -> float:
    """Return the CPU seconds of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="holds data/*.csv")
    parser.add_argument("--cases", default="", help="names, separated by commas")
    options = parser.parse_args()
    wanted = options.cases.split(",") if options.cases else [c.name for c in CASES]
    print(f"{'case':<20}{'model':>8}{'sampler':>9}{'gradients':>11}{'print':>7}"
          f"{'steps':>11}{'us a gradient':>15}{'share':>7}")  # fmt: skip
    for case in CASES:
        data = table_of(case, options.data) if case.name in wanted else None
        if data is None:
            continue
        start = time.process_time()
        model = hg.model(case.formula, data, case.family)
        made = time.process_time()
        before = children()
        fit = model.fit(seed=1, progress=False)
        sampler = children() - before
        sampled = time.process_time()
        str(fit)
        printed = time.process_time() - sampled
        s = fit.settings
        steps = float(fit.draws.stats["n_steps"].mean()) * s.chains * (s.warmup + s.draws)
        each = gradient(model)
        print(
            f"{case.name:<20}{made - start:>8.2f}{sampler:>9.2f}{steps * each:>11.2f}"
            f"{printed:>7.2f}{steps:>11,.0f}{each * 1e6:>15.1f}{steps * each / sampler:>7.0%}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
