"""Simulation-based calibration of the whole line, from a formula to posterior draws.

    python -m benchmarks.calibration --datasets 200 --plan auto --out benchmarks/results

Shapes can be run a few at a time (``--shapes iso,cs``): the table keeps the others.

What it rests on stands in `hierglm.simulating.calibrate`. The same command gives the same
ranks, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hierglm as hg
from benchmarks.calibration_families import SHAPES as FAMILIES
from benchmarks.calibration_shapes import Shape, Simulated
from benchmarks.calibration_structures import STRUCTURES
from benchmarks.calibration_truth import Structure
from hierglm.errors import HierglmError
from hierglm.plan.choose import PLANS
from hierglm.simulating.calibrate import Calibration, gather
from hierglm.simulating.ranks import Ranked, ranked

DRAWS = 250
"""A chain, at first."""
SHAPES: Mapping[str, Shape | Structure] = {**FAMILIES, **STRUCTURES}
"""All models, by name as on the command line."""


def table(shape: str, run: Calibration) -> pd.DataFrame:
    """Return one row a parameter: its p-values, and how the sampling of the shape went."""
    found = run.table()
    found.insert(0, "shape", shape)
    return found.assign(
        divergences=run.divergences,
        short=run.short,
        failures=len(run.failures),
        seconds=round(run.seconds, 1),
    )


def calibrate(
    shape: Shape | Structure,
    datasets: int = 200,
    plan: str = "auto",
    seed: int = 1,
    **settings: Any,
) -> Calibration:
    """Return the ranks of a shape's parameters over simulated data sets.

    Unlike `hierglm.PreparedModel.calibrate`, which the ranks come from, data sets have
    predictors and levels of their own, and are simulated by a hand that knows nothing of the
    package's.

    Parameters
    ----------
    shape, datasets, plan, seed
        Each data set and its fit follow from the seed and its number alone.
    **settings
        For `PreparedModel.fit`.
    """
    start = time.monotonic()
    names: tuple[str, ...] = ()
    found: list[Ranked] = []
    for number in range(datasets):
        rng = np.random.default_rng([seed, zlib.crc32(shape.name.encode()), number])
        made = shape.draw(rng)
        names = tuple(made.truth)
        once = {"seed": int(rng.integers(2**31)), "progress": False} | settings
        try:
            model = hg.model(
                shape.formula, made.data, shape.family,
                priors=shape.priors, plan=_asked(shape, made, plan), data2=made.data2,
            )  # fmt: skip
        except HierglmError as error:
            found.append(Ranked({}, failure=str(error)))
            continue
        found.append(ranked(model, made.truth, DRAWS, once))
    return gather(found, time.monotonic() - start, seed, names)


def _asked(shape: Shape | Structure, made: Simulated, plan: str) -> str | dict[str, str]:
    """Return what is asked of the planner: of all group terms a form, where it is one of theirs."""
    if plan in PLANS:
        return plan
    model = hg.model(shape.formula, made.data, shape.family, data2=made.data2).model
    return {g.group: plan for g in model.groups}


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
    parser.add_argument("--plan", default="auto", help="auto, textbook, conditional, standardised")
    parser.add_argument("--warmup", default="auto", help="iterations, or auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    chosen = vars(parser.parse_args(arguments))
    out, plan, names = chosen.pop("out"), chosen["plan"], chosen.pop("shapes").split(",")
    if chosen["warmup"] != "auto":
        chosen["warmup"] = int(chosen["warmup"])
    out.mkdir(parents=True, exist_ok=True)
    lowest, tests, failed = 1.0, 0, False
    for name, run in zip(names, runs(names, **chosen), strict=True):
        found = table(name, run)
        print(found.to_string(index=False, float_format=lambda v: f"{v:.3g}"), flush=True)
        print(*run.failures, sep="\n", flush=True)
        _keep(found, run, out, f"calibration_{plan}", name)
        lowest, tests = min(lowest, run.smallest_p()), tests + len(found)
        failed = failed or bool(run.failures)
    limit = 0.001 / tests
    print(f"smallest p: {lowest:.3g} of {tests} parameters (limit {limit:.2g})")
    return int(lowest < limit or failed)


def _keep(found: pd.DataFrame, run: Calibration, out: Path, stem: str, name: str) -> None:
    """Write what a shape gave: its rows of the table of all, its ranks, and their picture."""
    path = out / f"{stem}.csv"
    if path.exists():
        before = pd.read_csv(path)
        found = pd.concat([before[before["shape"] != name], found])
    found.to_csv(path, index=False)
    own = f"{stem}_{name.replace('(', '_').rstrip(')')}"
    if len(run.ranks):
        run.plot().savefig(out / f"{own}.png", dpi=110)
    ranks = pd.DataFrame(run.ranks, columns=list(run.names))
    ranks.to_csv(out / f"{own}_ranks.csv", index=False)


if __name__ == "__main__":
    sys.exit(main())
