"""The C++ compiler of this machine: which it is, and how it takes a precompiled header."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from hierglm.errors import EngineMissing

CANDIDATES = ("clang++", "g++", "c++")
"""Names that are looked for. The first compiles programs in two thirds of the second's time, to
gradients as fast."""
_GET = "install g++ 9 or later, or clang++ 11 or later, or name one in the variable CXX"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler.

    Attributes
    ----------
    command : tuple of str
        How it is called; CXX may hold more than a name, such as ``ccache g++``.
    kind : {"gcc", "clang"}
        The two take precompiled headers in different ways.
    identity : str
        Version and target machine: objects of one compiler are not those of another.
    """

    command: tuple[str, ...]
    kind: Literal["gcc", "clang"]
    identity: str

    def precompile(self, header: Path, target: Path, flags: Sequence[str]) -> list[str]:
        """Return the command that compiles a header, where it lies: it is bound to its path."""
        # g++ instantiates what templates a header uses in every program anew.
        once = ["-fpch-instantiate-templates"] if self.kind == "clang" else []
        return [*self.command, *flags, *once, "-x", "c++-header", str(header), "-o", str(target)]

    def precompiled(self, header: Path) -> Path:
        """Return where `with_header` expects a header once it is compiled."""
        return header.with_name(header.name + (".pch" if self.kind == "clang" else ".gch"))

    def with_header(self, header: Path) -> list[str]:
        """Return the arguments that read a precompiled header before anything else."""
        if self.kind == "clang":
            return ["-include-pch", str(self.precompiled(header))]
        # g++ takes the precompiled header that lies beside the one it is told to include. Its
        # garbage collector would walk through all of it, which takes a tenth of the time, and
        # find some 50 MB: none until 4 GB.
        return ["-include", str(header), "--param=ggc-min-heapsize=4000000"]


def find_compilers() -> tuple[Compiler, ...]:
    """Return the compiler that CXX names, or else all that are here: the quickest first.

    Raises
    ------
    EngineMissing
        If there is none, or the one that CXX names does not run.

    Examples
    --------
    >>> [compiler.kind for compiler in find_compilers()]  # doctest: +SKIP
    ['clang', 'gcc']
    """
    return _find(os.environ.get("CXX", "").strip(), os.environ.get("PATH", ""))


@lru_cache(maxsize=8)
def _find(named: str, path: str) -> tuple[Compiler, ...]:
    if named:
        command = tuple(shlex.split(named))
        if shutil.which(command[0], path=path) is None:
            raise EngineMissing(f"no compiler {command[0]!r}, which CXX names; {_GET}")
        return (_ask(command),)
    found, broken = [], None
    for name in CANDIDATES:
        if shutil.which(name, path=path):
            try:
                found.append(_ask((name,)))
            except EngineMissing as error:
                broken = broken or error
    if found:
        return tuple(found)
    named_here = ", ".join(CANDIDATES)
    raise broken or EngineMissing(f"no C++ compiler ({named_here}) is on the PATH; {_GET}")


def _ask(command: tuple[str, ...]) -> Compiler:
    """Return the compiler of this name; it tells itself what it is."""
    version = _output([*command, "--version"])
    if not version:
        raise EngineMissing(f"{shlex.join(command)} --version says nothing; {_GET}")
    # On macOS g++ is clang by another name.
    kind: Literal["gcc", "clang"] = "clang" if "clang" in version.lower() else "gcc"
    machine = _output([*command, "-dumpmachine"])
    return Compiler(command, kind, f"{version.splitlines()[0]} {machine}".strip())


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissing(f"cannot run {shlex.join(command)}: {error}; {_GET}") from None
    return done.stdout.strip() if done.returncode == 0 else ""
