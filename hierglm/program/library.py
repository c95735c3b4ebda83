"""The Stan functions that programs may call: stan/functions, one documented function a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).resolve().parent.parent
# In a wheel the files lie inside the package; in a checkout beside it.
_FOLDERS = (_HERE / "_stan" / "functions", _HERE.parent / "stan" / "functions")


@cache
def stan_function(name: str) -> str:
    """Return the source of a Stan function, its comment included.

    Parameters
    ----------
    name : str
        Name of the function, which is the name of its file.

    Examples
    --------
    >>> print(stan_function("scale_effects").splitlines()[1])
     * Effects of every level from standardised ones.
    """
    for folder in _FOLDERS:
        path = folder / f"{name}.stan"
        if path.is_file():
            return path.read_text(encoding="utf-8").rstrip("\n")
    raise FileNotFoundError(f"hierglm is installed without its Stan function {name!r}")
