"""Time, memory and bytes of reading a table in batches, beside a sum of the same columns.

``python -m benchmarks.large`` measures the whole grid, ten minutes on a quiet machine: Parquet
files of 10^4 to 10^8 rows (5.2 GB in all, written in two minutes; ``--folder`` keeps them for the
next time), 10^2 to 10^6 levels, 1 and 2 workers; levels that are text (``text``) to 10^7 rows. A
file is read through before, so that none waits for the disk. A line is a case: wall and CPU seconds
of hierglm, its peak memory, bytes of the columns that it reads; then the seconds in which DuckDB,
with as many threads, sums the same columns, what hierglm takes in units of that, and the seconds in
which DuckDB makes the same sums of products by groups (``by group``). ``dask`` reads the file as a
Dask DataFrame, beside Dask's own sum.

Every case has a process of its own, so that its memory is its own. There a first, small table is
read by both sides, so that no import is timed; of tables below 10^7 rows the best of three runs
counts. On a machine that others use too, CPU seconds tell more than wall seconds.
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
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 2**20
ROWS = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
LEVELS = [100, 1_000, 10_000, 100_000, 1_000_000]
KINDS = ["sums", "text", "counts", "dask"]
FEW = 10_000_000
"""Rows below which a case is run three times."""
MODELS = {
    "sums": "y ~ x + z + (1 + x | g{levels})",
    "text": "y ~ x + z + (1 + x | t{levels})",
    "counts": "n ~ a + b + (1 | h)",
    "dask": "y ~ x + z + (1 + x | g{levels})",
}
"""Of a Gaussian response, and of a Poisson one."""
COLUMNS = ("model", "rows", "levels", "workers", "seconds", "CPU s", "peak MB", "read MB",
           "own s", "CPU s", "ratio", "of CPU", "by group", "CPU s")  # fmt: skip
WIDTHS = (6, 12, 10, 8, 9, 8, 8, 8, 8, 8, 6, 7, 9, 7)


def write(path: Path, rows: int, text: bool = False, seed: int = 1) -> None:
    """Write a table of some rows: a Gaussian response and a count, predictors, groups.

    Levels of the groups g100, g1000, ... are whole numbers, those of t100, ... `text`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.5, 10_000)
    labels = pa.array([f"level-{k:07d}" for k in range(LEVELS[-1] if text else 0)])
    writer = None
    beside = path.with_suffix(".part")
    for start in range(0, rows, CHUNK):
        n = min(CHUNK, rows - start)
        x, z, g = rng.normal(size=n), rng.normal(size=n), rng.integers(0, LEVELS[-1], n)
        a, b, h = rng.integers(0, 4, n), rng.integers(0, 3, n), rng.integers(0, 100, n)
        table = pa.table(
            {
                "y": 1 + 0.3 * x + effects[g % len(effects)] + rng.normal(size=n),
                "x": x,
                "z": z,
                **_levels(g, labels if text else None),
                "n": rng.poisson(np.exp(0.2 * a - 0.1 * b)),
                "a": a,
                "b": b,
                "h": h,
            }
        )
        writer = writer or parquet.ParquetWriter(beside, table.schema)
        writer.write_table(table, row_group_size=2**18)
    assert writer is not None
    writer.close()
    beside.rename(path)


def _levels(g: np.ndarray, labels: Any) -> dict[str, Any]:
    """Return a column for each number of levels."""
    if labels is None:
        return {f"g{levels}": g % levels for levels in LEVELS}
    return {f"t{levels}": labels.take(g % levels) for levels in LEVELS}


def measure(path: str, kind: str, levels: int, workers: int) -> dict[str, Any]:
    """Return what one model takes, in this process."""
    import pyarrow as pa
    from pyarrow import parquet

    from hierglm.formula.parse import parse
    from hierglm.streaming.counting import tally
    from hierglm.streaming.passes import read
    from hierglm.streaming.sources import source_of

    pa.set_cpu_count(workers)
    text = MODELS[kind].format(levels=levels)

    def ours(path: str) -> Any:
        source = source_of(_dask(path, workers) if kind == "dask" else path)
        assert source is not None
        parsed = parse(text, source.columns)
        return parsed.names, (tally if kind == "counts" else read)(parsed, source)

    found = parquet.ParquetFile(path).metadata
    times = 1 if found.num_rows >= FEW else 3
    with tempfile.TemporaryDirectory() as folder:
        small = str(Path(folder) / "small.parquet")
        write(Path(small), 1_000, kind == "text")
        names, _ = ours(small)
        best, (_, design) = _timed(ours, path, times=times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        groups = [found.row_group(k) for k in range(found.num_row_groups)]
        size = sum(
            column.total_compressed_size
            for group in groups
            for column in map(group.column, range(group.num_columns))
            if column.path_in_schema in names
        )
        row = {"rows": design.rows, "levels": len(design.groups[0].levels), "best": best}
        row |= {"peak": peak / 1.0, "size": size / 2**20}
        own = _dask_sums if kind == "dask" else _duckdb(_summed)
        by_group = _duckdb(_grouped) if kind in ("sums", "text") else None
        for name, what in (("own", own), ("by_group", by_group)):
            if what is not None:
                what(small, names, workers)
                row[name], _ = _timed(what, path, names, workers, times=times)
    return row


def _timed(what: Callable[..., Any], *args: Any, times: int) -> tuple[tuple[float, float], Any]:
    """Return wall and CPU seconds of the quickest of some calls, and what the last returned."""
    found = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = what(*args)
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(found), answer


def _duckdb(sums: Callable[[Any, tuple[str, ...]], Any]) -> Callable[..., Any] | None:
    """Return what asks DuckDB for sums of a file; None where it is not installed."""
    try:
        import duckdb
    except ImportError:
        return None

    def asked(path: str, names: tuple[str, ...], workers: int) -> None:
        with duckdb.connect(config={"threads": workers}) as connection:
            sums(connection.read_parquet(path), names)

    return asked


def _summed(relation: Any, names: tuple[str, ...]) -> None:
    # Of text the lengths: it is to be read.
    columns = (f"strlen({n})" if n.startswith("t") else n for n in names)
    relation.aggregate(", ".join(f"sum({c})" for c in columns)).fetchall()


def _grouped(relation: Any, names: tuple[str, ...]) -> None:
    """Ask for the sums that hierglm keeps of each level."""
    (group,) = (n for n in names if n[0] in "gt")
    products = ("x", "y", "z", "x*x", "x*y", "x*z")
    sums = ", ".join(f"sum({p})" for p in products)
    relation.aggregate(f"{group}, count(*), {sums}", group).fetchnumpy()


def _dask(path: str, workers: int) -> Any:
    import dask
    from dask import dataframe

    dask.config.set(scheduler="threads", num_workers=workers)
    return dataframe.read_parquet(path, split_row_groups=4)


def _dask_sums(path: str, names: tuple[str, ...], workers: int) -> None:
    _dask(path, workers)[list(names)].sum().compute()


def files(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, int, list[str]]]:
    """Yield the files to be read, written where they are not there, their rows, and what for."""
    for rows, text in product(asked.rows, (False, True)):
        kinds = [kind for kind in asked.kinds if (kind == "text") == text]
        if not kinds or (text and rows > FEW):
            continue
        path = folder / f"{rows}{'.text' if text else ''}.parquet"
        if not path.exists():
            write(path, rows, text)
        with path.open("rb") as file:
            while file.read(2**24):
                pass
        yield path, rows, kinds


def told(row: dict[str, Any], kind: str, workers: int) -> list[str]:
    """Return a case as texts, in the order of `COLUMNS`."""
    nothing = (float("nan"), float("nan"))
    (wall, cpu), (own, own_cpu) = row["best"], row.get("own", nothing)
    numbers = [f"{wall:.3f}", f"{cpu:.3f}", f"{row['peak']:.0f}", f"{row['size']:.1f}"]
    numbers += [f"{own:.3f}", f"{own_cpu:.3f}", f"{wall / own:.1f}", f"{cpu / own_cpu:.1f}"]
    grouped = [f"{seconds:.3f}" for seconds in row["by_group"]] if "by_group" in row else []
    return [kind, f"{row['rows']:,}", f"{row['levels']:,}", str(workers), *numbers, *grouped]


def main() -> None:
    """Print one line for each model, number of rows, of levels and of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--levels", type=int, nargs="+", default=LEVELS)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--folder", type=Path, help="where the files are kept")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        path, kind, levels, workers = asked.one
        print(json.dumps(measure(path, kind, int(levels), int(workers))))
        return
    print("".join(map(str.rjust, COLUMNS, WIDTHS)), flush=True)
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(asked.folder) if asked.folder else tempfile.TemporaryDirectory() as folder:
        for path, rows, kinds in files(asked, Path(folder)):
            for kind, levels, workers in product(kinds, asked.levels, asked.workers):
                # Counts and Dask's parts do not depend on the levels of a factor.
                other = kind in ("counts", "dask")
                if levels > rows or (other and levels != asked.levels[0]):
                    continue
                command = [sys.executable, "-m", "benchmarks.large", "--one", str(path), kind,
                           str(levels), str(workers)]  # fmt: skip
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                line = told(json.loads(done.stdout), kind, workers)
                print("".join(map(str.rjust, line, WIDTHS)), flush=True)


if __name__ == "__main__":
    main()
