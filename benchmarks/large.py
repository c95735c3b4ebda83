"""What reading a table in batches takes: time, memory and bytes, beside DuckDB's sum of columns.

``python -m benchmarks.large --rows 10000 1000000 --levels 100 10000`` writes Parquet files of that
many rows, reduces each to the sums or counts of a model, and prints one line for each: seconds of
hierglm, its peak memory, bytes of the columns that it reads, and seconds of
DuckDB to sum the same columns (NaN where DuckDB is not installed). Every case has a process of its
own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHUNK = 1_000_000
MODELS = {
    "sums": "y ~ x + z + (1 + x | g)",
    "counts": "n ~ a + b + (1 | h)",
}
"""Of a Gaussian response, and of a Poisson one."""


def write(path: Path, rows: int, levels: int, seed: int = 1) -> None:
    """Write a table of some rows: a Gaussian response and a count, predictors, groups."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.5, levels)
    writer = None
    for start in range(0, rows, CHUNK):
        n = min(CHUNK, rows - start)
        x, z, g = rng.normal(size=n), rng.normal(size=n), rng.integers(0, levels, n)
        a, b, h = rng.integers(0, 4, n), rng.integers(0, 3, n), rng.integers(0, 100, n)
        table = pa.table(
            {
                "y": 1 + 0.3 * x + effects[g] + rng.normal(size=n),
                "x": x,
                "z": z,
                "g": g,
                "n": rng.poisson(np.exp(0.2 * a - 0.1 * b)),
                "a": a,
                "b": b,
                "h": h,
            }
        )
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=2**18)
    assert writer is not None
    writer.close()


def measure(path: str, kind: str) -> dict[str, float]:
    """Return what one model takes, in this process."""
    from pyarrow import parquet

    from hierglm.formula.parse import parse
    from hierglm.streaming.counting import tally
    from hierglm.streaming.passes import read
    from hierglm.streaming.sources import source_of

    formula = MODELS[kind]
    source = source_of(path)
    assert source is not None
    parsed = parse(formula, source.columns)
    start = time.perf_counter()
    design = (read if kind == "sums" else tally)(parsed, source)
    seconds = time.perf_counter() - start
    found = parquet.ParquetFile(path).metadata
    groups = [found.row_group(k) for k in range(found.num_row_groups)]
    size = sum(
        column.total_compressed_size
        for group in groups
        for column in map(group.column, range(group.num_columns))
        if column.path_in_schema in parsed.names
    )
    return {
        "rows": design.rows,
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "read_mb": size * (2 if kind == "sums" else 1) / 2**20,
        "duckdb": _duckdb(path, parsed.names),
    }


def _duckdb(path: str, names: tuple[str, ...]) -> float:
    try:
        import duckdb
    except ImportError:
        return float("nan")
    start = time.perf_counter()
    duckdb.read_parquet(path).aggregate(", ".join(f"sum({n})" for n in names)).fetchall()
    return time.perf_counter() - start


def main() -> None:
    """Print one line for each model, number of rows and number of levels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--levels", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(*asked.one)))
        return
    print("model       rows    levels  seconds  peak MB  read MB  DuckDB s  ratio", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for rows in asked.rows:
            for levels in asked.levels:
                path = Path(folder) / "rows.parquet"
                write(path, rows, levels)
                for kind in MODELS:
                    command = [sys.executable, "-m", "benchmarks.large", "--one", str(path), kind]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    f = json.loads(done.stdout)
                    print(
                        f"{kind:6} {rows:>12,} {levels:>9,} {f['seconds']:8.2f} "
                        f"{f['peak_mb']:8.0f} "
                        f"{f['read_mb']:8.1f} {f['duckdb']:9.3f} "
                        f"{f['seconds'] / f['duckdb']:6.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
