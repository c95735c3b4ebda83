"""What reading a table in batches takes: time, memory and bytes, beside a sum of the same columns.

``python -m benchmarks.large --rows 10000 1000000 --levels 100 10000 --workers 1 2`` writes Parquet
files of that many rows, reduces each to the sums or counts of a model, and prints one line for
each: wall and CPU seconds of hierglm, its peak memory, bytes of the columns that it reads, and the
seconds in which DuckDB, with as many threads, sums the same columns (NaN where it is not
installed). ``--kinds dask`` reads the file as a Dask DataFrame, beside Dask's own sum. Every case
has a process of its own, so that its memory is its own. On a machine that others use too, CPU
seconds tell more than wall seconds. ``--files A.parquet`` takes files that there are.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

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


def measure(path: str, kind: str, workers: int) -> dict[str, float]:
    """Return what one model takes, in this process."""
    import pyarrow as pa
    from pyarrow import parquet

    from hierglm.formula.parse import parse
    from hierglm.streaming.counting import tally
    from hierglm.streaming.passes import read
    from hierglm.streaming.sources import source_of

    pa.set_cpu_count(workers)
    formula = MODELS["counts" if kind == "counts" else "sums"]
    source = source_of(_dask(path) if kind == "dask" else path)
    assert source is not None
    parsed = parse(formula, source.columns)
    begun = _clocks()
    design = (tally if kind == "counts" else read)(parsed, source)
    seconds, cpu = _since(begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = parquet.ParquetFile(path).metadata
    groups = [found.row_group(k) for k in range(found.num_row_groups)]
    size = sum(
        column.total_compressed_size
        for group in groups
        for column in map(group.column, range(group.num_columns))
        if column.path_in_schema in parsed.names
    )
    summed = _dask_sums if kind == "dask" else _duckdb()
    begun = _clocks()
    own = summed is not None and summed(path, parsed.names, workers)
    own_seconds, own_cpu = _since(begun) if own else (float("nan"),) * 2
    return {
        "rows": design.rows,
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": peak,
        "read_mb": size / 2**20,
        "own": own_seconds,
        "own_cpu": own_cpu,
    }


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(begun: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def _duckdb() -> Callable[[str, tuple[str, ...], int], bool] | None:
    """Return what sums columns, imported already: that is not to be timed."""
    try:
        import duckdb
    except ImportError:
        return None

    def summed(path: str, names: tuple[str, ...], workers: int) -> bool:
        with duckdb.connect(config={"threads": workers}) as connection:
            sums = ", ".join(f"sum({n})" for n in names)
            connection.read_parquet(path).aggregate(sums).fetchall()
        return True

    return summed


def _dask(path: str) -> Any:
    from dask import dataframe

    return dataframe.read_parquet(path, split_row_groups=4)


def _dask_sums(path: str, names: tuple[str, ...], workers: int) -> bool:
    _dask(path)[list(names)].sum().compute(num_workers=workers)
    return True


def cases(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files to be read, written one after the other, and their levels."""
    for file in asked.files:
        yield Path(file), 0
    if asked.files:
        return
    path = folder / "rows.parquet"
    for rows in asked.rows:
        for levels in asked.levels:
            write(path, rows, levels)
            yield path, levels


def main() -> None:
    """Print one line for each model, number of rows, of levels and of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--levels", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", default=["sums", "counts"])
    parser.add_argument("--files", nargs="+", default=[])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        path, kind, workers = asked.one
        print(json.dumps(measure(path, kind, int(workers))))
        return
    print("model          rows    levels workers  seconds   CPU s  peak MB  read MB"
          "    own s  CPU s  ratio  of CPU", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for path, levels in cases(asked, Path(folder)):
            for kind, workers in product(asked.kinds, asked.workers):
                command = [sys.executable, "-m", "benchmarks.large", "--one"]
                command += [str(path), kind, str(workers)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                f = json.loads(done.stdout)
                print(
                    f"{kind:6} {f['rows']:>12,} {levels:>9,} {workers:7} {f['seconds']:8.2f} "
                    f"{f['cpu']:7.2f} {f['peak_mb']:8.0f} {f['read_mb']:8.1f} {f['own']:8.3f} "
                    f"{f['own_cpu']:6.3f} {f['seconds'] / f['own']:6.1f} "
                    f"{f['cpu'] / f['own_cpu']:7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
