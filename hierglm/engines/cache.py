"""Compiled programs, kept by their content in the user's cache folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_STALE = 86_400
"""Seconds after which an unfinished build is given up: it was killed."""


def cache_folder() -> Path:
    """Return the folder of compiled programs: HIERGLM_CACHE, or the user's cache folder."""
    if own := os.environ.get("HIERGLM_CACHE"):
        return Path(own).absolute() / "programs"
    import platformdirs

    return Path(platformdirs.user_cache_dir("hierglm", appauthor=False)) / "programs"


def cached(content: str, build: Callable[[Path], None]) -> Path:
    """Return the folder of what was built from this content, building it if need be.

    Two processes may ask at once: each builds in a folder of its own, which is renamed
    when it is whole; the later one is thrown away.

    Parameters
    ----------
    content : str
        All that decides the outcome: code, versions, flags.
    build : callable
        Fills the folder that it is given.

    Returns
    -------
    Path
        Not to be written to.

    Examples
    --------
    >>> folder = cached("key", lambda into: (into / "x").write_text("1"))  # doctest: +SKIP
    """
    home = cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    final = home / sha256(content.encode()).hexdigest()[:32]
    if (final / "done").exists():
        return final
    _sweep(home)
    own = Path(tempfile.mkdtemp(prefix=f"{final.name}.", dir=home))
    try:
        build(own)
        (own / "done").touch()
        if not (final / "done").exists():
            shutil.rmtree(final, ignore_errors=True)  # not ours: we only rename whole folders
        with suppress(OSError):  # another process was first
            own.rename(final)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return final


def clear_cache() -> int:
    """Remove all compiled programs and return how many there were."""
    home = cache_folder()
    whole = [folder for folder in home.glob("*") if (folder / "done").exists()]
    shutil.rmtree(home, ignore_errors=True)
    return len(whole)


def _sweep(home: Path) -> None:
    """Remove what killed builds left behind."""
    for folder in home.glob("*.*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE:
                shutil.rmtree(folder, ignore_errors=True)
