"""From a Stan program to an executable: compiled once, kept by its content."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hierglm.engines.cache import alone, cached, programs_folder
from hierglm.engines.child import Child, Failure
from hierglm.engines.installed import CmdStan
from hierglm.engines.toolchain import Toolchain, compile_commands
from hierglm.errors import SettingsError
from hierglm.program.fragment import Program
from hierglm.program.kernels import declared, header

Report = Callable[[Mapping[str, Any]], None]
Options = Mapping[str, str | int | bool]

_CPP17_SINCE = (2, 35)
_SUFFIX = ".exe" if os.name == "nt" else ""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the compilers are told besides the program.

    Attributes
    ----------
    cpp : mapping
        Variables of CmdStan's makefile, such as ``{"CXXFLAGS": "-march=native"}``; the
        toolchain from the package registry knows CXXFLAGS alone.
    stanc : mapping
        Options of stanc, such as ``{"O1": True}``.
    """

    cpp: Options = field(default_factory=dict)
    stanc: Options = field(default_factory=dict)


def executable(
    child: Child, program: Program, stan: CmdStan | Toolchain, flags: Flags, report: Report
) -> Path:
    """Return the compiled program, from the cache where it is there.

    Parameters
    ----------
    child : Child
        Runs cmdstan_worker.py; the compilers are its children, so that Ctrl-C ends them.
    program : Program
    stan : CmdStan or Toolchain
        What compiles.
    flags : Flags
    report : callable
        Told ``{"say": "compiling"}`` when there is something to compile.

    Raises
    ------
    Failure
        What the compilers said.
    SettingsError
        For an option that this Stan does not know.
    EngineError
        If the cache cannot be written.
    """
    name = "CmdStan" if isinstance(stan, CmdStan) else "Stan"
    by = f"{name} {'.'.join(map(str, stan.version))}"
    text, kernels = compiled_text(program) if binds(stan) else (program.bare, "")

    def build(folder: Path) -> None:
        report({"say": "compiling"})
        source, kernel_file = folder / "program.stan", None
        source.write_text(text, encoding="utf-8")
        if kernels:
            kernel_file = folder / "kernels.hpp"
            kernel_file.write_text(kernels, encoding="utf-8")
        try:
            if isinstance(stan, Toolchain):
                child.ask(_by_toolchain(stan, source, kernel_file, flags))
            else:
                # CmdStan makes objects of its own, such as precompiled headers, in its folder.
                with alone(programs_folder() / "cmdstan.lock"):
                    child.ask(_by_cmdstan(stan, source, kernel_file, flags))
        except Failure as failure:
            raise Failure(failure.stage, failure.text + _place(failure.text, folder)) from None

    key = [by, str(stan.path), repr(flags), *_machine(), _local(stan), text, kernels]
    facts = {"by": by, "response": _response(program)}
    return cached("\n".join(key), build, facts) / f"program{_SUFFIX}"


def binds(stan: CmdStan | Toolchain) -> bool:
    """Tell whether programs are compiled with kernels: they are C++17, CmdStan's since 2.35."""
    # make cannot pass on a header whose path has a space in it.
    able = " " not in str(programs_folder())
    return isinstance(stan, Toolchain) or (able and stan.version >= _CPP17_SINCE)


def compiled_text(program: Program) -> tuple[str, str]:
    """Return a program as it is compiled, and the C++ of the functions that it only declares."""
    text, names = declared(program)
    return text, header(names)


def _by_cmdstan(stan: CmdStan, source: Path, header: Path | None, flags: Flags) -> dict[str, Any]:
    return {
        "task": "compile",
        "cmdstan": str(stan.path),
        "file": str(source),
        "cpp": {**flags.cpp, "STAN_THREADS": True},
        "stanc": dict(flags.stanc),
        "header": None if header is None else str(header),
    }


def _by_toolchain(
    stan: Toolchain, source: Path, header: Path | None, flags: Flags
) -> dict[str, Any]:
    unknown = set(flags.cpp) - {"CXXFLAGS", "STAN_THREADS"}
    if unknown:
        raise SettingsError(
            f"cpp_options: Stan from the package registry knows CXXFLAGS, not {min(unknown)!r}; "
            "CmdStan knows more"
        )
    said = {name: value for name, value in flags.stanc.items() if value is not False}
    stanc = [f"--{n}" if value is True else f"--{n}={value}" for n, value in said.items()]
    build = compile_commands(
        stan,
        source,
        source.with_name(f"program{_SUFFIX}"),
        header=header,
        stanc_flags=stanc,
        cpp_flags=shlex.split(str(flags.cpp.get("CXXFLAGS", ""))),
    )
    return {"task": "build", "steps": build.steps}


def _machine() -> tuple[str, ...]:
    """Return what an executable depends on: a cache may be shared between machines."""
    return sys.platform, platform.machine(), *platform.libc_ver()


def _local(stan: CmdStan | Toolchain) -> str:
    """Return what else decides: flags in CmdStan's make/local, the toolchain's own sources."""
    if isinstance(stan, Toolchain):
        return f"{stan.console.name} {stan.kernels.name}"
    local = stan.path / "make" / "local"
    return local.read_text(encoding="utf-8", errors="replace") if local.is_file() else ""


def _response(program: Program) -> str:
    """Return the line of the program that says most: the likelihood, which comes last."""
    said = re.findall(r"^  ((?:y ~|target \+=).*)$", program.bare, re.MULTILINE)
    return said[-1] if said else ""


def _place(errors: str, folder: Path) -> str:
    """Return where in the Stan program the C++ compiler's first error comes from, or "".

    stanc numbers the statements: before each it writes ``current_statement__ = 7;``, and in
    front of all a table of their places.
    """
    found = re.search(r"program\.hpp:(\d+)(?::\d+)?:\s+(?:error|required from)", errors)
    written = folder / "program.hpp"
    if found is None or not written.is_file():
        return ""
    lines = written.read_text(encoding="utf-8", errors="replace").splitlines()
    numbers = re.findall(r"current_statement__ = (\d+);", "\n".join(lines[: int(found[1])]))
    places = re.findall(r"\(in '[^']*', (line \d+, column \d+)[^)]*\)", "\n".join(lines))
    # The table starts with " (found before start of program)".
    number = int(numbers[-1]) if numbers else 0
    return f"\nC++ error in {places[number - 1]}" if 0 < number <= len(places) else ""
