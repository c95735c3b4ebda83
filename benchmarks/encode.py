"""Seconds and memory to encode 1,000,000 rows with 100,000 levels, integers and text.

``python -m benchmarks.encode`` prints one line a kind of level: processor seconds, and by how
many MB the process grew beyond the table at most. Each kind runs in a process of its own,
because what a process has taken it rarely gives back. Memory is measured on Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse

KINDS = ("integers", "text", "category")
FORMULA = "y ~ x + (x | g)"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--levels", type=int, default=100_000)
    parser.add_argument("--kind", choices=KINDS, help="one kind, in this process")
    options = parser.parse_args()
    if options.kind:
        return measure(options.kind, options.rows, options.levels)
    print(f"{FORMULA}: {options.rows:,} rows, {options.levels:,} levels")
    sizes = ["--rows", str(options.rows), "--levels", str(options.levels)]
    codes = [
        subprocess.run(
            [sys.executable, "-m", "benchmarks.encode", "--kind", kind, *sizes], check=False
        ).returncode
        for kind in KINDS
    ]
    return max(codes)


def measure(kind: str, rows: int, levels: int) -> int:
    """Encode one table of this kind and print what it took."""
    # What is imported at first use is not part of the measurement.
    encode(parse(FORMULA), as_table(table("text", 10, 2)))
    data = table(kind, rows, levels)
    before = memory("VmRSS")
    forget_peak()
    started = time.process_time()
    design = encode(parse(FORMULA), as_table(data))
    seconds = time.process_time() - started
    found = len(design.groups[0].levels)
    extra = memory("VmHWM") - before
    print(f"{kind:10s} {seconds:6.2f} s  {extra:6.0f} MB  {found:,} levels found")
    return 0


def table(kind: str, rows: int, levels: int) -> pd.DataFrame:
    """Return a response, a predictor and a grouping factor."""
    r = np.random.default_rng(1)
    codes = r.permutation(np.arange(rows) % levels)
    columns = {
        "integers": lambda: pd.Series(codes),
        "text": lambda: pd.Series([f"level {code}" for code in codes]),
        "category": lambda: pd.Categorical([f"level {code}" for code in codes]),
    }
    return pd.DataFrame({"y": r.normal(size=rows), "x": r.normal(size=rows), "g": columns[kind]()})


def memory(what: str) -> float:
    """Return what this process holds now ("VmRSS") or has held at most ("VmHWM"), in MB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith(what))


def forget_peak() -> None:
    """Start the peak afresh: making the table took memory too."""
    peak = Path("/proc/self/clear_refs")
    if peak.exists():
        peak.write_text("5", encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
