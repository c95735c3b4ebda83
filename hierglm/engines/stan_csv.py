"""CmdStan's output files, read once: only the columns that were asked for."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.stored import IN_FILES, mapped
from hierglm.engines.run import STAN_STATS
from hierglm.errors import SamplingError

Floats = NDArray[np.float64]

_SETTING = re.compile(r"#\s*(\w+) = (\S*)")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the draws.

    Attributes
    ----------
    settings : mapping of str to str
        "num_samples", "thin", "stan_version_major" and the rest, by CmdStan's names.
    columns : tuple of str
        Names of the columns, as they stand: ``b.1``.
    size : int
        Bytes up to the first row.
    """

    settings: Mapping[str, str]
    columns: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """One output file as it stands: all rows, saved warmup included.

    Attributes
    ----------
    head : Head
        What stands above the rows.
    values : mapping of str to ndarray, shape (rows, ...)
        By Stan name, in Stan's own shape.
    stats : mapping of str to ndarray, shape (rows,)
        The method's own columns.
    notes : tuple of str
        The comments among the rows and below.
    rows : int
        How many rows there are.
    """

    head: Head
    values: Mapping[str, Floats] = field(repr=False)
    stats: Mapping[str, Floats] = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    rows: int


def read_table(
    file: str | PathLike[str],
    names: Sequence[str] | None = None,
    stats: Sequence[str] = STAN_STATS,
    folder: Path | None = None,
) -> Table:
    """Return one output file of any method.

    Parameters
    ----------
    file : path
    names : sequence of str, optional
        The Stan variables to read; all by default.
    stats : sequence of str
        The method's own columns.
    folder : Path, optional
        Where the numbers of a large file may be, in place of memory, which then has a row at a
        time.

    Raises
    ------
    SamplingError
        If it is not CmdStan's output.
    """
    path = Path(file)
    try:
        with path.open("rb") as source:
            head = read_head(source)
            notes = tuple(_comments(source, head.size))
            wanted = _layout(head.columns, names, stats)
            places = sorted({i for span in wanted.values() for i in range(*span[0])})
            source.seek(head.size)
            if folder is None or path.stat().st_size < IN_FILES:
                table = _numbers(source, places, len(head.columns))
            else:
                table = _in_file(source, places, len(head.columns), folder / f"{path.stem}.draws")
    except (OSError, ValueError) as error:
        raise SamplingError(f"{path} is not a whole output of CmdStan: {error}") from error
    where = {place: i for i, place in enumerate(places)}
    values: dict[str, Floats] = {}
    for name, ((start, stop), dims) in wanted.items():
        flat = table[:, where[start] : where[start] + stop - start]
        # Stan writes the first index fastest.
        values[name] = flat.reshape(len(flat), *dims[::-1]).transpose(0, *range(len(dims), 0, -1))
    own = {name: values.pop(name) for name in stats if name in values}
    return Table(head, values, own, notes, len(table))


def read_head(source: IO[bytes]) -> Head:
    """Return settings and column names, from the start of a file.

    Raises
    ------
    ValueError
        If there is no line of column names.
    """
    settings: dict[str, str] = {}
    size = 0
    for line in source:
        size += len(line)
        text = line.decode(errors="replace").strip()
        if text and not text.startswith("#"):
            columns = tuple(text.split(","))
            if not line.endswith(b"\n") or any(_is_number(c) for c in columns):
                raise ValueError("there are no column names")
            return Head(settings, columns, size)
        if found := _SETTING.match(text):
            settings[found[1]] = found[2]
    raise ValueError("there are no column names")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _comments(source: IO[bytes], start: int) -> Iterator[str]:
    """Yield the comments among the draws and below, without looking at the numbers."""
    with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = start - 1  # the end of the line above: a comment may follow at once
        while (at := text.find(b"\n#", at)) >= 0:
            stop = text.find(b"\n", at + 1)
            stop = len(text) if stop < 0 else stop
            yield text[at + 1 : stop].decode(errors="replace")
            at = stop


def _layout(
    columns: Sequence[str], names: Sequence[str] | None, stats: Sequence[str]
) -> dict[str, tuple[tuple[int, int], tuple[int, ...]]]:
    """Return first and last-but-one column and the dimensions of each variable."""
    spans: dict[str, tuple[int, int]] = {}
    for i, column in enumerate(columns):
        name = column.split(".", 1)[0]
        start = spans.get(name, (i, i))[0]
        spans[name] = (start, i + 1)
    keep = spans if names is None else {n: spans[n] for n in (*stats, *names) if n in spans}
    layout = {}
    for name, (start, stop) in keep.items():
        # The last column carries the highest index in each dimension.
        dims = tuple(int(i) for i in columns[stop - 1].split(".")[1:])
        if math.prod(dims) != stop - start:
            raise ValueError(f"the columns of {name!r} are not those of an array")
        layout[name] = ((start, stop), dims)
    return layout


def _in_file(source: IO[bytes], places: list[int], columns: int, path: Path) -> Floats:
    """Return the same as `_numbers`, read row by row into a file, which may be removed then."""
    at, rows = np.array(places), 0
    with path.open("xb") as out:
        for line in source:
            text = line.strip()
            if not text or text.startswith(b"#"):
                continue
            row = np.fromstring(text, dtype=np.float64, sep=",")
            if len(row) != columns:
                raise ValueError(f"row {rows + 1} has {len(row)} numbers for {columns} columns")
            row[at].tofile(out)
            rows += 1
    return mapped(path, (rows, len(places))) if rows else np.empty((0, len(places)))


def _numbers(source: IO[bytes], places: list[int], columns: int) -> Floats:
    """Return the rows at the file's position, of these columns only."""
    import pandas as pd

    # Every digit counts, so that recorded draws replay bit for bit. From 3.1 on pandas
    # always reads so, and warns of the argument.
    version = tuple(int(part) for part in pd.__version__.split(".")[:2])
    exact: dict[str, Any] = {} if version >= (3, 1) else {"float_precision": "round_trip"}
    try:
        frame = pd.read_csv(
            source,
            header=None,
            names=range(columns),
            usecols=places,
            index_col=False,
            comment="#",
            dtype=np.float64,
            low_memory=False,
            on_bad_lines="error",
            **exact,
        )
    except pd.errors.EmptyDataError:
        return np.empty((0, len(places)))
    numbers: Floats = frame.to_numpy()
    return numbers
