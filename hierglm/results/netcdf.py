"""A fit in one NetCDF file whose draws of levels stay there: written and read part by part.

The file has ArviZ's groups posterior and sample_stats, which xarray, ArviZ and other languages
read, and a group hierglm: the bytes of a saved fit (`hierglm.results.store`) that has all but
the draws of levels.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import drawn_late
from hierglm.draws.stored import InFile, StoredVariable, bare, chunk
from hierglm.errors import FileError
from hierglm.results import arrays, store
from hierglm.results.archive import MAX_BYTES, archive_bytes, read_members
from hierglm.results.fitted import Fitted
from hierglm.writing import refuse_unwritable, replacing

ENDING = ".nc"

_MAGIC = b"\x89HDF\r\n\x1a\n"
_POSTERIOR, _OWN, _FIT, _LATE = "posterior", "hierglm", "fit", "late"
_CACHE = 2**26
"""Bytes of chunks that are kept while they fill: parts of levels end within chunks."""


def write(fitted: Fitted, path: str | Path) -> Draws:
    """Write a fit to a NetCDF file, and return its draws, of which those of levels stay there.

    No more of these is held than a part: 32 MB, or what it takes to draw a part of effects that
    were integrated out.

    Parameters
    ----------
    fitted : Fitted
    path : str or Path
        Ends in ``.nc``. It is written beside and then renamed: what is there stays as it is
        until all is written.

    Raises
    ------
    FileError
        As `refuse_target`; a disk that has no room, or a family that no file holds.
    """
    refuse_target(path)
    late = {v.name for v in fitted.draws if _of_levels(v) and drawn_late(v)}
    labels = replace(
        fitted.draws,
        variables={v.name: bare(v) if _of_levels(v) else v for v in fitted.draws},
    )
    data = archive_bytes(store.packed(replace(fitted, draws=labels)))
    refuse_full(path, numbers(fitted.draws) * 8 + len(data))
    target = Path(path).absolute()
    with replacing(target) as beside, _in_words():
        _write_labels(fitted, beside)
        _write_draws(fitted.draws, beside)
        _write_fit(data, late, beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
    return _attached(labels, target, late)


def load(
    path: str | Path,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Fitted:
    """Return the fit of a file that `write` wrote; draws of levels stay in the file.

    Parameters
    ----------
    path : str or Path
    functions, max_bytes
        See `hierglm.results.store.load`; draws of levels do not count.

    Raises
    ------
    FileError
        A file of another program, damaged or changed.
    """
    _need()
    import h5py

    shown = repr(str(path))
    try:
        with h5py.File(path, "r") as file:
            _refuse_links(file, shown)
            own = file.get(_OWN)
            if own is None:
                raise FileError(f"{shown} is no fit of hierglm; xarray.open_dataset may read it")
            _refuse_links(own, shown)
            _refuse_links(file[_POSTERIOR], shown)
            if own[_FIT].nbytes > max_bytes:
                raise FileError(
                    f"the fit in {shown} has {own[_FIT].nbytes:,} bytes; where you trust it, "
                    f"load(..., max_bytes={own[_FIT].nbytes}) reads it"
                )
            data = own[_FIT][...].tobytes()
            late = set(map(str, json.loads(own.attrs[_LATE])))
            found = {name: (d.shape, d.dtype) for name, d in file[_POSTERIOR].items()}
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise FileError(f"{shown} is damaged, or no fit of hierglm: {error}") from error

    def attach(draws: Draws) -> Draws:
        for v in draws:
            wanted = (draws.chains, draws.draws, *v.shape), np.dtype(float)
            if _of_levels(v) and found.get(arrays.clean(v.name)) != wanted:
                raise FileError(f"damaged file: {v.name!r} is not of shape {wanted[0]}")
        return _attached(draws, Path(path).absolute(), late)

    return store.restored(
        read_members(io.BytesIO(data), len(data), shown), functions, shown, attach
    )


def is_netcdf(path: str | Path) -> bool:
    """Tell whether a file begins as those of NetCDF 4 do."""
    try:
        # A pipe that nobody writes to would be waited for.
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (OSError, ValueError):
        return False


def refuse_target(path: str | Path) -> None:
    """Refuse a file that cannot be written, before hours are spent on what it is to hold.

    Raises
    ------
    FileError
        An ending other than ``.nc``, a folder that is not there, h5py missing, or a file of
        another program.
    """
    if Path(path).suffix.lower() != ENDING:
        zarr = Path(path).suffix.lower() == ".zarr"
        raise FileError(
            f"cannot write draws to {str(path)!r}: the name is to end in .nc (NetCDF)"
            + ("; fit.posterior.to_zarr(path) makes a copy in Zarr" if zarr else "")
        )
    _need()
    refuse_unwritable(path)
    if Path(path).exists() and not _ours(path):
        raise FileError(
            f"{str(path)!r} is there, and no fit of hierglm, so it is not overwritten: take "
            "another name, or remove it"
        )


def refuse_full(path: str | Path, size: int) -> None:
    """Refuse to write more than the disk has room for.

    Raises
    ------
    FileError
        Says how much is wanted and how much there is.
    """
    folder = Path(path).absolute().parent
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FileError(
            f"{str(path)!r} takes {size / 1e9:.1f} GB, and the disk of {str(folder)!r} has "
            f"{free / 1e9:.1f} GB: make room, or write where there is more"
        )


def numbers(draws: Draws) -> int:
    """Return how many numbers the draws of levels are."""
    return draws.chains * draws.draws * sum(int(np.prod(v.shape)) for v in draws if _of_levels(v))


def _write_labels(fitted: Fitted, path: Path) -> None:
    """Write all labels, and the draws that are in memory."""
    levels = [v.name for v in fitted.draws if _of_levels(v)]
    posterior, stats = arrays.posterior(fitted, levels), arrays.sample_stats(fitted)
    posterior.to_netcdf(path, mode="w", group=_POSTERIOR, engine="h5netcdf")
    stats.to_netcdf(path, mode="a", group="sample_stats", engine="h5netcdf")


def _write_draws(draws: Draws, path: Path) -> None:
    """Write the draws of levels, one part of the levels at a time."""
    import h5netcdf

    names = arrays.dimensions(draws)
    with h5netcdf.File(path, "a", rdcc_nbytes=_CACHE) as file:
        for v in filter(_of_levels, draws):
            chunks = (1, draws.draws, chunk(draws.draws, v.shape), *v.shape[1:])
            made = file[_POSTERIOR].create_variable(
                arrays.clean(v.name),
                names[v.name],
                np.float64,
                chunks=chunks,
                fletcher32=True,
            )
            for at, values in v.parts():
                # Levels within levels come in any order: neighbours are written together.
                for run in np.split(np.arange(len(at)), np.flatnonzero(np.diff(at) != 1) + 1):
                    low, high = int(at[run[0]]), int(at[run[-1]]) + 1
                    made[:, :, low:high] = values[:, :, run[0] : run[-1] + 1]


def _write_fit(data: bytes, late: set[str], path: Path) -> None:
    import h5netcdf

    with h5netcdf.File(path, "a") as file:
        own = file.create_group(_OWN)
        own.attrs[_LATE] = json.dumps(sorted(late))
        own.dimensions = {"byte": len(data)}
        own.create_variable(_FIT, ("byte",), data=np.frombuffer(data, np.uint8))


def _attached(draws: Draws, path: Path, late: set[str]) -> Draws:
    """Return draws whose levels are read from a file."""

    def stored(v: Variable) -> Variable:
        reader = InFile.of(path, f"{_POSTERIOR}/{arrays.clean(v.name)}")
        return StoredVariable(v, reader, draws.chains, draws.draws, v.name in late)

    found = {v.name: stored(v) if _of_levels(v) else v for v in draws}
    return replace(draws, variables=found)


def _of_levels(variable: Variable) -> bool:
    return variable.effect == "ran_vals"


def _refuse_links(group: Any, shown: str) -> None:
    """Refuse what HDF5 would read elsewhere: a file of a stranger opens no other."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        item = group[name] if isinstance(link, h5py.HardLink) else None
        whole = isinstance(item, h5py.Dataset) and not (item.is_virtual or item.external)
        if not whole and not (isinstance(item, h5py.Group) and group.name == "/"):
            raise FileError(f"{shown} is no fit of hierglm: {name!r} is not within the file")


def _ours(path: str | Path) -> bool:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _OWN in file
    except OSError:
        return False


def _need() -> None:
    try:
        import h5netcdf
        import h5py
    except ImportError:
        raise FileError(
            "draws in NetCDF files need h5netcdf and h5py: pip install 'hierglm[netcdf]'"
        ) from None
    del h5netcdf, h5py


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what HDF5 says of a disk that is full into the system's own error."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if "No space left" in str(error) or "errno = 28" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
