"""What there is to compute with on this machine, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from hierglm.engines.child import Child, Failure
from hierglm.engines.compiler import CANDIDATES
from hierglm.engines.installed import describe, find_stan
from hierglm.errors import EngineError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    Attributes
    ----------
    what : str
        Its name: "stanli", "CmdStan", "C++ compiler".
    found : bool
        Whether it is there and works.
    version : str
        Which one, or "".
    advice : str
        How to get it, or what else to know; "" if there is nothing to say.
    """

    what: str
    found: bool
    version: str = ""
    advice: str = ""


def examine() -> list[Finding]:
    """Return what there is to compute with; never fails, whatever is missing.

    Examples
    --------
    >>> examine()[0].what
    'Python'
    """
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("Python", _python),
        ("stanli", _stanli),
        ("compiled Stan", _cmdstan),
        ("C++ compiler", _compiler),
        ("make", _make),
        ("cmdstanpy", lambda: _package("cmdstanpy")),
        ("arviz", lambda: _package("arviz")),
    )
    return [_safely(what, look) for what, look in looks]


def _safely(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # whatever is broken here is what the user wants to know
        return Finding(what, False, "", f"{type(error).__name__}: {error}")


def _python() -> Finding:
    return Finding("Python", True, f"{platform.python_version()}, {sys.executable}")


def _stanli() -> Finding:
    try:
        with Child("stanli_worker.py") as child:
            facts = child.ask({"task": "build"}).facts
    except Failure as failure:
        return Finding("stanli", False, "", f"pip install stanli ({failure.text})")
    return Finding("stanli", True, f"{facts['version']}, build {facts['build']}")


def _cmdstan() -> Finding:
    try:
        found = find_stan()
    except EngineError as error:
        return Finding("compiled Stan", False, "", f"only engine='cmdstan' needs it; {error}")
    return Finding("compiled Stan", True, describe(found))


def _compiler() -> Finding:
    names = [os.environ.get("CXX", ""), *CANDIDATES]
    return _program("C++ compiler", names, "only engine='cmdstan' needs it; install g++ or clang")


def _make() -> Finding:
    names = [os.environ.get("MAKE", ""), "mingw32-make" if os.name == "nt" else "make"]
    return _program("make", names, "only engine='cmdstan' needs it; install GNU make")


def _program(what: str, names: list[str], advice: str) -> Finding:
    for name in names:
        if name and (path := shutil.which(name)):
            said = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=20, check=False
            ).stdout
            first = said.splitlines()[0] if said else path
            return Finding(what, True, first)
    return Finding(what, False, "", advice)


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, False, "", f"pip install {name}")
