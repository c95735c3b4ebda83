"""The embedded engine: stanli, Stan without a C++ compiler, behind walls."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from hierglm.draws.draws import Draws
from hierglm.draws.stored import IN_FILES, mapped
from hierglm.engines.alongside import Alongside
from hierglm.engines.child import Answer, Child, Failure, Progress
from hierglm.engines.data import to_json
from hierglm.engines.density import OpenDensity
from hierglm.engines.engine import Density, Floats, Settings
from hierglm.engines.failures import explain
from hierglm.engines.progress import progress_bar
from hierglm.engines.run import STAN_STATS, Run, name_stats
from hierglm.errors import EngineMissing
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program

WORKER = "stanli_worker.py"


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """Samples with stanli, each run in a process of its own.

    Holds nothing alive: it may be pickled, copied, and used from any thread or after a
    fork. One seed gives one answer, whatever the number of threads.

    Raises
    ------
    EngineMissing
        From every method, where stanli is not installed.

    Examples
    --------
    >>> EmbeddedEngine().name
    'embedded'
    """

    @property
    def name(self) -> str:
        """What the user types."""
        return "embedded"

    @property
    def abilities(self) -> frozenset[Ability]:
        """What programs may use; measured by tests/engines/test_abilities.py."""
        return frozenset(Ability) - {Ability.KERNELS}

    @property
    def starts(self) -> bool:
        """Chains start where the program says."""
        return True

    def versions(self) -> Mapping[str, str]:
        """Return the version of stanli.

        Raises
        ------
        EngineMissing
            If it is not installed.
        """
        _require()
        return {"stanli": metadata.version("stanli")}

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws.

        Raises
        ------
        CompileError
            If Stan's compiler refuses the program; quotes the line and its origin.
        SamplingError
            If no chain could start, or the process died.
        EngineMissing
            If stanli is not installed.
        """
        return self.run(program, settings).labelled(program.outputs)

    def run(self, program: Program, settings: Settings) -> Run:
        """Return what was sampled under Stan's own names, with step sizes and metric."""
        _require()
        with Child(WORKER) as child, progress_bar(settings) as report:
            return self._ask(child, _sampling_request(program, settings), program, report)

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
        _require()
        request = {**_sampling_request(program, settings), "chain": number}
        scratch: bool | Path = False
        if folder is not None:
            scratch, request["in_files"] = folder, IN_FILES
        with Child(WORKER, scratch=scratch) as child, together.with_child(child):
            # Its files lose their names with the child, and live as long as they are looked at.
            return self._ask(child, request, program, report)

    def _ask(
        self, child: Child, request: Mapping[str, Any], program: Program, report: Progress
    ) -> Run:
        try:
            return _run(child.ask(request, to_json(program.data), report))
        except Failure as failure:
            raise explain(failure, program, self.name) from None

    @contextmanager
    def open(self, program: Program) -> Iterator[Density]:
        """Open the program's log density, to be used in a ``with`` statement.

        Raises
        ------
        CompileError, EngineError, EngineMissing
            As `sample`.
        """
        _require()
        with Child(WORKER) as child:
            density = open_in(child, program)
            try:
                yield density
            finally:
                density.close()


def open_in(child: Child, program: Program) -> OpenDensity:
    """Open a program's log density in a process that runs; whatever was open there is lost.

    Parameters
    ----------
    child : Child
        Of the job `WORKER`.
    program : Program

    Raises
    ------
    CompileError, EngineError, EngineMissing
        As `EmbeddedEngine.open`.
    """

    def ask(request: Mapping[str, Any], blob: bytes) -> Answer:
        try:
            return child.ask(request, blob)
        except Failure as failure:
            raise explain(failure, program, EmbeddedEngine().name) from None

    def evaluate(points: Floats) -> tuple[Floats, Floats]:
        where = {"task": "evaluate", "shape": list(points.shape)}
        table = ask(where, points.astype("<f8", copy=False).tobytes()).arrays["table"]
        return table[:, 0], table[:, 1:]

    def unconstrain(values: Mapping[str, Any]) -> Floats:
        return ask({"task": "unconstrain"}, to_json(values)).arrays["point"]

    request = {"task": "open", "code": program.bare, "seed": 0}
    size = int(ask(request, to_json(program.data)).facts["size"])
    return OpenDensity(size, evaluate, unconstrain)


def _run(answer: Answer) -> Run:
    arrays = dict(answer.arrays)
    columns = arrays["stats"]
    values = {n.removeprefix("value "): a for n, a in arrays.items() if n.startswith("value ")}
    if file := answer.facts.get("file"):
        columns_there = mapped(Path(file["path"]), file["shape"])
        for name, (start, dims) in file["columns"].items():
            # Stan writes the first index fastest.
            flat = columns_there[:, :, start : start + math.prod(dims)]
            there = flat.reshape(*flat.shape[:2], *dims[::-1])
            values[name] = there.transpose(0, 1, *range(len(dims) + 1, 1, -1))
    return Run(
        values=values,
        stats=name_stats({name: columns[:, :, i] for i, name in enumerate(STAN_STATS)}),
        step_size=arrays["step_size"],
        metric=arrays["metric"],
        seconds=tuple(answer.facts["seconds"]),
    )


def _sampling_request(program: Program, settings: Settings) -> dict[str, Any]:
    return {
        "task": "sample",
        "code": program.bare,
        "seed": int(settings.seed),
        "names": list(program.read),
        "settings": _sampler_arguments(settings),
        "start": _start(program),
        "chain": None,
        "in_files": None,
    }


def _sampler_arguments(settings: Settings) -> dict[str, Any]:
    total = settings.warmup + settings.draws
    return {
        "chains": int(settings.chains),
        "seed": int(settings.seed),
        "warmup": int(settings.warmup),
        "samples": int(settings.draws),
        "delta": float(settings.adapt_delta),
        "max_depth": int(settings.max_treedepth),
        "parallel_chains": settings.parallel,
        # The times of the chains are told only along with progress.
        "refresh": max(1, total // 100),
    }


def _start(program: Program) -> dict[str, Any] | None:
    """Return starting values, flat in Stan's own (column-major) order, and their spreads."""
    if not program.start:
        return None
    places = program.start.items()
    values = {n: np.asarray(p.value).flatten(order="F").tolist() for n, p in places}
    scalars = {n for n, p in places if np.ndim(p.value) == 0}
    spread = np.concatenate([p.spread for p in program.start.values()])
    return {
        "values": {n: v[0] if n in scalars else v for n, v in values.items()},
        "spread": spread.tolist(),
    }


def _require() -> None:
    if importlib.util.find_spec("stanli") is None:
        raise EngineMissing(
            "engine 'embedded' needs stanli, which is not installed: pip install stanli"
        )
