"""One file of named members, written whole or not at all, and read with suspicion.

A zip without compression: nothing can be larger inside than outside. The last member, the
manifest, names the format and holds the checksum of every other. Nothing is ever extracted
to disk, pickled or run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hierglm.errors import FileError, clipped
from hierglm.results.directory import check_directory, check_members
from hierglm.showing.width import printable
from hierglm.writing import replacing

FORMAT = "hierglm fit"
VERSION = 1

MAX_BYTES = 2**32
"""Of a file that is opened without being asked."""
MAX_JSON = 2**28
"""Bytes of text: labels, formula, program. Numbers are not among them."""

_MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)


def write_archive(path: Path, members: Iterable[tuple[str, bytes | NDArray[Any]]]) -> None:
    """Write members to a file, through a temporary one beside it.

    Parameters
    ----------
    path : Path
        Where to; what is there is replaced only once all is written.
    members : iterable of (str, bytes or ndarray)
        Arrays are written as NumPy's .npy.

    Raises
    ------
    FileError
        If it cannot be written; nothing is left behind.
    """
    with replacing(path) as beside, beside.open("xb") as file:
        _fill(file, members)
        file.flush()
        os.fsync(file.fileno())


def archive_bytes(members: Iterable[tuple[str, bytes | NDArray[Any]]]) -> bytes:
    """Return what `write_archive` would write."""
    file = BytesIO()
    _fill(file, members)
    return file.getvalue()


def read_archive(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, bytes]:
    """Return the members of a file, all checksums verified.

    Parameters
    ----------
    path : Path
    max_bytes : int
        A larger file is refused before it is read.

    Raises
    ------
    FileError
        For a file that is missing, not ours, cut off, changed, or of another format version.
    """
    shown = repr(str(path))
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise FileError(f"cannot read {shown}: it is neither a file nor a folder")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise FileError(
                    f"{shown} has {size:,} bytes; where you trust it, "
                    f"load(..., max_bytes={size}) reads it"
                )
            return read_members(file, size, shown)
    except FileNotFoundError:
        raise FileError(f"no file {shown}") from None
    except (OSError, ValueError) as error:
        # Paths with a NUL are no paths.
        why = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read {shown}: {why}") from error


def read_members(file: IO[bytes], size: int, shown: str) -> dict[str, bytes]:
    """Return the members of an archive that is open, all checksums verified.

    Parameters
    ----------
    file : binary file
    size : int
        Its bytes.
    shown : str
        What errors call it.

    Raises
    ------
    FileError
        As `read_archive`.
    """
    try:
        check_directory(file, size)
        with zipfile.ZipFile(file) as archive:
            return _members(archive, size, shown)
    except (
        *(zipfile.BadZipFile, EOFError, NotImplementedError, OverflowError, RuntimeError),
        *(ValueError, struct.error),
    ) as error:
        raise FileError(
            f"{shown} is not a saved fit, or it was cut off or changed: {clipped(printable(error))}"
        ) from error


def read_json(data: bytes, name: str) -> Any:
    """Return what a member of text says.

    Raises
    ------
    FileError
        Text that is too long, too deep or no JSON: small brackets become large objects.
    """
    if len(data) > MAX_JSON:
        raise FileError(f"{name} has {len(data):,} bytes; {MAX_JSON:,} is the limit")
    try:
        return json.loads(data)
    except (RecursionError, ValueError) as error:
        raise FileError(f"damaged file: {name} is no JSON ({printable(error)[:200]})") from error


def to_array(data: bytes, name: str) -> NDArray[Any]:
    """Return the read-only array of a .npy member.

    The header is not believed: the numbers must be there, exactly, before they are used.

    Raises
    ------
    FileError
        For anything but plain numbers in the shape that the header says.
    """
    stream = BytesIO(data)
    try:
        if npy.read_magic(stream) != (1, 0):
            raise ValueError("version of .npy")
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
    except (
        *(LookupError, MemoryError, RecursionError, TypeError, ValueError),
        TokenError,  # NumPy reads headers that are no Python once more, as Python 2
    ) as error:
        said = printable(error)[:200]
        raise FileError(f"damaged file: {name} is not an array ({said})") from error
    body = memoryview(data)[stream.tell() :]
    if dtype.hasobject or dtype.kind not in "biufMm":
        raise FileError(f"damaged file: {name} holds {dtype}, not numbers")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(body):
        raise FileError(f"damaged file: {name} does not hold the {shape} numbers it promises")
    flat = np.frombuffer(body, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _fill(file: Any, members: Iterable[tuple[str, bytes | NDArray[Any]]]) -> None:
    sums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, value in members:
            digest = hashlib.sha256()
            with archive.open(zipfile.ZipInfo(name, _DATE), "w", force_zip64=True) as out:
                for part in _parts(value):
                    out.write(part)
                    digest.update(part)
            sums[name] = digest.hexdigest()
        manifest = {"format": FORMAT, "version": VERSION, "sha256": sums}
        text = json.dumps(manifest, indent=1).encode()
        archive.writestr(zipfile.ZipInfo(_MANIFEST, _DATE), text)


def _parts(value: bytes | NDArray[Any]) -> Iterable[bytes | memoryview]:
    if isinstance(value, bytes):
        return (value,)
    header = BytesIO()
    array = np.ascontiguousarray(value).reshape(value.shape)
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    # Dates have no buffer of their own; their bytes do.
    return (header.getvalue(), array.reshape(-1).view(np.uint8).data)


def _members(archive: zipfile.ZipFile, size: int, shown: str) -> dict[str, bytes]:
    check_members(archive.infolist(), size)
    names = archive.namelist()
    if _MANIFEST not in names:
        raise FileError(f"{shown} is not a saved fit: it has no {_MANIFEST}")
    sums = _manifest(archive.read(_MANIFEST), shown)
    if set(sums) != set(names) - {_MANIFEST}:
        odd = sorted(set(sums) ^ (set(names) - {_MANIFEST}))
        raise FileError(f"{shown} was changed: members added or missing, such as {odd[0]!r}")
    found = {name: archive.read(name) for name in sums}
    for name, data in found.items():
        if hashlib.sha256(data).hexdigest() != sums[name]:
            raise FileError(f"{shown} was changed or damaged: {name!r} has another checksum")
    return found


def _manifest(data: bytes, shown: str) -> Mapping[str, str]:
    try:
        manifest = read_json(data, _MANIFEST)
        kind, version, sums = manifest["format"], manifest["version"], manifest["sha256"]
    except (FileError, KeyError, TypeError) as error:
        raise FileError(f"{shown} is damaged: its manifest cannot be read") from error
    if kind != FORMAT or not isinstance(sums, dict):
        raise FileError(f"{shown} is not a saved fit but {printable(repr(kind)[:60])}")
    if version != VERSION:
        raise FileError(
            f"{shown} is in format {printable(version)[:20]}, and this hierglm reads format "
            f"{VERSION}; use the hierglm that wrote it, or a newer one"
        )
    return sums
