"""The list of members at the end of a saved fit, looked at before anything is believed."""

from __future__ import annotations

import os
import re
import struct
import zipfile
from typing import IO, Any

MAX_MEMBERS = 100_000
MAX_ENTRY = 512
"""Bytes of one entry; ours have names such as ``array_12.npy``."""

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_NAME = re.compile(r"\w[\w-]*(\.\w+)?", re.ASCII)


def check_directory(file: IO[bytes], size: int) -> None:
    """Refuse an archive whose list of members would take much memory merely to be read.

    ``zipfile`` makes an object of a kilobyte of each entry, and one entry takes 46 bytes.

    Parameters
    ----------
    file : binary file
        Its place is changed.
    size : int
        Bytes in it.

    Raises
    ------
    ValueError
        No end of a zip where our files have it, or too many members.
    """
    end = _read(file, size - _END.size, _END)
    if end[0] != b"PK\x05\x06" or end[-1]:
        raise ValueError("it does not end as a saved fit does")
    members, length = end[4], end[5]
    if members == 0xFFFF or 0xFFFFFFFF in end[5:7]:
        locator = _read(file, size - _END.size - _LOCATOR.size, _LOCATOR)
        large = _read(file, size - _END.size - _LOCATOR.size - _END_64.size, _END_64)
        if locator[0] != b"PK\x06\x07" or large[0] != b"PK\x06\x06":
            raise ValueError("it does not end as a saved fit does")
        members, length = large[7], large[8]
    if members > MAX_MEMBERS or length > min(size, MAX_ENTRY * (members + 1)):
        raise ValueError("its list of members is too long")
    file.seek(0, os.SEEK_SET)


def check_members(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse members that a saved fit cannot have.

    Parameters
    ----------
    infos : list of ZipInfo
        As the archive lists them.
    size : int
        Bytes in the file.

    Raises
    ------
    ValueError
        Members of one name, too many, with paths, compressed, or larger than the file.
    """
    names = [info.filename for info in infos]
    if len(set(names)) != len(names) or len(names) > MAX_MEMBERS:
        raise ValueError("its list of members is wrong")
    odd = next((name for name in names if not _NAME.fullmatch(name)), None)
    if odd is not None:
        raise ValueError(f"it has a member {odd[:40]!r}, and a saved fit has none with such a name")
    if any(i.compress_type != zipfile.ZIP_STORED or i.file_size != i.compress_size for i in infos):
        raise ValueError("it was repacked: a saved fit holds no compressed members")
    if any(i.flag_bits & 1 for i in infos):
        raise ValueError("it is encrypted")
    if sum(info.file_size for info in infos) > size:
        raise ValueError("it promises more than it holds")


def _read(file: IO[bytes], start: int, what: struct.Struct) -> tuple[Any, ...]:
    if start < 0:
        raise ValueError("it is too short")
    file.seek(start)
    return what.unpack(file.read(what.size))
