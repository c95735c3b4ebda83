"""Compiled programs, kept by their content in the user's cache folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hierglm.errors import EngineError, SettingsError

_STALE = 86_400
"""Seconds after which an unfinished build is given up: it was killed."""

_LARGEST = "1GB"
"""How much is kept: some hundred programs. HIERGLM_CACHE_SIZE says otherwise."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True, slots=True)
class Entry:
    """A compiled program in the cache.

    Attributes
    ----------
    path : Path
        Its folder.
    size : int
        Bytes.
    used : float
        When it was asked for last, in seconds since 1970.
    facts : mapping
        What it was compiled from and by, as given to `cached`.
    """

    path: Path
    size: int
    used: float
    facts: Mapping[str, str]


def cache_folder() -> Path:
    """Return the folder of what is kept between runs: HIERGLM_CACHE, or the user's own."""
    if own := os.environ.get("HIERGLM_CACHE"):
        return Path(own).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("hierglm", appauthor=False))


def programs_folder() -> Path:
    """Return the folder of compiled programs."""
    return cache_folder() / "programs"


def cached(content: str, build: Callable[[Path], None], facts: Mapping[str, str]) -> Path:
    """Return the folder of what was built from this content, building it if need be.

    Two processes may ask at once: one builds while the other waits. A build happens in a
    folder of its own, renamed when it is whole, so that one that was killed leaves nothing
    that looks finished. What was not used for longest goes when all is larger than
    HIERGLM_CACHE_SIZE ("500MB"; 1 GB by default).

    Parameters
    ----------
    content : str
        All that decides the outcome: code, versions, flags.
    build : callable
        Fills the folder that it is given.
    facts : mapping of str to str
        What to say of it in a list.

    Returns
    -------
    Path
        Not to be written to.

    Raises
    ------
    EngineError
        If the cache folder cannot be written, or is full.
    SettingsError
        If HIERGLM_CACHE_SIZE is not a size.

    Examples
    --------
    >>> folder = cached("key", lambda f: (f / "x").touch(), {})  # doctest: +SKIP
    """
    largest = _largest()
    home = programs_folder()
    final = home / sha256(content.encode()).hexdigest()[:32]
    if _whole(final):
        return final
    try:
        home.mkdir(parents=True, exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix=f"{final.name}.", dir=home))
    except OSError as error:
        raise EngineError(
            f"compiled programs cannot be kept in {home}: {error.strerror or error}; set the "
            "environment variable HIERGLM_CACHE to a folder that can be written"
        ) from error
    try:
        with alone(home / f"{final.name}.lock"):
            if _whole(final):  # built by another process meanwhile
                return final
            build(own)
            (own / "facts.json").write_text(json.dumps(dict(facts)), encoding="utf-8")
            (own / "done").touch()
            shutil.rmtree(final, ignore_errors=True)  # not ours: we only rename whole folders
            try:
                own.rename(final)
            except OSError:
                if not _whole(final):  # else: no locks on this disk, and another was first
                    raise
    except OSError as error:
        raise EngineError(
            f"a program could not be built in {home}: {error.strerror or error}; "
            "'hierglm cache list' shows what is there, HIERGLM_CACHE names another folder"
        ) from error
    finally:
        shutil.rmtree(own, ignore_errors=True)
    _sweep(home, final, largest)
    return final


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let no other process hold this lock in the meantime.

    A lock dies with its process, so one that was killed blocks nobody. Where the disk
    cannot lock, all go ahead: work may be done twice, but never half.
    """
    from filelock import FileLock

    held = FileLock(lock)
    with suppress(OSError, NotImplementedError):
        held.acquire()
    try:
        yield
    finally:
        held.release()


def list_cache() -> list[Entry]:
    """Return the compiled programs, those used last first."""
    found = []
    for folder in programs_folder().glob("*"):
        with suppress(OSError, ValueError):  # another process may be removing it
            used = (folder / "done").stat().st_mtime
            size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
            found.append(Entry(folder, size, used, facts))
    return sorted(found, key=lambda entry: -entry.used)


def clear_cache() -> int:
    """Remove all compiled programs and return how many there were."""
    count = len(list_cache())
    shutil.rmtree(programs_folder(), ignore_errors=True)
    return count


def _whole(folder: Path) -> bool:
    """Whether it was built, marking it as used now."""
    done = folder / "done"
    if not done.exists():
        return False
    with suppress(OSError):  # a cache that may only be read serves all the same
        os.utime(done)
    return True


def _sweep(home: Path, keep: Path, largest: int) -> None:
    """Remove what killed builds left behind, and the oldest of what is too much."""
    for path in home.glob("*.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    total = 0
    for entry in list_cache():
        total += entry.size
        if total > largest and entry.path != keep:
            shutil.rmtree(entry.path, ignore_errors=True)


def _largest() -> int:
    text = os.environ.get("HIERGLM_CACHE_SIZE", _LARGEST)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", text.strip().upper())
    if found is None:
        raise SettingsError(f"HIERGLM_CACHE_SIZE must be a size such as '500MB', not {text!r}")
    return int(float(found[1]) * _UNITS[found[2]])
