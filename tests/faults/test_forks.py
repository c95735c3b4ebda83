"""Forks, threads and processes: each gives the numbers of a fit by itself."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.run import Run
from tests.engines.conftest import posix_only

DATA = {"y": [1.0, 2.5, 2.0, 4.0, 3.0, 0.5], "g": list("aabbcc")}
CALL: dict[str, Any] = {"chains": 2, "warmup": 50, "draws": 20, "seed": 3, "progress": False}


def fitted(seed: int = 3) -> bytes:
    """Return the draws of a fit of one's own."""
    fit = hg.fit("y ~ 1 + (1 | g)", DATA, **{**CALL, "seed": seed})
    return b"".join(v.values.tobytes() for v in fit.draws)


@pytest.fixture(scope="module")
def alone() -> bytes:
    return fitted()


@pytest.fixture
def _quiet_forks() -> Iterator[None]:
    with warnings.catch_warnings():
        # From 3.12 on Python warns of forks where threads are.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@posix_only()
@pytest.mark.usefixtures("_quiet_forks")
def test_processes_forked_after_a_fit(alone: bytes, own_tmp: Path) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        found = list(pool.map(fitted, [3, 4, 3]))
    assert [one == alone for one in found] == [True, False, True]


@posix_only()
@pytest.mark.usefixtures("_quiet_forks")
def test_a_fork_while_a_fit_runs_in_a_thread(alone: bytes, own_tmp: Path) -> None:
    found: list[bytes] = []
    started = threading.Event()

    def many() -> None:
        started.set()
        found.extend(fitted() for _ in range(3))

    thread = threading.Thread(target=many)
    thread.start()
    started.wait()
    codes = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if fitted() == alone else 2
            finally:
                os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    thread.join()
    assert codes == [0, 0]
    assert found == [alone] * 3


def test_eight_fits_in_threads(alone: bytes, own_tmp: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fitted, [3] * 8))
    assert found == [alone] * 8


def status() -> tuple[int, int]:
    """Return open files and threads of this process (Linux only)."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    said = dict(line.split(":", 1) for line in text.splitlines())
    return sum(1 for _ in Path("/proc/self/fd").iterdir()), int(said["Threads"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_thirty_fits_hold_no_more_than_ten(own_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Stan's process ends with each fit: what could pile up is on this side.
    kept: list[Run] = []
    sample = EmbeddedEngine.run

    def once(self: EmbeddedEngine, program: Any, settings: Any) -> Run:
        if not kept:
            kept.append(sample(self, program, settings))
        return kept[0]

    data = {"y": np.random.default_rng(1).normal(size=2000), "g": np.arange(2000) % 200}
    monkeypatch.setattr(EmbeddedEngine, "run", once)

    def fits(count: int) -> tuple[int, int]:
        for _ in range(count):
            hg.fit("y ~ 1 + (1 | g)", data, **CALL).ranef()
        gc.collect()
        return status()

    fits(8)
    tracemalloc.start()
    try:
        before, (held, _) = fits(2), tracemalloc.get_traced_memory()
        after, (more, _) = fits(20), tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after == before
    # A single column that stayed behind is 16 kB, the draws of a fit are 64 kB.
    assert (more - held) / 20 < 8_000
