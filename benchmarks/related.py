"""Levels that are related: planned programs against standardised effects (by the same engine).

``python -m benchmarks.related [ROWS TASKS] [CASE ...]`` prints CPU seconds of the engine, warmup,
the smallest bulk ESS, divergences and the largest R-hat of each plan, all in one run.
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
    "mm": ("y ~ x + (1 | mm(task, other))", "gaussian"),
    "mm slopes": ("y ~ x + (x | mm(task, other))", "gaussian"),
    "cov slopes, counts": ("count ~ x + (x | gr(task, cov=A))", "poisson"),
    "cov slopes, hits": ("hit ~ x + (x | gr(task, cov=A))", "bernoulli"),
    "car counts": ("count ~ x + graph(1 | task, edges=E, type='car')", "poisson"),
    "car hits": ("hit ~ x + graph(1 | task, edges=E, type='car')", "bernoulli"),
    "bym2 counts": ("count ~ x + graph(1 | task, edges=E, type='bym2')", "poisson"),
    "bym2 hits": ("hit ~ x + graph(1 | task, edges=E, type='bym2')", "bernoulli"),
    "icar slopes, counts": ("count ~ x + graph(x | task, edges=E)", "poisson"),
    "mm counts": ("count ~ x + (1 | mm(task, other))", "poisson"),
    "mm hits": ("hit ~ x + (1 | mm(task, other))", "bernoulli"),
    "mm slopes, counts": ("count ~ x + (x | mm(task, other))", "poisson"),
}


def simulated(rows: int = 200, tasks: int = 20, seed: int = 1) -> pd.DataFrame:
    """Return rows of tasks with normal effects; the last task has a quarter of the rows."""
    r = np.random.default_rng(seed)
    task, x = r.integers(0, tasks, rows), r.normal(size=rows)
    u, v = r.normal(size=tasks), r.normal(0, 0.4, tasks)
    task[: rows // 4] = tasks - 1
    eta = 1 + 0.5 * x + u[task] + v[task] * x
    return pd.DataFrame(
        {
            "x": x,
            "task": [f"t{k:02}" for k in task],
            "kind": np.where(task % 2 == 0, "even", "odd"),
            "y": eta + r.normal(size=rows),
            "count": r.poisson(np.exp(eta / 2)),
            "hit": (r.random(rows) < 1 / (1 + np.exp(-eta))).astype(int),
            "other": [f"t{k:02}" for k in r.integers(0, tasks, rows)],
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
    rows, tasks = 200, 20
    if chosen and chosen[0].isdigit():
        rows, tasks, *chosen = int(chosen[0]), int(chosen[1]), *chosen[2:]
    data, data2 = simulated(rows, tasks), related(tasks)
    heading()
    for case in chosen or CASES:
        formula, family = CASES[case]
        group = "mm(task, other)" if "mm(" in formula else "task"
        plans = {"auto": "auto", "standardised": {group: "standardised"}}
        for name, plan in plans.items():
            line(case, name, formula, data, data2=data2, family=family, plan=plan)


def heading() -> None:
    """Print what the columns of `line` are."""
    print(
        f"{'case':<31}{'plan':<14}{'wall s':>8}{'CPU s':>8}{'warmup':>8}{'min ESS':>9}"
        f"{'ESS/CPU s':>11}{'div':>6}{'R-hat':>7}"
    )


def line(case: str, name: str, formula: Any, data: pd.DataFrame, **options: Any) -> None:
    """Fit a case with a plan, and print what that took."""
    before, wall = _cpu(), time.perf_counter()
    fit = hg.fit(formula, data, seed=1, progress=False, **options)
    wall, used = time.perf_counter() - wall, _cpu() - before
    found = fit.tidy()
    ess, rhat = float(found["ess_bulk"].min()), float(found["rhat"].max())
    lost = int(fit.draws.stats["diverging"].sum())
    print(
        f"{case:<31}{name:<14}{wall:>8.1f}{used:>8.1f}{fit.settings.warmup:>8}"
        f"{ess:>9,.0f}{ess / used:>11,.0f}{lost:>6}{rhat:>7.2f}",
        flush=True,
    )


def _cpu() -> float:
    """Return CPU seconds of this process and of those it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))


if __name__ == "__main__":
    main(sys.argv[1:])
