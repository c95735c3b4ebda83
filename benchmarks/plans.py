"""What the plan is worth: each model fitted with plan="auto" and plan="textbook".

``python -m benchmarks.plans [--data FOLDER]`` runs every case in fresh processes, from data
frame to summary, imports included, the two plans in turn, and prints wall and CPU seconds
(children included), the least bulk ESS over common effects, sds, correlations and sigma, and
the ratio of ESS per CPU second. Without FOLDER (which holds data/*.csv) only data that come
with hierglm, and simulated ones, are used.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

FIT = """
import json, sys
import numpy as np, pandas as pd
import hierglm as hg
name, formula, file, plan, seed = sys.argv[1:6]
if file == "radon":
    data = hg.datasets.radon()
elif file.startswith("simulated"):
    rows, groups = map(int, file.split(":")[1:])
    r = np.random.default_rng(3)
    x, g = r.normal(size=(rows, 2)), r.integers(0, groups, rows)
    u = r.normal(size=(groups, 2)) * [0.5, 0.3]
    y = x @ [1, -1] + u[g, 0] + u[g, 1] * x[:, 0] + r.normal(size=rows)
    data = pd.DataFrame({"y": y, "x": x[:, 0], "z": x[:, 1], "g": g})
else:
    data = pd.read_csv(file)
fit = hg.fit(formula, data, plan=plan, seed=int(seed), progress=False)
str(fit)
table = fit.tidy()
divergent = int(fit.draws.stats["diverging"].sum())
print(json.dumps({"ess": table["ess_bulk"].min(), "divergent": divergent}))
"""

CASES = (
    ("radon", "log_radon ~ floor_measure + log_uppm + (floor_measure | county_idx)", "radon"),
    ("simulated 5,000 x 200", "y ~ x + z + (x | g)", "simulated:5000:200"),
    ("sleepstudy", "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv"),
)


def measure(name: str, formula: str, file: str, plan: str, seed: int) -> dict[str, float]:
    """Return wall and CPU seconds of one fit in a fresh process, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", FIT, name, formula, file, plan, str(seed)],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said: dict[str, float] = json.loads(done.stdout)
    return {"wall": wall, "cpu": cpu, **said}


def main() -> int:
    """Print one row a case and plan, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="holds data/*.csv")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(
        f"{'case':<24}{'plan':<10}{'wall s':>8}{'CPU s':>8}{'min ESS':>9}"
        f"{'ESS/CPU s':>11}{'div':>6}"
    )
    for name, formula, file in CASES:
        if file.endswith(".csv"):
            if options.data is None:
                continue
            file = str(options.data / "data" / file)
        rates = {}
        runs: dict[str, list[dict[str, float]]] = {"auto": [], "textbook": []}
        for seed in range(1, options.runs + 1):
            for plan, found in runs.items():
                found.append(measure(name, formula, file, plan, seed))
        for plan, found in runs.items():
            m = {k: median(run[k] for run in found) for k in ("wall", "cpu", "ess", "divergent")}
            rates[plan] = median(run["ess"] / run["cpu"] for run in found)
            print(
                f"{name:<24}{plan:<10}{m['wall']:>8.1f}{m['cpu']:>8.1f}{m['ess']:>9.0f}"
                f"{rates[plan]:>11.0f}{m['divergent']:>6.0f}",
                flush=True,
            )
        print(
            f"{'':<24}auto / textbook, ESS per CPU second: {rates['auto'] / rates['textbook']:.1f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
