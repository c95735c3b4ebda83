"""The chains that CmdStan's sampler wrote, one file each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.run import Run, name_stats
from hierglm.engines.stan_csv import Head, read_table
from hierglm.errors import SamplingError

Floats = NDArray[np.float64]

_NUMBERS = re.compile(r"#\s*[-+\d.]")


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
    return join_chains(chains, [str(file) for file in files])


def read_survivors(
    files: Mapping[int, str],
    names: Sequence[str],
    lost: Mapping[int, str],
    folder: Path | None = None,
) -> Run:
    """Return the draws of the chains whose files are whole; the others are lost.

    Parameters
    ----------
    files : mapping of int to path
        By number of the chain.
    names : sequence of str
        The Stan variables to read.
    lost : mapping of int to str
        Chains that died before, and why.
    folder : Path, optional
        Where large values may be, see `hierglm.engines.stan_csv.read_table`.

    Raises
    ------
    SamplingError
        If no file is whole.
    """

    def read(file: str) -> Chain | SamplingError:
        try:
            return read_chain(file, names, folder)
        except SamplingError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(4, max(1, len(files)))) as pool:
        found = dict(zip(files, pool.map(read, files.values()), strict=True))
    broken = {k: c for k, c in found.items() if isinstance(c, SamplingError)}
    whole = {k: c for k, c in found.items() if not isinstance(c, SamplingError)}
    if not whole:
        raise next(iter(broken.values()))
    run = join_chains(list(whole.values()), [files[k] for k in whole])
    every = {**lost, **{k: str(e).replace(str(files[k]), "its file") for k, e in broken.items()}}
    return replace(run, lost=dict(sorted(every.items())))


def join_chains(chains: Sequence[Chain], files: Sequence[str]) -> Run:
    """Return chains that were read as one run; see `read_chains`."""
    if not chains:
        raise SamplingError("no output file of CmdStan to read")
    shapes = [{k: v.shape for k, v in (*c.values.items(), *c.stats.items())} for c in chains]
    for file, shape in zip(files, shapes, strict=True):
        if shape != shapes[0]:
            raise SamplingError(f"{file} and {files[0]} are not chains of one run")
    metrics = [c.metric for c in chains]
    return Run(
        values={name: _stacked([c.values[name] for c in chains]) for name in chains[0].values},
        stats=name_stats({s: np.stack([c.stats[s] for c in chains]) for s in chains[0].stats}),
        step_size=np.array([c.step_size for c in chains]),
        metric=None if any(m is None for m in metrics) else np.stack(metrics),  # type: ignore[arg-type]
        seconds=tuple(c.seconds for c in chains if not math.isnan(c.seconds)),
    )


def _stacked(values: Sequence[Floats]) -> Floats:
    """Return chains in one array; one alone stays where it is, which may be a file."""
    return values[0][None] if len(values) == 1 else np.stack(values)


def read_chain(
    file: str | PathLike[str], names: Sequence[str] | None = None, folder: Path | None = None
) -> Chain:
    """Return one chain's file; see `read_survivors`."""
    found = read_table(file, names, folder=folder)
    warmup, draws = _rows(found.head.settings)
    # A last line cut short would be filled up with NaN; what follows the draws must be there.
    if found.rows != warmup + draws or not any("Elapsed Time" in note for note in found.notes):
        raise SamplingError(
            f"{Path(file)} ends too soon, with {found.rows} of the {warmup + draws} rows it should "
            "have; the chain was stopped or the disk is full"
        )
    step_size, metric, seconds = _adaptation(found.notes)
    return Chain(
        found.head,
        {name: values[warmup:] for name, values in found.values.items()},
        {name: values[warmup:] for name, values in found.stats.items()},
        step_size, metric, seconds,
    )  # fmt: skip


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
