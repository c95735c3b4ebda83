"""Stan's C++ from the package registry: where it is, and how a program is built with it.

The wheel `httpstan` carries Stan's headers, its compiler ``stanc``, TBB and SUNDIALS.
`hierglm.engines.toolchain_install` unpacks them into the user's cache folder and adds three
things, compiled in advance: Stan's model header; `stan/cpp/console`, the program that speaks
CmdStan's command line and files; and the arithmetic of the kernels. A model is then translated,
compiled by two compilers side by side, which take half each (`stan/cpp/units`), and linked with
those; what comes out is run as if CmdStan had made it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from hierglm.engines.cache import cache_folder
from hierglm.engines.compiler import Compiler, find_compilers
from hierglm.errors import EngineMissing
from hierglm.program.sources import stan_folder

STAN = (2, 39, 0)
"""The version of Stan in the wheel."""

FLAGS = (
    "-std=c++17",
    "-O3",
    "-pthread",
    "-D_REENTRANT",
    "-DSTAN_THREADS",
    "-DBOOST_DISABLE_ASSERTS",
    # Stan checks sizes and indices itself; Eigen's second look is a twentieth of compile time.
    "-DEIGEN_NO_DEBUG",
    # Objects built for this very machine must agree with those that are not on how Eigen
    # aligns memory.
    "-DEIGEN_MAX_ALIGN_BYTES=16",
    # What Stan's headers warn of is not for the users of a model.
    "-w",
)
"""Flags of all C++ here: CmdStan's own, with threads.

A header compiled with one set of them is not used with another.
"""

UNPACKED = "toolchain.json"
"""Written when all is unpacked."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What is needed to make programs out of Stan code.

    Attributes
    ----------
    path : Path
        The folder where it lies; not to be written to.
    version : tuple of int
        Version of Stan: ``(2, 39, 0)``.
    compiler : Compiler
        The one that built its parts; programs are built with no other.
    """

    path: Path
    version: tuple[int, ...]
    compiler: Compiler

    @property
    def header(self) -> Path:
        """What every translated model includes."""
        return self.path / "include" / "stan" / "model" / "model_header.hpp"

    @property
    def precompiled(self) -> Path:
        """The same, compiled in advance."""
        return self.compiler.precompiled(self.header)

    @property
    def console(self) -> Path:
        """The console program, compiled from the sources that this hierglm came with."""
        return self.path / f"console-{_key_of('console')}.o"

    @property
    def kernels(self) -> Path:
        """The arithmetic of kernels, as its programs call it; compiled in the same way."""
        return self.path / f"kernels-{_key_of('kernels')}.o"


@dataclass(frozen=True, slots=True)
class Build:
    """The commands that make an executable; no shell is needed, so any path will do.

    Attributes
    ----------
    translate : list of str
        From Stan to C++: a program and its arguments.
    compile : tuple of list of str
        To objects; all at once, where there are processors for it.
    link : list of str
        To the executable.
    """

    translate: list[str]
    compile: tuple[list[str], ...]
    link: list[str]

    @property
    def steps(self) -> list[list[list[str]]]:
        """One step after the other; the commands of a step need not wait for each other."""
        return [[self.translate], [*self.compile], [self.link]]


def find_toolchain() -> Toolchain | None:
    """Return the toolchain that is installed for a compiler of this machine, if any.

    Examples
    --------
    >>> find_toolchain()  # doctest: +SKIP
    Toolchain(path=PosixPath('/home/ada/.cache/hierglm/toolchains/stan-2.39.0-...'), ...)
    """
    try:
        compilers = find_compilers()
    except EngineMissing:
        return None
    # One that was installed before a quicker compiler came is as good.
    looked = (open_toolchain(expected_toolchain(compiler).path) for compiler in compilers)
    return next((toolchain for toolchain in looked if toolchain), None)


def open_toolchain(folder: Path) -> Toolchain | None:
    """Return the toolchain that lies in this folder, if it is one and whole.

    One without the console program and the kernels of this very hierglm is not: to install it
    again compiles those alone.
    """
    toolchain = open_unpacked(folder)
    if toolchain is None:
        return None
    parts = (toolchain.precompiled, toolchain.console, toolchain.kernels)
    return toolchain if all(part.exists() for part in parts) else None


def open_unpacked(folder: Path) -> Toolchain | None:
    """Return the toolchain that lies in this folder, though nothing may be compiled yet."""
    try:
        facts = json.loads((folder / UNPACKED).read_text(encoding="utf-8"))
        compiler = Compiler(tuple(facts["command"]), facts["kind"], facts["identity"])
        return Toolchain(folder, tuple(facts["version"]), compiler)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def expected_toolchain(compiler: Compiler) -> Toolchain:
    """Return the toolchain as it will be once it is installed.

    A compiled header belongs to the compiler and the flags that it was made with, which decide
    the name of the folder.
    """
    version = ".".join(str(part) for part in STAN)
    key = _key(compiler.identity, *compiler.command, *FLAGS)
    return Toolchain(toolchains_folder() / f"stan-{version}-{key}", STAN, compiler)


def toolchains_folder() -> Path:
    """Return the folder of all toolchains, beside that of the compiled programs."""
    return cache_folder() / "toolchains"


def console_sources() -> tuple[Path, ...]:
    """Return the files of the console program, by name.

    Raises
    ------
    FileNotFoundError
        If hierglm is installed without them.
    """
    return _sources("console")


def _sources(folder: str) -> tuple[Path, ...]:
    return tuple(sorted(stan_folder(f"cpp/{folder}").glob("*.[ch]pp")))


@cache
def _key_of(folder: str) -> str:
    return _key(*(file.read_text(encoding="utf-8") for file in _sources(folder)))


def _key(*content: str) -> str:
    return sha256("\0".join(content).encode()).hexdigest()[:16]


def compile_commands(
    toolchain: Toolchain,
    source: Path,
    exe: Path,
    *,
    header: Path | None = None,
    stanc_flags: Sequence[str] = (),
    cpp_flags: Sequence[str] = (),
) -> Build:
    """Return the commands that make an executable out of a Stan program.

    The intermediate files ``<exe>.hpp``, ``<exe>.model.o`` and ``<exe>.density.o`` are left
    beside it.

    Parameters
    ----------
    toolchain : Toolchain
        What to build with.
    source : Path
        The Stan program.
    exe : Path
        The executable.
    header : Path, optional
        C++ definitions of functions that the program only declares.
    stanc_flags, cpp_flags : sequence of str, optional
        More flags. Some of `cpp_flags`, such as ``-march=native`` or another ``-O``, keep the
        compiler from using the precompiled header: it then takes about three times as long.

    Examples
    --------
    >>> build = compile_commands(toolchain, Path("m.stan"), Path("m"))  # doctest: +SKIP
    >>> [[Path(command[0]).name for command in step] for step in build.steps]  # doctest: +SKIP
    [['stanc'], ['g++', 'g++'], ['g++']]
    """
    folder, compiler = toolchain.path, toolchain.compiler
    cpp = exe.with_name(exe.name + ".hpp")
    translate = [str(folder / "stanc"), f"--o={cpp}", f"--filename-in-msg={source.name}"]
    own: list[str] = []
    if header is not None:
        translate.append("--allow-undefined")
        own = ["-DHIERGLM_KERNELS_APART", "-include", str(header.absolute())]
    translate += [*stanc_flags, str(source)]
    prepared = compiler.with_header(toolchain.header)
    build = [*compiler.command, *flags_of(folder), *prepared, *own]
    build.append(f'-DHIERGLM_PROGRAM="{cpp.absolute()}"')
    compile_, objects = [], []
    for unit in ("model", "density"):
        objects.append(exe.with_name(f"{exe.name}.{unit}.o"))
        unit_source = stan_folder("cpp/units") / f"{unit}.cpp"
        # What is not a gradient runs once a draw. (g++ would not take the header then.)
        quick = ["-O1"] if unit == "model" and compiler.kind == "clang" else []
        compile_.append(
            [*build, *quick, *cpp_flags, "-c", str(unit_source), "-o", str(objects[-1])]
        )
    return Build(translate, tuple(compile_), _link(toolchain, objects, exe, cpp_flags))


def flags_of(folder: Path) -> list[str]:
    """Return the flags that compile C++ with the headers of this toolchain."""
    return [*FLAGS, "-I", str(folder / "include")]


def precompile_command(toolchain: Toolchain, target: Path) -> list[str]:
    """Return the command that compiles Stan's model header."""
    return toolchain.compiler.precompile(toolchain.header, target, flags_of(toolchain.path))


def console_command(toolchain: Toolchain, target: Path) -> list[str]:
    """Return the command that compiles the console program, once for all models."""
    (main,) = (file for file in console_sources() if file.suffix == ".cpp")
    return _compile(toolchain, main, target)


def kernels_command(toolchain: Toolchain, target: Path) -> list[str]:
    """Return the command that compiles the arithmetic of kernels, once for all models."""
    return _compile(toolchain, stan_folder("cpp/kernels") / "kernels.cpp", target)


def _compile(toolchain: Toolchain, source: Path, target: Path) -> list[str]:
    compiler = toolchain.compiler
    flags = [*flags_of(toolchain.path), *compiler.with_header(toolchain.header)]
    return [*compiler.command, *flags, "-c", str(source), "-o", str(target)]


def _link(
    toolchain: Toolchain, compiled: Sequence[Path], exe: Path, flags: Sequence[str]
) -> list[str]:
    folder = toolchain.path
    lib = folder / "lib"
    # -Xlinker, unlike -Wl, takes a path with a comma in it.
    libraries = ["-L", str(lib), "-Xlinker", "-rpath", "-Xlinker", str(lib), "-ltbb"]
    libraries += [str(file) for file in sorted(lib.glob("libsundials_*.a"))]
    objects = [str(file) for file in (*compiled, toolchain.console, toolchain.kernels)]
    command = [*toolchain.compiler.command, "-pthread", *flags]
    return [*command, *objects, *libraries, "-o", str(exe)]
