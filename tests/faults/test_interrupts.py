"""Ctrl-C in any stage of a fit: it ends at once, nothing is left, and the next fit is right."""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.checkpointing.engine import KeepingEngine
from hierglm.checkpointing.file import Checkpoint
from hierglm.engines.cache import cached, programs_folder
from hierglm.engines.child import Child
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from tests.engines import programs
from tests.engines.conftest import children_of, posix_only, same_draws

pytestmark = posix_only()

DATA = {"y": [1.0, 2.5, 2.0, 4.0, 3.0, 0.5], "g": list("aabbcc")}
CALL: dict[str, Any] = {"chains": 2, "warmup": 50, "draws": 20, "seed": 3, "progress": False}
SOON = 5.0
"""Seconds within which an interrupted call returns, on a busy machine."""

Later = Callable[[Callable[[], None], Callable[[], bool]], None]


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupted(call: Callable[[], object]) -> float:
    """Return how long a call went on after it began."""
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        call()
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("hierglm.modelling", "specify"),
        ("hierglm.prepared", "choose"),
        ("hierglm.prepared", "write"),
        ("hierglm.engines.embedded", "to_json"),
        ("hierglm.engines.embedded", "_run"),
        ("hierglm.running", "with_effects"),
        ("hierglm.running", "versions"),
    ],
)
def test_in_a_stage(own_tmp: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    stage = importlib.import_module(module)
    before = getattr(stage, name)

    def interrupt_there(*args: Any, **options: Any) -> Any:
        interrupt()
        time.sleep(10)
        return before(*args, **options)

    monkeypatch.setattr(stage, name, interrupt_there)
    assert interrupted(lambda: hg.fit("y ~ 1 + (1 | g)", DATA, **CALL)) < 10
    assert not children_of(os.getpid())
    assert list(own_tmp.iterdir()) == []


@pytest.mark.parametrize("keeping", [False, True])
def test_while_chains_run(own_tmp: Path, tmp_path: Path, later: Later, keeping: bool) -> None:
    path = tmp_path / "run.hglm"
    engine = KeepingEngine(EmbeddedEngine(), Checkpoint(path)) if keeping else EmbeddedEngine()
    began: list[float] = []

    def when() -> bool:
        return len(children_of(os.getpid())) > keeping

    def end() -> None:
        time.sleep(0.5)
        began.append(time.monotonic())
        interrupt()

    later(end, when)
    with pytest.raises(KeyboardInterrupt):
        engine.sample(programs.LONG, Settings(chains=2, threads=2))
    assert time.monotonic() - began[0] < SOON
    assert not children_of(os.getpid())


@pytest.mark.parametrize("after_polars", [False, True])
def test_while_a_program_is_compiled(
    own_tmp: Path,
    tmp_path: Path,
    later: Later,
    monkeypatch: pytest.MonkeyPatch,
    after_polars: bool,
) -> None:
    if after_polars:
        # It takes over Ctrl-C, and lets reads that are interrupted begin anew.
        frame = pytest.importorskip("polars").DataFrame({"a": [1, 2, 2]})
        assert frame.group_by("a").len().height == 2
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "cache"))
    mark = tmp_path / "compiling"
    with Child("cmdstan_worker.py", scratch=True) as child:

        def build(folder: Path) -> None:
            slow = ["sh", "-c", f"echo half > '{folder}/program'; touch '{mark}'; sleep 60"]
            child.ask({"task": "build", "steps": [[slow]]})

        later(interrupt, mark.exists)
        assert interrupted(lambda: cached("a program", build, {})) < 30
    left = [file.name for file in programs_folder().iterdir() if file.suffix != ".lock"]
    assert left == []


def test_while_a_fit_is_saved(
    own_tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hierglm.results import archive

    path = tmp_path / "fit.hglm"
    path.write_bytes(b"what was there before")
    members = [(f"array_{k}.npy", np.arange(1000.0)) for k in range(4)]
    parts = archive._parts
    count = iter(range(1000))

    def interrupt_within(value: Any) -> Any:
        if next(count) == 2:
            interrupt()
            time.sleep(10)
        return parts(value)

    monkeypatch.setattr(archive, "_parts", interrupt_within)
    assert interrupted(lambda: archive.write_archive(path, members)) < 10
    assert path.read_bytes() == b"what was there before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fit.hglm", own_tmp.name]


def test_a_fit_after_an_interrupted_one_is_right(
    own_tmp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.hglm"
    straight = hg.fit("y ~ 1 + (1 | g)", DATA, **CALL)
    keep = Checkpoint.keep

    def keep_and_interrupt(self: Checkpoint, steps: Any) -> None:
        keep(self, steps)
        if any(steps.values()):
            interrupt()
            time.sleep(10)

    monkeypatch.setattr(Checkpoint, "keep", keep_and_interrupt)
    assert (
        interrupted(lambda: hg.fit("y ~ 1 + (1 | g)", DATA, checkpoint=path, threads=1, **CALL))
        < 30
    )
    monkeypatch.undo()
    fit = hg.fit("y ~ 1 + (1 | g)", DATA, checkpoint=path, **CALL)
    assert "1 complete chain taken from the checkpoint 'run.hglm'" in fit.notes
    assert same_draws(fit.draws, straight.draws)
