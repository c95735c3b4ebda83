"""CmdStan's output files, read once: only the columns that were asked for."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.run import STAN_STATS, Run, name_stats
from hierglm.errors import SamplingError

Floats = NDArray[np.float64]

_SETTING = re.compile(r"#\s*(\w+) = (\S*)")
_NUMBERS = re.compile(r"#\s*[-+\d.]")


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
class Chain:
    """One chain's file.

    Attributes
    ----------
    head : Head
        What stands above the draws.
    values : mapping of str to ndarray, shape (draws, ...)
        By Stan name, in Stan's own shape.
    stats : mapping of str to ndarray, shape (draws,)
        The sampler's columns, by Stan's names of them.
    step_size : float
        After warmup; NaN where the file does not say.
    metric : ndarray, shape (size,) or (size, size), or None
        The inverse metric after warmup.
    seconds : float
        Wall time, warmup included; NaN where the file does not say.
    """

    head: Head
    values: Mapping[str, Floats] = field(repr=False)
    stats: Mapping[str, Floats] = field(repr=False)
    step_size: float
    metric: Floats | None = field(repr=False)
    seconds: float


def read_chains(files: Sequence[str | PathLike[str]], names: Sequence[str] | None = None) -> Run:
    """Return the draws of several chains, each in a file of its own.

    Parameters
    ----------
    files : sequence of path
        One for each chain.
    names : sequence of str, optional
        The Stan variables to read; all by default. One that is not there is left out.

    Raises
    ------
    SamplingError
        If a file is not a whole CmdStan sample, or the chains do not match.

    Examples
    --------
    >>> run = read_chains(["fit_1.csv", "fit_2.csv"], ["b"])  # doctest: +SKIP
    >>> run.values["b"].shape  # doctest: +SKIP
    (2, 1000, 3)
    """
    with ThreadPoolExecutor(max_workers=min(4, max(1, len(files)))) as pool:
        chains = list(pool.map(lambda file: read_chain(file, names), files))
    if not chains:
        raise SamplingError("no output file of CmdStan to read")
    shapes = [{k: v.shape for k, v in (*c.values.items(), *c.stats.items())} for c in chains]
    for file, shape in zip(files, shapes, strict=True):
        if shape != shapes[0]:
            raise SamplingError(f"{file} and {files[0]} are not chains of one run")
    metrics = [c.metric for c in chains]
    return Run(
        values={name: np.stack([c.values[name] for c in chains]) for name in chains[0].values},
        stats=name_stats({s: np.stack([c.stats[s] for c in chains]) for s in chains[0].stats}),
        step_size=np.array([c.step_size for c in chains]),
        metric=None if any(m is None for m in metrics) else np.stack(metrics),  # type: ignore[arg-type]
        seconds=tuple(c.seconds for c in chains if not math.isnan(c.seconds)),
    )


def read_chain(file: str | PathLike[str], names: Sequence[str] | None = None) -> Chain:
    """Return one chain's file; see `read_chains`."""
    path = Path(file)
    try:
        with path.open("rb") as source:
            head = read_head(source)
            notes = list(_comments(source, head.size))
            wanted = _layout(head.columns, names)
            places = sorted({i for span in wanted.values() for i in range(*span[0])})
            source.seek(head.size)
            table = _numbers(source, places, len(head.columns))
    except (OSError, ValueError) as error:
        raise SamplingError(f"{path} is not a whole output of CmdStan: {error}") from error
    warmup, draws = _rows(head.settings)
    # A last line cut short would be filled up with NaN; what follows the draws must be there.
    if len(table) != warmup + draws or not any("Elapsed Time" in note for note in notes):
        raise SamplingError(
            f"{path} ends too soon, with {len(table)} of the {warmup + draws} rows it should "
            "have; the chain was stopped or the disk is full"
        )
    table = table[warmup:]
    where = {place: i for i, place in enumerate(places)}
    values: dict[str, Floats] = {}
    for name, ((start, stop), dims) in wanted.items():
        flat = table[:, where[start] : where[start] + stop - start]
        # Stan writes the first index fastest.
        values[name] = flat.reshape(len(flat), *dims[::-1]).transpose(0, *range(len(dims), 0, -1))
    stats = {name: values.pop(name) for name in STAN_STATS if name in values}
    step_size, metric, seconds = _adaptation(notes)
    return Chain(head, values, stats, step_size, metric, seconds)


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
    columns: Sequence[str], names: Sequence[str] | None
) -> dict[str, tuple[tuple[int, int], tuple[int, ...]]]:
    """Return first and last-but-one column and the dimensions of each variable."""
    spans: dict[str, tuple[int, int]] = {}
    for i, column in enumerate(columns):
        name = column.split(".", 1)[0]
        start = spans.get(name, (i, i))[0]
        spans[name] = (start, i + 1)
    keep = spans if names is None else {n: spans[n] for n in (*STAN_STATS, *names) if n in spans}
    layout = {}
    for name, (start, stop) in keep.items():
        # The last column carries the highest index in each dimension.
        dims = tuple(int(i) for i in columns[stop - 1].split(".")[1:])
        if math.prod(dims) != stop - start:
            raise ValueError(f"the columns of {name!r} are not those of an array")
        layout[name] = ((start, stop), dims)
    return layout


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


def _rows(settings: Mapping[str, str]) -> tuple[int, int]:
    """Return the numbers of warmup rows and of draws that the file should hold."""
    try:
        thin = int(settings.get("thin", "1"))
        draws = math.ceil(int(settings["num_samples"]) / thin)
        saved = settings.get("save_warmup", "0") in ("1", "true")
        warmup = math.ceil(int(settings["num_warmup"]) / thin) if saved else 0
    except KeyError as error:
        raise SamplingError(f"the file does not say {error.args[0]}") from None
    return warmup, draws


def _adaptation(notes: Sequence[str]) -> tuple[float, Floats | None, float]:
    """Return step size, inverse metric and seconds from the comments among the draws."""
    step_size = seconds = math.nan
    rows: list[list[float]] = []
    dense = in_metric = False
    for note in notes:
        if "Step size =" in note:
            step_size = float(note.split("=")[1])
        elif "inverse mass matrix" in note:
            in_metric, dense = True, "Diagonal" not in note
        elif in_metric and _NUMBERS.match(note) and "seconds" not in note:
            rows.append([float(x) for x in note[1:].split(",")])
        elif found := re.search(r"([\d.eE+-]+) seconds \(Total\)", note):
            seconds = float(found[1])
        else:
            in_metric = False
    if not rows:
        return step_size, None, seconds
    return step_size, np.array(rows if dense else rows[0]), seconds
