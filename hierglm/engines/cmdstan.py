"""The CmdStan engine: programs compiled to C++, chains as threads of one process."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

from hierglm.draws.draws import Draws
from hierglm.engines.alongside import Alongside
from hierglm.engines.child import Child, Failure, Progress
from hierglm.engines.cmdstan_density import density_of
from hierglm.engines.cmdstan_job import Job
from hierglm.engines.cmdstan_methods import run_method
from hierglm.engines.cmdstan_sampling import ask_for_chains, sampling_request
from hierglm.engines.data import to_json
from hierglm.engines.engine import Approximated, Density, Settings
from hierglm.engines.executable import Flags, Options, binds, executable
from hierglm.engines.failures import explain
from hierglm.engines.installed import CmdStan, find_stan
from hierglm.engines.progress import progress_bar
from hierglm.engines.run import Run
from hierglm.engines.stan_chains import read_survivors
from hierglm.engines.toolchain import Toolchain
from hierglm.errors import EngineError
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program

_WORKER = "cmdstan_worker.py"
_BINOMIAL_SINCE = (2, 34)
"""The first version with binomial_logit_glm."""


@dataclass(frozen=True)
class CmdStanEngine:
    """Samples with CmdStan, found and driven through cmdstanpy.

    Each run lives in a process of its own: the user's environment, working folder and
    logging stay as they are, and Ctrl-C ends the compiler or the sampler at once. Compiled
    programs are kept in the user's cache folder, or where HIERGLM_CACHE points.

    Parameters
    ----------
    cmdstan : path, optional
        Folder of CmdStan, or of the toolchain that ``hierglm toolchain install --from-pypi``
        makes; by default the CmdStan that `cmdstanpy.cmdstan_path` finds, else that toolchain.
    exe_file : path, optional
        A program that is compiled already, run whatever the Stan code says.
    keep : path, optional
        Folder in which to keep the output files and the data, each run in a folder of
        its own.
    cpp_options : mapping, optional
        Variables for CmdStan's makefile: ``{"CXXFLAGS": "-march=native"}``.
    stanc_options : mapping, optional
        Options of Stan's compiler: ``{"O1": True}``.

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
    cpp_options: Options = field(default_factory=dict)
    stanc_options: Options = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the user types."""
        return "cmdstan"

    @property
    def abilities(self) -> frozenset[Ability]:
        """What programs may use; it depends on the version of CmdStan."""
        lacks = {Ability.BINOMIAL_GLM} if self._version() < _BINOMIAL_SINCE else set()
        if self.exe_file is None and not binds(self._stan()):
            lacks.add(Ability.KERNELS)
        return frozenset(Ability) - lacks

    @property
    def starts(self) -> bool:
        """Chains start where the program says."""
        return True

    def versions(self) -> Mapping[str, str]:
        """Return the versions of CmdStan and cmdstanpy."""
        text = ".".join(str(part) for part in self._version()) or "unknown"
        if self.exe_file is not None:
            return {"cmdstan": text}
        stan = self._stan()
        if isinstance(stan, CmdStan):
            return {"cmdstan": text, "cmdstanpy": stan.cmdstanpy}
        return {"stan": text}

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
        with Child(_WORKER, scratch=True) as child, progress_bar(settings) as report:
            return self._chains(child, program, settings, report, {})

    def chain(
        self,
        program: Program,
        settings: Settings,
        number: int,
        report: Progress,
        together: Alongside,
        folder: Path | None = None,
    ) -> Run:
        """Return one chain by itself; see `hierglm.engines.engine.ByChain`."""
        threads = max(1, settings.processors // settings.parallel)
        alone = {"numbers": [number], "threads": threads}
        scratch = True if folder is None else folder
        with Child(_WORKER, scratch=scratch) as child, together.with_child(child):
            # Files lose their names with the child, and live as long as they are looked at.
            place = None if folder is None else Path(child.scratch)
            return self._chains(child, program, settings, report, alone, place)

    def _chains(
        self,
        child: Child,
        program: Program,
        settings: Settings,
        report: Progress,
        some: Mapping[str, Any],
        place: Path | None = None,
    ) -> Run:
        """Return the chains of a run, or those that are asked for; large values in a place."""
        data = to_json(program.data)
        try:
            exe, threaded = self._executable(child, program, report)
            request = sampling_request(program, settings, Path(child.scratch))
            Path(request["data"]).write_bytes(data)
            facts = ask_for_chains(
                {**request, "exe": exe, "threaded": threaded, **some}, child, report
            )
            files, lost = _by_chain(facts["files"]), _by_chain(facts["lost"])
            return read_survivors(files, list(program.read), lost, place)
        except Failure as failure:
            raise explain(failure, program, self.name) from None
        finally:
            if self.keep is not None:
                _keep(Path(child.scratch), Path(self.keep))

    def approximate(self, program: Program, settings: Settings) -> Approximated:
        """Return what a method other than sampling gives: one chain of draws, or the mode.

        Raises
        ------
        CompileError, SamplingError, EngineMissing
            As `sample`.
        EngineError
            If this CmdStan is too old for the method.
        """
        data = to_json(program.data)
        with Child(_WORKER, scratch=True) as child:
            try:
                exe, _ = self._executable(child, program, lambda _: None)
                (Path(child.scratch) / "data.json").write_bytes(data)
                return run_method(Job(child, exe, self._version(), program, settings))
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
        flags = Flags(self.cpp_options, self.stanc_options)
        return str(executable(child, program, self._stan(), flags, report)), True

    def _version(self) -> tuple[int, ...]:
        if self.exe_file is None:
            return self._stan().version
        info = _info(*_identity(self.exe_file))
        parts = (info.get("stan_version_major", ""), info.get("stan_version_minor", ""))
        return tuple(int(part) for part in parts) if all(p.isdigit() for p in parts) else ()

    def _stan(self) -> CmdStan | Toolchain:
        return find_stan(self.cmdstan)


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


def _by_chain(facts: Mapping[str, str]) -> dict[int, str]:
    return {int(chain): value for chain, value in facts.items()}


def _keep(scratch: Path, keep: Path) -> None:
    """Copy a run's files to a folder of their own, so that no run overwrites another."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = keep / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    for file in (*scratch.glob("*.csv"), *scratch.glob("*.json")):
        shutil.copy2(file, folder / file.name)
