"""Levels that are related: planned programs against standardised effects (by the same engine).

``python -m benchmarks.related [CASE ...]`` prints CPU seconds of the engine, the smallest bulk
ESS and divergences of each plan, all in one run.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

import hierglm as hg

CASES = {
    "student": ("y ~ x + (1 | gr(task, dist='student'))", "gaussian"),
    "student slopes": ("y ~ x + (x | gr(task, dist='student'))", "gaussian"),
    "by": ("y ~ x + (1 | gr(task, by=kind))", "gaussian"),
    "by slopes": ("y ~ x + (x | gr(task, by=kind))", "gaussian"),
    "student counts": ("count ~ x + (1 | gr(task, dist='student'))", "poisson"),
    "by counts": ("count ~ x + (x | gr(task, by=kind))", "poisson"),
    "cov slopes": ("y ~ x + (x | gr(task, cov=A))", "gaussian"),
    "car": ("y ~ x + graph(1 | task, edges=E, type='car')", "gaussian"),
    "bym2": ("y ~ x + graph(1 | task, edges=E, type='bym2')", "gaussian"),
}


def simulated(rows: int = 200, tasks: int = 20, seed: int = 1) -> pd.DataFrame:
    """Return rows of tasks with normal effects."""
    r = np.random.default_rng(seed)
    task, x = r.integers(0, tasks, rows), r.normal(size=rows)
    u, v = r.normal(size=tasks), r.normal(0, 0.4, tasks)
    eta = 1 + 0.5 * x + u[task] + v[task] * x
    return pd.DataFrame(
        {
            "x": x,
            "task": [f"t{k:02}" for k in task],
            "kind": np.where(task % 2 == 0, "even", "odd"),
            "y": eta + r.normal(size=rows),
            "count": r.poisson(np.exp(eta / 2)),
        }
    )


def related(tasks: int = 20) -> dict[str, Any]:
    """Return a covariance of tasks that falls with their distance, and a ring of them."""
    names = [f"t{k:02}" for k in range(tasks)]
    apart = np.abs(np.subtract.outer(np.arange(tasks), np.arange(tasks)))
    A = pd.DataFrame(np.exp(-apart / 3), index=names, columns=names)
    return {"A": A, "E": pd.DataFrame({"one": names, "other": names[1:] + names[:1]})}


def main(chosen: list[str]) -> None:
    """Print one line a case and plan."""
    data, data2 = simulated(), related()
    print("case            plan            wall s   CPU s  min ESS  ESS/CPU s   div")
    for case in chosen or CASES:
        formula, family = CASES[case]
        plans = {"auto": "auto", "standardised": {"task": "standardised"}}
        for name, plan in plans.items():
            before, wall = _cpu(), time.perf_counter()
            fit = hg.fit(
                formula, data, data2=data2, family=family, plan=plan, seed=1, progress=False
            )
            wall, used = time.perf_counter() - wall, _cpu() - before
            ess = float(fit.tidy()["ess_bulk"].min())
            lost = int(fit.draws.stats["diverging"].sum())
            print(
                f"{case:<16}{name:<14}{wall:>8.1f}{used:>8.1f}{ess:>9,.0f}{ess / used:>11,.0f}"
                f"{lost:>6}",
                flush=True,
            )


def _cpu() -> float:
    """Return CPU seconds of this process and of those it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))


if __name__ == "__main__":
    main(sys.argv[1:])
