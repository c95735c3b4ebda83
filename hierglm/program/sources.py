"""Where the Stan and C++ texts that come with hierglm lie."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the files lie inside the package; in a checkout beside it.
_HOMES = (_PACKAGE / "_stan", _PACKAGE.parent / "stan")


@cache
def stan_folder(name: str) -> Path:
    """Return a folder of Stan or C++ texts.

    Parameters
    ----------
    name : str
        "functions", "cpp/kernels" or "cpp/console".

    Raises
    ------
    FileNotFoundError
        If hierglm is installed without it.

    Examples
    --------
    >>> stan_folder("functions").name
    'functions'
    """
    for home in _HOMES:
        if (folder := home / name).is_dir():
            return folder
    raise FileNotFoundError(f"hierglm is installed without its folder stan/{name}")
