"""Tables that are read in batches: where they are, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hierglm.errors import DataError

COUNT = "number of rows"
"""The column that tells how many rows a row stands for."""
BATCH = 2**18
"""Rows of a batch: its columns stay in a processor's cache of the second or third level."""
_LONG = 2**22
"""Rows of a row group up to which a thread reads it whole."""


Piece = Callable[[], Iterator[Any]]
"""Reads a part of a table: returns an iterator of pyarrow tables."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Rows that tell how all are read.

    Attributes
    ----------
    head : pyarrow.Table
        Of the first part.
    fold : callable
        What `Source.fold` does, but for the names; the first part is not read again where it is
        here.
    """

    head: Any
    fold: Callable[[Callable[[Any], Any], Callable[[Any, Any], Any]], Any]


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
    group : callable, optional
        Names of columns to an iterator of pyarrow tables that have each different row once, and
        in the column `COUNT` how often it occurs: for engines that can do this by themselves.
    split : callable, optional
        The arguments of `pieces` to an iterator of functions, each of which reads one part of the
        table, of about so many rows, in any thread, one table after the other.
    fold : callable, optional
        Names of columns, a pure function of a pyarrow table, and an associative one that puts two
        of its results together, to the result of all rows, or None where there are none: for
        tables whose parts are reduced where they are.
    begin : callable, optional
        Names of columns to `Begun`, for such tables.
    parts : str
        Who reads the parts of such a table, in words.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str], int], Iterator[Any]]
    count: Callable[[], int | None]
    group: Callable[[Sequence[str]], Iterator[Any]] | None = None
    fold: Callable[[Sequence[str], Callable[[Any], Any], Callable[[Any, Any], Any]], Any] | None = (
        None
    )
    split: Callable[[Sequence[str], int, Sequence[str]], Iterator[Piece]] | None = None
    begin: Callable[[Sequence[str]], Begun] | None = None
    parts: str = ""

    def pieces(
        self, columns: Sequence[str], rows: int, coded: Sequence[str] = ()
    ) -> Iterator[Piece]:
        """Yield functions that read parts of the table, in order, of about so many rows.

        Columns of text that are `coded` come as dictionaries, where the file has them so.
        """
        if self.split is not None:
            yield from self.split(columns, rows, coded)
            return
        for tables in _gathered(self.read(columns, min(rows, BATCH)), rows):
            yield partial(iter, tables)

    def way(self, rows: int) -> str:
        """Return how rows are met, a number of them at a time, in words."""
        if self.parts:
            return f"its parts read by {self.parts}"
        return f"read in batches of {rows:,} rows"


def _gathered(tables: Iterator[Any], rows: int) -> Iterator[list[Any]]:
    """Yield tables that have half as many rows as are wanted, or more, together."""
    waiting: list[Any] = []
    for table in tables:
        waiting.append(table)
        if 2 * sum(t.num_rows for t in waiting) >= rows:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


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
        from hierglm.streaming.dask_source import of_dask

        return of_dask(data)
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
    return _of_dataset(found, str(path), ours=True)


def _of_dataset(found: Any, name: str, ours: bool = False) -> Source:
    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        import pyarrow as pa

        # Few batches ahead: what is read and not yet used is memory.
        scanner = found.scanner(
            columns=list(columns), batch_size=rows, batch_readahead=2, fragment_readahead=1
        )
        for batch in scanner.to_batches():
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    def split(columns: Sequence[str], rows: int, coded: Sequence[str]) -> Iterator[Piece]:
        reads = partial(_fragments, columns=columns, schema=found.schema, coded=coded)
        waiting: list[Any] = []
        for fragment in found.get_fragments():
            for part in fragment.split_by_row_group():
                waiting.append(part)
                sizes = [p.row_groups[0].num_rows for p in waiting]
                if sum(sizes) + sizes[-1] / 2 >= rows:
                    yield partial(reads, waiting)
                    waiting = []
        if waiting:
            yield partial(reads, waiting)

    own = split if ours and _short_row_groups(found) else None
    return Source(name, tuple(found.schema.names), read, found.count_rows, split=own)


def _fragments(
    parts: Sequence[Any], columns: Sequence[str], schema: Any, coded: Sequence[str]
) -> Iterator[Any]:
    """Yield row groups as tables; several threads are at it already."""
    return (_row_group(p, list(columns), schema, list(coded)) for p in parts)


def _row_group(part: Any, columns: list[str], schema: Any, coded: list[str]) -> Any:
    from pyarrow import parquet

    there = part.physical_schema
    if any(n not in there.names or there.field(n).type != schema.field(n).type for n in columns):
        # What is told by the names of folders, or has another type here.
        return part.to_table(schema=schema, columns=columns, use_threads=False)
    # Without the dataset's scanner: a fifth of the time of reading.
    with parquet.ParquetFile(
        part.path,
        metadata=part.metadata,
        memory_map=True,
        pre_buffer=False,
        read_dictionary=coded,
    ) as file:
        found = file.read_row_group(part.row_groups[0].id, columns=columns, use_threads=False)
    return found.select(columns)


def _short_row_groups(found: Any) -> bool:
    """Tell whether a row group can be held at once; written by others they may be whole files."""
    groups = (g for f in found.get_fragments() for g in f.row_groups)
    return all(g.num_rows <= _LONG for g in groups)


def _of_polars(frame: Any) -> Source:
    from polars import CompatLevel

    if not hasattr(frame, "collect_batches"):
        raise DataError("reading a LazyFrame in batches needs polars 1.34 or later; found an older")

    def batches(found: Any, rows: int) -> Iterator[Any]:
        for batch in found.collect_batches(
            chunk_size=rows, maintain_order=True, engine="streaming"
        ):
            if batch.height:
                yield batch.to_arrow(compat_level=CompatLevel.oldest())

    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        return batches(frame.select(list(columns)), rows)

    def group(columns: Sequence[str]) -> Iterator[Any]:
        from polars import len as number_of_rows

        return batches(frame.group_by(list(columns)).agg(number_of_rows().alias(COUNT)), BATCH)

    columns = tuple(frame.collect_schema().names())
    return Source("a Polars LazyFrame", columns, read, unknown, group)


def _of_duckdb(relation: Any) -> Source:
    def quoted(columns: Sequence[str]) -> str:
        return ", ".join('"' + name.replace('"', '""') + '"' for name in columns)

    def batches(found: Any, rows: int) -> Iterator[Any]:
        import pyarrow as pa

        # The older name of to_arrow_reader, which warns in newer versions.
        open_ = getattr(found, "to_arrow_reader", None) or found.fetch_arrow_reader
        for batch in open_(rows):
            if batch.num_rows:
                yield pa.Table.from_batches([batch])

    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        return batches(relation.project(quoted(columns)), rows)

    def group(columns: Sequence[str]) -> Iterator[Any]:
        names = quoted(columns)
        return batches(relation.aggregate(f'{names}, count(*) as "{COUNT}"', names), BATCH)

    def count() -> int:
        return int(relation.aggregate("count(*)").fetchall()[0][0])

    return Source("a DuckDB relation", tuple(relation.columns), read, count, group)


def unknown() -> None:
    """Return None: how many rows there are would take a pass."""
