"""How time and memory of each stage grow with rows, levels, columns, terms and draws.

``python -m benchmarks.growth [--only rows,draws] [--picture growth.png]`` makes tables of growing
size, a fresh process for each, and measures there: to write the model (which makes the penalised
fit, that plans are chosen by), to show that fit, a short run of the sampler, then means of the
rows, group effects, the summary, saving and loading. It prints processor seconds, the MB by which
the process grew at most, and for each stage the exponent of size in time between the two largest
sizes: 1 is linear. Memory is measured on Linux only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import hierglm as hg
from benchmarks.encode import forget_peak, memory

STAGES = ("model", "approx", "sample", "predict", "ranef", "summary", "save", "load")
_SHORT = 0.05
"""Seconds up to which a stage says nothing about growth."""


@dataclass(frozen=True)
class Growth:
    """What grows: sizes, the formula and the table of a size, the draws kept."""

    sizes: tuple[int, ...]
    formula: Callable[[int], str]
    table: Callable[[int], pd.DataFrame]
    family: str = "gaussian"
    draws: Callable[[int], int] = lambda size: 50


def _rows(rows: int, levels: int) -> pd.DataFrame:
    r = np.random.default_rng(1)
    g = np.arange(rows) % levels
    x = r.normal(size=rows)
    y = x + r.normal(size=levels)[g] + r.normal(size=rows)
    return pd.DataFrame({"y": y, "won": (y > 0).astype(int), "x": x, "g": g})


def _columns(columns: int) -> pd.DataFrame:
    r = np.random.default_rng(2)
    data = _rows(4000, 50)
    return data.assign(**{f"x{k}": r.normal(size=4000) for k in range(columns)})


def _effects(effects: int) -> pd.DataFrame:
    r = np.random.default_rng(4)
    columns = {f"x{k}": r.normal(size=4000) for k in range(effects)}
    slopes = r.normal(0, 0.3, (50, effects))
    data = _rows(4000, 50)
    added = np.einsum("rk,rk->r", slopes[data["g"]], np.column_stack([*columns.values()]))
    return data.assign(y=data["y"] + added, **columns)


def _terms(terms: int) -> pd.DataFrame:
    r = np.random.default_rng(3)
    data = _rows(4000, 50)
    return data.assign(**{f"g{k}": r.integers(0, 20, 4000) for k in range(terms)})


GROWTHS = {
    "rows": Growth(
        (10_000, 80_000, 640_000),
        lambda size: "y ~ x + (x | g)", lambda size: _rows(size, 200),
    ),
    "binary rows": Growth(
        (5_000, 40_000, 160_000),
        lambda size: "won ~ x + (1 | g)", lambda size: _rows(size, 200), "bernoulli",
    ),
    "levels": Growth(
        (1_000, 8_000, 64_000),
        lambda size: "y ~ x + (1 | g)", lambda size: _rows(4 * size, size),
    ),
    "columns": Growth(
        (10, 40, 160, 640),
        lambda size: f"y ~ {' + '.join(f'x{k}' for k in range(size))} + (1 | g)", _columns,
    ),
    "terms": Growth(
        (2, 5, 12, 24),
        lambda size: f"y ~ x + {' + '.join(f'(1 | g{k})' for k in range(size))}", _terms,
    ),
    "effects": Growth(
        (5, 10, 20, 40),
        lambda size: f"y ~ x + ({' + '.join(f'x{k}' for k in range(size))} || g)", _effects,
    ),
    "draws": Growth(
        (1_000, 8_000, 64_000),
        lambda size: "y ~ x + (1 | g)", lambda size: _rows(400, 40), draws=lambda size: size,
    ),
}  # fmt: skip


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--only", default=",".join(GROWTHS), help="some, between commas")
    parser.add_argument("--picture", type=Path, help="write a picture here")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIZE"), help="one, in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(GROWTHS[options.one[0]], int(options.one[1]))))
        return 0
    found: dict[str, dict[int, dict[str, float]]] = {}
    for name in GROWTHS:
        if name not in options.only.split(","):
            continue
        found[name] = {size: _apart(name, size) for size in GROWTHS[name].sizes}
        print("\n".join(lines(name, found[name])), flush=True)
    if options.picture:
        draw(found, options.picture)
    return 0


def _apart(name: str, size: int) -> dict[str, float]:
    order = [sys.executable, "-m", "benchmarks.growth", "--one", name, str(size)]
    ran = subprocess.run(order, check=True, capture_output=True, text=True)
    read: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return read


def measure(growth: Growth, size: int) -> dict[str, float]:
    """Return the processor seconds of each stage at a size, and the most memory of any."""
    # What is imported and compiled at first use is no part of the growth.
    least = growth.sizes[0]
    _stages(growth, growth.formula(least), growth.table(least))
    return _stages(growth, growth.formula(size), growth.table(size), growth.draws(size))


def _stages(growth: Growth, formula: str, data: pd.DataFrame, draws: int = 50) -> dict[str, float]:
    spent: dict[str, float] = {}
    before = memory("VmRSS")
    forget_peak()

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = sum(os.times()[:4])  # of this process and of those that it started
        yield
        spent[stage] = sum(os.times()[:4]) - start

    with timed("model"):
        model = hg.model(formula, data, growth.family)
    with timed("approx"):
        str(model.approx())
    with timed("sample"):
        fit = model.fit(chains=1, warmup=50, draws=draws, seed=1, progress=False)
    with timed("predict"):
        fit.predict(data.head(10_000 * 50 // draws) if draws > 50 else data)
    with timed("ranef"):
        fit.ranef()
    with timed("summary"):
        str(fit)
    with tempfile.TemporaryDirectory() as folder:
        with timed("save"):
            fit.save(Path(folder) / "fit")
        with timed("load"):
            hg.load(Path(folder) / "fit").tidy()
    spent["MB"] = memory("VmHWM") - before
    return spent


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return the power of size that time grows with between the two largest; NaN of short ones."""
    if seconds[-1] < _SHORT or seconds[-2] <= 0:
        return math.nan
    return math.log(seconds[-1] / seconds[-2]) / math.log(sizes[-1] / sizes[-2])


def lines(name: str, found: dict[int, dict[str, float]]) -> list[str]:
    """Return the table of what grows, one row a size, exponents last."""
    sizes = list(found)
    out = [f"\n{name}: {GROWTHS[name].formula(2)}, {GROWTHS[name].family}; CPU seconds"]
    out.append(f"{'size':>10}" + "".join(f"{s:>9}" for s in STAGES) + f"{'MB':>9}")
    for size, spent in found.items():
        row = "".join(f"{spent[s]:9.3f}" for s in STAGES)
        out.append(f"{size:>10,}{row}{spent['MB']:>9.0f}")
    powers = [exponent(sizes, [found[n][s] for n in sizes]) for s in STAGES]
    out.append(
        f"{'exponent':>10}" + "".join(f"{p:9.2f}" if p == p else f"{'-':>9}" for p in powers)
    )
    return out


def draw(found: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """Write the curves as a picture, a panel for each thing that grows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 7), layout="constrained")
    panels = figure.subplots(2, 4).ravel()
    for panel, (name, spent) in zip(panels, found.items(), strict=False):
        sizes = np.array(list(spent), dtype=float)
        for stage in STAGES:
            # The clock's tick is 0.01 s.
            seconds = [max(spent[n][stage], 0.01) for n in spent]
            panel.loglog(sizes, seconds, marker="o", label=stage)
        last = max(spent[int(sizes[-1])][s] for s in STAGES)
        panel.loglog(sizes, last * sizes / sizes[-1], color="0.7", linestyle="--", label="linear")
        panel.set(title=name, xlabel=name, ylabel="CPU seconds")
        panel.set_xticks(sizes, [f"{n:,}" for n in spent])
        panel.minorticks_off()
    for panel in panels[len(found) :]:
        panel.set_axis_off()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
