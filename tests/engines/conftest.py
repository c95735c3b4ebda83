"""The engines under test, each by name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hierglm.draws.draws import Draws
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.recorded import RecordedEngine
from hierglm.program.fragment import Program
from tests.densities import idle
from tests.engines.fake_cmdstan import make_executable


@dataclass(frozen=True)
class Maker:
    """Makes the engine that runs a program; a recorded one is recorded first."""

    name: str
    folder: Path
    _known: dict[tuple[str, Settings], Draws] = field(default_factory=dict)

    def __call__(self, program: Program, settings: Settings | None = None) -> Engine:
        if self.name == "embedded":
            return EmbeddedEngine()
        exe = fake_exe(self.folder, program, "processes" if self.name == "processes" else "threads")
        if self.name != "recorded":
            return CmdStanEngine(exe_file=exe)
        keep = self.folder / "kept"
        CmdStanEngine(exe_file=exe, keep=keep).sample(program, settings or Settings())
        return RecordedEngine(max(keep.iterdir(), key=lambda f: f.stat().st_mtime_ns))

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Draws that several tests look at, drawn once."""
        key = (program.bare, settings)
        if key not in self._known:
            self._known[key] = self(program, settings).sample(program, settings)
        return self._known[key]


def fake_exe(folder: Path, program: Program, mode: str = "threads") -> Path:
    stan = folder / f"program-{abs(hash(program.bare))}.stan"
    stan.write_text(program.bare)
    return make_executable(folder / f"{stan.stem}-{mode}", stan, mode)


def posix_only() -> pytest.MarkDecorator:
    return pytest.mark.skipif(os.name != "posix", reason="needs POSIX processes")


@pytest.fixture(scope="module", params=["embedded", "threads", "processes", "recorded"])
def make_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    if request.param != "embedded" and os.name != "posix":
        pytest.skip("the fake CmdStan is a shell script")
    return Maker(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def exe(tmp_path: Path) -> Callable[..., Path]:
    """Makes a fake program compiled by CmdStan, in one of the modes of fake_cmdstan.py."""
    if os.name != "posix":
        pytest.skip("the fake CmdStan is a shell script")
    return lambda program, mode="threads": fake_exe(tmp_path, program, mode)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "worker.py"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split() if int(line) not in idle()]


def same_draws(one: Draws, other: Draws) -> bool:
    return all(np.array_equal(v.values, other[v.name].values) for v in one) and all(
        np.array_equal(one.stats[name], other.stats[name]) for name in one.stats
    )
