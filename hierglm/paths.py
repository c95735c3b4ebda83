"""Paths that callers give: what can be none is refused by name, before anything is begun."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hierglm.errors import FileError, clipped


def path_of(value: object, name: str) -> Path:
    """Return what a caller gave as a path.

    Parameters
    ----------
    value : object
        Text or an ``os.PathLike`` of text; no file need be there.
    name : str
        The argument.

    Raises
    ------
    FileError
        For anything else, and for text that no system takes for a path.

    Examples
    --------
    >>> path_of("fits/one.hglm", "path").name
    'one.hglm'
    >>> path_of(3, "checkpoint")
    Traceback (most recent call last):
    hierglm.errors.FileError: checkpoint must be a path, such as 'name', not the int 3
    """
    given = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(given, str) or not given:
        shown = clipped(repr(value))
        raise FileError(
            f"{name} must be a path, such as 'name', not the {type(value).__name__} {shown}"
        )
    path = Path(given)
    try:
        path.lstat()
    except ValueError as error:
        raise FileError(f"{name} cannot be {clipped(repr(given))}: {error}") from error
    except OSError as error:
        # Whatever else is wrong is told by who reads or writes there.
        if error.errno == errno.ENAMETOOLONG:
            raise FileError(f"{name} cannot be {clipped(repr(given))}: {error.strerror}") from error
    return path
