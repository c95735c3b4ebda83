"""Time and memory of a fit whose draws are larger than memory is to be, in a NetCDF file.

    python -m benchmarks.draws --levels 2e5 --chains 4 --draws 1000 --memory

A random intercept, one row a level: of a Poisson response, whose effects are sampled, or of a
Gaussian one, whose effects are drawn afterwards. Each case is a process of its own, whose peak
memory is counted with that of the largest process that it waited for: their sum bounds what both
had at once. ``--memory`` measures the same fits without a file beside. Short trajectories
(``--warmup 20 --max-treedepth 2``) make as many draws in a fraction of the time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.levels import gigabytes


def made(levels: int, family: str) -> dict[str, np.ndarray]:
    """Return one row for each of some levels."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=levels)
    eta = 1 + 0.5 * x + rng.normal(0, 0.7, levels)
    y = rng.poisson(np.exp(eta)) if family == "poisson" else eta + rng.normal(size=levels)
    return {"y": y.astype(float), "x": x, "g": np.arange(levels) // 2 if family != "poisson" else
            np.arange(levels)}  # fmt: skip


def measure(family: str, levels: int, out: bool, options: dict[str, Any]) -> dict[str, Any]:
    """Return seconds and peak memory of sampling, then of what reads the draws."""
    import hierglm as hg

    rows = levels if family == "poisson" else 2 * levels
    data = made(rows, family)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "draws.nc"
        start = time.monotonic()
        where = {"out": path} if out else {}
        fit = hg.fit("y ~ x + (1 | g)", data, family, seed=1, progress=False, **options, **where)
        row: dict[str, Any] = {"family": family, "out": out, "levels": levels}
        row |= {"fit_s": time.monotonic() - start, "fit_GB": gigabytes()}
        row["file_GB"] = path.stat().st_size / 1e9 if out else 0.0
        steps = {
            "check": fit.check,
            "ranef": lambda: float(fit.ranef()["estimate"].sum()),
            "coef": lambda: float(fit.coef()["conf_high"].sum()),
            "new": lambda: float(fit.predict({k: v[:100] for k, v in data.items()}).iloc[0, 1]),
            "sel": lambda: float(fit.posterior["r_g"].sel(g=7).mean()),
        }
        for name, step in steps.items():
            start = time.monotonic()
            row |= {name: step() if name != "check" else len(step().findings)}
            row |= {f"{name}_s": time.monotonic() - start}
        row["all_GB"] = gigabytes()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", nargs="+", default=["1e3", "1e4", "1e5"])
    parser.add_argument("--families", nargs="+", default=["poisson", "gaussian"])
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--warmup", type=int)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--max-treedepth", type=int, default=10)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(**json.loads(asked.one))))
        return
    options = {"chains": asked.chains, "draws": asked.draws, "max_treedepth": asked.max_treedepth}
    options |= {} if asked.warmup is None else {"warmup": asked.warmup}
    for family in asked.families:
        for levels in (int(float(text)) for text in asked.levels):
            for out in (True, False) if asked.memory else (True,):
                told = {"family": family, "levels": levels, "out": out, "options": options}
                command = [sys.executable, "-m", "benchmarks.draws", "--one", json.dumps(told)]
                row = json.loads(subprocess.run(command, check=True, stdout=-1).stdout)
                print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                                for k, v in row.items()), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
