"""Two processes on one cold cache; `tests/engines/test_cache.py` has four, with a quick build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hierglm.engines.toolchain import Toolchain

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import hashlib, sys
import hierglm as hg
print("ready", flush=True)
sys.stdin.readline()
data = {"y": [1.0, 2.5, 2.0, 4.0, 3.0, 0.5], "x": [0.1, 0.7, 0.3, 1.9, 1.2, -0.4]}
call = {"chains": 2, "warmup": 50, "draws": 20, "threads": 1, "progress": False}
fit = hg.fit("y ~ x", data, engine="cmdstan", plan="textbook", seed=3, **call)
print(hashlib.sha256(fit.draws["b"].values.tobytes()).hexdigest())
"""


def started(cache: Path, scratch: Path) -> subprocess.Popen[str]:
    """Return a process that has imported all, and waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HIERGLM_CACHE": str(cache), "TMPDIR": str(scratch)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow  # compiles for 20 s
def test_two_processes_on_one_cold_cache(toolchain: Toolchain, tmp_path: Path) -> None:
    cache, scratch = tmp_path / "cache", tmp_path / "scratch"
    cache.mkdir()
    scratch.mkdir()
    (cache / "toolchains").symlink_to(toolchain.path.parent)
    both = [started(cache, scratch), started(cache, scratch)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=600) for process in both]
    assert [(process.returncode, err) for process, (_, err) in zip(both, told, strict=True)] == [
        (0, "")
    ] * 2
    programs = cache / "programs"
    (kept,) = [path for path in programs.iterdir() if path.suffix != ".lock"]
    whole = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert kept / "done" in whole
    # What is there serves a third one, which compiles nothing.
    alone = started(cache, scratch)
    out, err = alone.communicate("go\n", timeout=600)
    assert (alone.returncode, err) == (0, "")
    assert [out_of_two for out_of_two, _ in told] == [out] * 2
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == whole
    assert list(scratch.iterdir()) == []
