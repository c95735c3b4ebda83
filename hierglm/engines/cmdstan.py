"""The CmdStan engine: programs compiled to C++, chains as threads of one process."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

from hierglm.draws.draws import Draws
from hierglm.engines.cache import cache_folder, cached
from hierglm.engines.child import Child, Failure
from hierglm.engines.cmdstan_density import density_of
from hierglm.engines.data import to_json
from hierglm.engines.engine import Density, Settings
from hierglm.engines.failures import explain
from hierglm.engines.progress import progress_bar
from hierglm.engines.run import Run
from hierglm.engines.stan_csv import read_chains
from hierglm.errors import EngineError, EngineMissing
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program

_WORKER = "cmdstan_worker.py"
_OLDEST = (2, 32)
_BINOMIAL_SINCE = (2, 34)
"""The first version with binomial_logit_glm."""

_FLAGS = {"STAN_THREADS": True}
_GET = "get it with: python -m cmdstanpy.install_cmdstan, or take engine='embedded'"


@dataclass(frozen=True, slots=True)
class Found:
    """A CmdStan: where it is, its version, and that of cmdstanpy."""

    path: str
    version: tuple[int, ...]
    cmdstanpy: str


@dataclass(frozen=True)
class CmdStanEngine:
    """Samples with CmdStan, found and driven through cmdstanpy.

    Each run lives in a process of its own: the user's environment, working folder and
    logging stay as they are, and Ctrl-C ends the compiler or the sampler at once. Compiled
    programs are kept in the user's cache folder, or where HIERGLM_CACHE points.

    Parameters
    ----------
    cmdstan : path, optional
        Folder of CmdStan; by default the one that `cmdstanpy.cmdstan_path` finds.
    exe_file : path, optional
        A program that is compiled already, run whatever the Stan code says.
    keep : path, optional
        Folder in which to keep the output files and the data, each run in a folder of
        its own.

    Raises
    ------
    EngineMissing
        From every method, where there is no CmdStan, or one before 2.32.

    Examples
    --------
    >>> CmdStanEngine().name
    'cmdstan'
    """

    cmdstan: str | PathLike[str] | None = None
    exe_file: str | PathLike[str] | None = None
    keep: str | PathLike[str] | None = None

    @property
    def name(self) -> str:
        """What the user types."""
        return "cmdstan"

    @property
    def abilities(self) -> frozenset[Ability]:
        """What programs may use; it depends on the version of CmdStan."""
        if self._version() >= _BINOMIAL_SINCE:
            return frozenset(Ability)
        return frozenset(Ability) - {Ability.BINOMIAL_GLM}

    @property
    def starts(self) -> bool:
        """Chains start where CmdStan has them start."""
        return False

    def versions(self) -> Mapping[str, str]:
        """Return the versions of CmdStan and cmdstanpy."""
        text = ".".join(str(part) for part in self._version()) or "unknown"
        if self.exe_file is not None:
            return {"cmdstan": text}
        return {"cmdstan": text, "cmdstanpy": self._found().cmdstanpy}

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws.

        Raises
        ------
        CompileError
            If the program cannot be built; quotes the line and its origin.
        SamplingError
            If a chain could not start or did not finish.
        EngineMissing
            If there is no CmdStan.
        """
        return self.run(program, settings).labelled(program.outputs)

    def run(self, program: Program, settings: Settings) -> Run:
        """Return what was sampled under Stan's own names, with step sizes and metric."""
        names = list(dict.fromkeys(out.stan for out in program.outputs))
        data = to_json(program.data)
        with Child(_WORKER, scratch=True) as child, progress_bar(settings) as report:
            try:
                exe, threaded = self._executable(child, program, report)
                request = _sampling_request(settings, Path(child.scratch))
                Path(request["data"]).write_bytes(data)
                answer = child.ask({**request, "exe": exe, "threaded": threaded}, b"", report)
                return read_chains(answer.facts["files"], names)
            except Failure as failure:
                raise explain(failure, program, self.name) from None
            finally:
                if self.keep is not None:
                    _keep(Path(child.scratch), Path(self.keep))

    @contextmanager
    def open(self, program: Program) -> Iterator[Density]:
        """Open the program's log density, to be used in a ``with`` statement.

        CmdStan starts anew for every point, some 10 ms each: good for checks; for more,
        the embedded engine's density is the same and a hundred times faster.

        Raises
        ------
        CompileError, EngineError, EngineMissing
            As `sample`.
        """
        data = to_json(program.data)
        with Child(_WORKER, scratch=True) as child:
            try:
                exe, _ = self._executable(child, program, lambda _: None)
            except Failure as failure:
                raise explain(failure, program, self.name) from None
            density = density_of(child, exe, program, data)
            try:
                yield density
            finally:
                density.close()

    def _executable(
        self, child: Child, program: Program, report: Callable[[Mapping[str, Any]], None]
    ) -> tuple[str, bool]:
        """Return the compiled program, and whether its chains can be threads."""
        if self.exe_file is not None:
            info = _info(*_identity(self.exe_file))
            return str(Path(self.exe_file).absolute()), info.get("STAN_THREADS", "") == "true"
        found = self._found()

        def build(folder: Path) -> None:
            report({"say": "compiling"})
            source = folder / "program.stan"
            source.write_text(program.bare, encoding="utf-8")
            lock = str(cache_folder() / "compiling.lock")
            request = {"task": "compile", "file": str(source), "flags": _FLAGS, "lock": lock}
            child.ask({**request, "cmdstan": found.path})

        flags = " ".join(f"{k}={v}" for k, v in _FLAGS.items())
        version = ".".join(str(part) for part in found.version)
        # Another CmdStan of the same version may have other compiler flags of its own.
        key = "\n".join([version, found.path, flags, sys.platform, program.bare])
        suffix = ".exe" if os.name == "nt" else ""
        return str(cached(key, build) / f"program{suffix}"), True

    def _version(self) -> tuple[int, ...]:
        if self.exe_file is None:
            return self._found().version
        info = _info(*_identity(self.exe_file))
        parts = (info.get("stan_version_major", ""), info.get("stan_version_minor", ""))
        return tuple(int(part) for part in parts) if all(p.isdigit() for p in parts) else ()

    def _found(self) -> Found:
        own = None if self.cmdstan is None else str(Path(self.cmdstan).absolute())
        return find_cmdstan(own, os.environ.get("CMDSTAN"))


@lru_cache(maxsize=8)
def find_cmdstan(path: str | None, environment: str | None) -> Found:
    """Return the CmdStan that cmdstanpy finds; asked once, because importing it is slow.

    Parameters
    ----------
    path : str or None
        Where it is, if that is known.
    environment : str or None
        The variable CMDSTAN, which decides where cmdstanpy looks.

    Raises
    ------
    EngineMissing
        If there is none, or one before 2.32.
    """
    with Child(_WORKER, scratch=True) as child:
        try:
            facts = child.ask({"task": "find", "cmdstan": path}).facts
        except Failure as failure:
            if failure.stage == "missing":
                raise EngineMissing(
                    f"engine 'cmdstan' needs cmdstanpy: pip install cmdstanpy ({failure.text})"
                ) from None
            where = path or environment
            said = f"no CmdStan in {where}: {failure.text}" if where else "CmdStan is not installed"
            raise EngineMissing(f"{said}; {_GET}") from None
    version = tuple(facts["version"])
    if version < _OLDEST:
        text = ".".join(str(part) for part in version) or "of unknown version"
        raise EngineMissing(
            f"CmdStan {text} in {facts['path']} is too old: 2.32 or later is needed; {_GET}"
        )
    return Found(facts["path"], version, facts["cmdstanpy"])


def _identity(exe_file: str | PathLike[str]) -> tuple[str, float]:
    path = Path(exe_file).absolute()
    if not path.is_file():
        raise EngineError(f"no compiled program {path}")
    return str(path), path.stat().st_mtime


@lru_cache(maxsize=32)
def _info(exe: str, changed: float) -> Mapping[str, str]:
    """Return what a compiled program tells of itself; empty if nothing."""
    with Child(_WORKER, scratch=True) as child:
        try:
            info = child.ask({"task": "info", "exe": exe}).facts["info"]
        except Failure as failure:
            raise EngineError(failure.text) from None
    return {key: str(value).lower() for key, value in info.items()}


def _sampling_request(settings: Settings, scratch: Path) -> dict[str, Any]:
    total = settings.warmup + settings.draws
    sampler = [
        "method=sample",
        f"num_samples={settings.draws}",
        f"num_warmup={settings.warmup}",
        "algorithm=hmc",
        "engine=nuts",
        f"max_depth={settings.max_treedepth}",
        "adapt",
        # CmdStan refuses to adapt in no time.
        *(["engaged=1", f"delta={settings.adapt_delta}"] if settings.warmup else ["engaged=0"]),
    ]
    return {
        "task": "sample",
        "scratch": str(scratch),
        "data": str(scratch / "data.json"),
        "chains": int(settings.chains),
        "threads": settings.parallel,
        "seed": int(settings.seed),
        "refresh": max(1, total // 100),
        "sampler": sampler,
    }


def _keep(scratch: Path, keep: Path) -> None:
    """Copy a run's files to a folder of their own, so that no run overwrites another."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = keep / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    for file in (*scratch.glob("chain_*.csv"), *scratch.glob("data.json")):
        shutil.copy2(file, folder / file.name)
