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
    data : path of a Parquet file or folder, pyarrow dataset, or anything else
        A folder's Parquet files are one table.

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
