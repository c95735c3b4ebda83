"""Several linear predictors: planned programs against the textbook's, by the same engine.

``python -m benchmarks.several [--data FOLDER] [CASE ...]`` prints what `benchmarks.related` does;
the textbook's program is written as brms writes it. Without a folder that has sleepstudy.csv below
data its cases are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hierglm as hg
from benchmarks.related import heading, line

CASES: dict[str, tuple[list[Any], str]] = {
    "radon, one id": (
        ["log_radon ~ floor_measure + (1 |s| county_idx)",
         "sigma ~ floor_measure + (1 |s| county_idx)"], "radon"),
    "radon, own sigmas": (
        ["log_radon ~ floor_measure + (1 | county_idx)", "sigma ~ floor_measure"], "radon"),
    "sleepstudy, one id": (
        ["Reaction ~ Days + (Days |s| Subject)", "sigma ~ 1 + (1 |s| Subject)"], "sleepstudy"),
    "sleepstudy": (
        ["Reaction ~ Days + (Days | Subject)", "sigma ~ Days + (1 | Subject)"], "sleepstudy"),
    "60 x 20, one id": (["y ~ x + (1 |s| g)", "sigma ~ x + (1 |s| g)"], "levels"),
    "60 x 20": (["y ~ x + (1 | g)", "sigma ~ x + (1 | g)"], "levels"),
    "60 x 40, crossed": (
        ["y ~ x + (x |s| subject) + (1 | item)", "sigma ~ x + (1 |s| subject)"], "trials"),
    "60 x 40, two ids": (
        ["y ~ x + (x |s| subject) + (1 |i| item)", "sigma ~ x + (1 |s| subject) + (1 |i| item)"],
        "trials"),
    "two responses, one id": (
        [hg.part("y ~ x + (x |s| g)"), hg.part("hit ~ x + (1 |s| g)", "bernoulli")], "levels"),
    "two responses": (
        [hg.part("y ~ x + (x | g)"), hg.part("hit ~ x + (1 | g)", "bernoulli")], "levels"),
}  # fmt: skip


def levels() -> pd.DataFrame:
    """Return 60 levels of 20 rows that differ in mean and sigma, and in the odds of a hit."""
    r = np.random.default_rng(3)
    g = np.repeat(np.arange(60), 20)
    u, x = r.multivariate_normal([0, 0], [[1, 0.3], [0.3, 0.5]], 60), r.normal(size=len(g))
    y = 1 + 0.5 * x + u[g, 0] + np.exp(-0.5 + 0.2 * x + u[g, 1]) * r.normal(size=len(g))
    hit = (r.random(len(g)) < 1 / (1 + np.exp(-u[g, 0] - x))).astype(int)
    return pd.DataFrame({"g": g, "x": x, "y": y, "hit": hit})


def trials() -> pd.DataFrame:
    """Return one trial for each of 60 subjects and 40 items, with an effect coded -1/2 and 1/2."""
    r = np.random.default_rng(5)
    s, i = (at.ravel() for at in np.meshgrid(np.arange(60), np.arange(40)))
    x = r.choice([-0.5, 0.5], len(s))
    covariance = [[0.3, 0.05, 0.1], [0.05, 0.1, 0.02], [0.1, 0.02, 0.15]]
    u, v = r.multivariate_normal([0, 0, 0], covariance, 60), r.normal(0, 0.3, 40)
    mean = 6 + 0.1 * x + u[s, 0] + u[s, 1] * x + v[i]
    y = mean + np.exp(-0.7 + u[s, 2]) * r.normal(size=len(s))
    return pd.DataFrame({"subject": s, "item": i, "x": x, "y": y})


def main() -> None:
    """Print one line a case and plan."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--data", type=Path, help="folder")
    given = parser.parse_args()
    tables = {"levels": levels(), "trials": trials(), "radon": hg.datasets.radon()}
    if given.data is not None:
        tables["sleepstudy"] = pd.read_csv(given.data / "data" / "sleepstudy.csv")
    heading()
    for case in given.cases or [name for name, (_, t) in CASES.items() if t in tables]:
        formulas, table = CASES[case]
        for plan in ("auto", "textbook"):
            line(case, plan, formulas, tables[table], plan=plan)


if __name__ == "__main__":
    main()
