"""A process that is killed while chains of a checkpoint run: all that it started goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from hierglm.writing import write_table
from tests.engines.conftest import posix_only
from tests.engines.test_abuse import _alive, _descendants

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from hierglm.checkpointing.engine import KeepingEngine
from hierglm.checkpointing.file import Checkpoint
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from pathlib import Path
from tests.engines import programs
engine = KeepingEngine(EmbeddedEngine(), Checkpoint(Path(sys.argv[1])))
print("ready", flush=True)
engine.sample(programs.LONG, Settings(chains=2, threads=2))
"""


@posix_only()
def test_no_chain_survives_a_killed_parent(tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "run.hglm")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        until = time.monotonic() + 20
        while len(started := _descendants(process.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        assert len(started) == 2
        process.kill()
    until = time.monotonic() + 10
    while _alive(started) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _alive(started)
    assert list(folder.iterdir()) == []
    assert [file.name for file in tmp_path.glob("*.hglm")] == ["run.hglm"]


def test_what_a_killed_write_left_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "fit (1).csv"
    dead, alive, other = (
        tmp_path / name
        for name in (".0123456789ab.fit (1).csv", ".ba9876543210.fit (1).csv", ".0123456789ab.fit")
    )
    for file in (dead, alive, other):
        file.write_text("half")
        os.utime(file, (0, time.time() - (10 if file == alive else 7200)))
    write_table(pd.DataFrame({"x": [1]}), path)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, alive.name, other.name}
    assert path.read_text() == "x\n1\n"
