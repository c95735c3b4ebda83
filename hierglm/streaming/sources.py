"""Tables that are read in batches: where they are, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hierglm.errors import DataError

BATCH = 2**18
"""Rows of a batch: its columns stay in a processor's cache of the second or third level."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table that is read in batches, as often as it is asked for.

    Attributes
    ----------
    name : str
        What and where it is, in words.
    columns : tuple of str
        Names, in order.
    read : callable
        Names of columns and a number of rows to an iterator of pyarrow tables with these columns
        and about so many rows.
    count : callable
        Number of rows, incomplete ones too; None where that would take a pass.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str], int], Iterator[Any]]
    count: Callable[[], int | None]


def source_of(data: Any) -> Source | None:
    """Return how data are read in batches, or None where they are a table in memory.

    Parameters
    ----------
    data : path, pyarrow dataset, Polars LazyFrame, DuckDB relation, Dask DataFrame, or anything
        A path is that of a Parquet file, or of a folder whose Parquet files are one table. A lazy
        frame, a relation and a Dask DataFrame are computed anew in each pass, with what they
        leave out: only columns that the formula names are asked for.

    Raises
    ------
    DataError
        A path at which there is nothing, or nothing that is Parquet.
    """
    if isinstance(data, str | Path):
        return _of_path(Path(data))
    origin, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if origin == "pyarrow" and kind.endswith("Dataset"):
        return _of_dataset(data, "a pyarrow dataset")
    if origin == "polars" and kind == "LazyFrame":
        return _of_polars(data)
    if kind == "DuckDBPyRelation":
        return _of_duckdb(data)
    if origin.startswith("dask") and hasattr(data, "npartitions"):
        return _of_dask(data)
    return None


def _of_path(path: Path) -> Source:
    try:
        import pyarrow as pa
        from pyarrow import dataset
    except ImportError:
        raise DataError("reading Parquet needs pyarrow: pip install 'hierglm[parquet]'") from None
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}")
    if path.is_dir() and not any(path.rglob("*.parquet")):
        raise DataError(f"the folder {str(path)!r} has no file *.parquet")
    try:
        if path.is_dir():
            files = sorted(str(f) for f in path.rglob("*.parquet"))
            found = dataset.dataset(files, format="parquet", partitioning="hive",
                                    partition_base_dir=str(path))  # fmt: skip
        else:
            found = dataset.dataset(str(path), format="parquet")
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{str(path)!r} cannot be read as Parquet: {error}") from None
    return _of_dataset(found, str(path))


def _of_dataset(found: Any, name: str) -> Source:
    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        import pyarrow as pa

        # Few batches ahead: what is read and not yet used is memory.
        scanner = found.scanner(
            columns=list(columns), batch_size=rows, batch_readahead=2, fragment_readahead=1
        )
        for batch in scanner.to_batches():
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    return Source(name, tuple(found.schema.names), read, found.count_rows)


def _of_polars(frame: Any) -> Source:
    from polars import CompatLevel

    if not hasattr(frame, "collect_batches"):
        raise DataError("reading a LazyFrame in batches needs polars 1.34 or later; found an older")

    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        for batch in frame.select(list(columns)).collect_batches(
            chunk_size=rows, maintain_order=True, engine="streaming"
        ):
            if batch.height:
                yield batch.to_arrow(compat_level=CompatLevel.oldest())

    return Source("a Polars LazyFrame", tuple(frame.collect_schema().names()), read, _unknown)


def _of_duckdb(relation: Any) -> Source:
    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        import pyarrow as pa

        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        # The older name of to_arrow_reader, which warns in newer versions.
        open_ = getattr(relation.project(names), "to_arrow_reader", None)
        open_ = open_ or relation.project(names).fetch_arrow_reader
        for batch in open_(rows):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    def count() -> int:
        return int(relation.aggregate("count(*)").fetchall()[0][0])

    return Source("a DuckDB relation", tuple(relation.columns), read, count)


def _of_dask(frame: Any) -> Source:
    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        import pyarrow as pa

        some = frame[list(columns)]
        for k in range(frame.npartitions):
            found = pa.Table.from_pandas(some.get_partition(k).compute(), preserve_index=False)
            for start in range(0, found.num_rows, rows):
                yield found.slice(start, rows)

    return Source("a Dask DataFrame", tuple(map(str, frame.columns)), read, _unknown)


def _unknown() -> None:
    """Return None: how many rows there are would take a pass."""
