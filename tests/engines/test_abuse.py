"""Threads, forks, pickles, signals: each works or raises our error, and nothing is left behind."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hierglm.engines.child import Child, Failure
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Engine, Settings
from hierglm.errors import CompileError, EngineError, EngineMissing, SamplingError
from tests.engines import programs
from tests.engines.conftest import Maker, children_of, fake_exe, posix_only, same_draws

QUICK = Settings(chains=2, warmup=100, draws=50, seed=7)
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["embedded", "threads"])
def engine_of(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    if request.param == "threads" and os.name != "posix":
        pytest.skip("the fake CmdStan is a shell script")
    return Maker(request.param, tmp_path)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Neither processes nor open files outlive a test."""
    folder = Path("/proc/self/fd")
    before = (
        {str(f.readlink()) for f in folder.iterdir() if f.exists()} if folder.exists() else set()
    )
    yield
    if folder.exists():
        after = {str(f.readlink()) for f in folder.iterdir() if f.exists()}
        assert not {name for name in after - before if "pipe" in name or "hierglm" in name}
    assert os.name != "posix" or not children_of(os.getpid())


def test_from_a_worker_thread(engine_of: Maker) -> None:
    engine = engine_of(programs.BOUNDED)
    for settings in (QUICK, replace(QUICK, chains=1)):
        here = engine.sample(programs.BOUNDED, settings)
        with ThreadPoolExecutor(1) as pool:
            there = pool.submit(engine.sample, programs.BOUNDED, settings).result()
        assert same_draws(here, there)


def test_eight_threads_at_once(engine_of: Maker) -> None:
    engine = engine_of(programs.BOUNDED)
    alone = engine.sample(programs.BOUNDED, QUICK)
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(engine.sample, programs.BOUNDED, QUICK) for _ in range(8)]
    assert all(same_draws(alone, job.result()) for job in jobs)


def test_a_density_opened_in_a_thread_outlives_it() -> None:
    opened = EmbeddedEngine().open(programs.BOUNDED)
    with ThreadPoolExecutor(1) as pool:
        density = pool.submit(opened.__enter__).result()
    assert np.isfinite(density(np.zeros(density.size))[0])
    opened.__exit__(None, None, None)


@posix_only()
def test_after_a_fork(engine_of: Maker) -> None:
    engine = engine_of(programs.NORMAL)
    expected = engine.sample(programs.NORMAL, QUICK)["b"].values.sum()
    with engine.open(programs.NORMAL) as density:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, from 3.12 on
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                try:
                    density(np.zeros(1))
                except EngineError as error:
                    code = 2 if "fork" in str(error) else 3
                if engine.sample(programs.NORMAL, QUICK)["b"].values.sum() == expected:
                    code += 10
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 12
        assert np.isfinite(density(np.zeros(1))[0])


def test_a_pickled_engine(engine_of: Maker) -> None:
    engine = engine_of(programs.NORMAL)
    copy: Engine = pickle.loads(pickle.dumps(engine))
    assert copy == engine
    assert same_draws(engine.sample(programs.NORMAL, QUICK), copy.sample(programs.NORMAL, QUICK))


@posix_only()
def test_in_a_folder_that_is_gone(
    engine_of: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(programs.NORMAL)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.syspath_prepend("")
    gone.rmdir()
    try:
        assert engine.sample(programs.NORMAL, QUICK)["b"].values.shape == (2, 50, 1)
    finally:
        os.chdir(tmp_path)


def test_a_module_of_the_user_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise RuntimeError('not me')\n")
    monkeypatch.chdir(tmp_path)
    EmbeddedEngine().sample(programs.NORMAL, QUICK)


def test_a_site_hook_that_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello from the site')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    EmbeddedEngine().sample(programs.NORMAL, QUICK)


def test_a_program_that_prints() -> None:
    code = programs.NORMAL.bare.replace("model {", 'model {\n  print("mu is ", mu);')
    program = replace(programs.NORMAL, code=code, bare=code)
    draws = EmbeddedEngine().sample(program, QUICK)
    assert same_draws(draws, EmbeddedEngine().sample(programs.NORMAL, QUICK))


def test_wrong_data(engine_of: Maker) -> None:
    engine = engine_of(programs.NORMAL)
    for y in ([1.0, np.nan], [np.inf, 1.0], [[1.0], [1.0, 2.0]], ["a", "b"], None):
        broken = replace(programs.NORMAL, data={"N": 2, "y": y})
        with pytest.raises(EngineError, match="Stan data 'y'"):
            engine.sample(broken, QUICK)
    for data in ({"N": 3, "y": [1.0, 2.0]}, {"y": [1.0]}, {"N": -1, "y": []}, {"N": 1.5, "y": [1]}):
        with pytest.raises(EngineError, match="Stan"):
            engine.sample(replace(programs.NORMAL, data=data), QUICK)


def test_a_program_that_does_not_compile() -> None:
    with pytest.raises(CompileError) as error:
        EmbeddedEngine().sample(programs.MISSPELT, QUICK)
    assert str(error.value).splitlines() == [
        "Stan's compiler refuses line 5 of the program, written for part 5: Ill-typed arguments to "
        '"~"-statement. No function "nrmal_lpdf" was found when looking for distribution "nrmal".',
        "    x ~ nrmal(0, 1);",
        "        ^",
    ]
    with pytest.raises(CompileError, match="line 5"), EmbeddedEngine().open(programs.MISSPELT):
        pass


def test_a_program_that_the_embedded_engine_cannot_run() -> None:
    program = programs.program("parameters {\n  tuple(real, real) x;\n}\nmodel {\n}\n", {})
    with pytest.raises(CompileError, match="embedded engine cannot run"):
        EmbeddedEngine().sample(program, QUICK)


def test_no_starting_point(engine_of: Maker) -> None:
    with pytest.raises(SamplingError, match=r"no starting point.*model\.priors"):
        engine_of(programs.IMPOSSIBLE).sample(programs.IMPOSSIBLE, QUICK)


def test_an_output_that_is_not_there() -> None:
    from hierglm.program.fragment import Output

    asked = replace(programs.NORMAL, outputs=(Output("nu", "nu", "family"),))
    with pytest.raises(EngineError, match="returned no 'nu', which the program promises"):
        EmbeddedEngine().sample(asked, QUICK)


def test_without_stanli(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for use in (
        lambda: EmbeddedEngine().sample(programs.NORMAL, QUICK),
        lambda: EmbeddedEngine().open(programs.NORMAL).__enter__(),
        lambda: EmbeddedEngine().versions(),
    ):
        with pytest.raises(EngineMissing, match="pip install stanli"):
            use()


def test_a_stanli_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stanli.py").write_text("raise OSError('GLIBC_2.99 not found')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EngineMissing, match="GLIBC_2"):
        EmbeddedEngine().sample(programs.NORMAL, QUICK)


def _in_the_background(engine: Engine) -> tuple[threading.Thread, list[BaseException], int]:
    found: list[BaseException] = []

    def work() -> None:
        try:
            engine.sample(programs.LONG, Settings(chains=2))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 10
    while not (children := children_of(os.getpid())) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    return thread, found, children[0]


@posix_only()
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGKILL, "memory"), (signal.SIGSEGV, "fault")]
)
def test_a_child_that_dies(number: int, words: str) -> None:
    thread, found, child = _in_the_background(EmbeddedEngine())
    os.kill(child, number)
    thread.join(5)
    (error,) = found
    assert isinstance(error, SamplingError)
    assert signal.Signals(number).name in str(error)
    assert words in str(error)


SCRIPT = """
import sys
from tests.engines import programs
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
engine = CmdStanEngine(exe_file=sys.argv[1]) if sys.argv[1:] else EmbeddedEngine()
print("ready", flush=True)
try:
    engine.sample(programs.LONG, Settings(chains=2))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def _session(arguments: list[str], tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a Python that fits for long; return it with all that it has started."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.2)
    started = _descendants(process.pid)
    assert started
    return process, started


def _descendants(pid: int) -> list[int]:
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    direct = [int(line) for line in said.stdout.split()]
    return direct + [below for child in direct for below in _descendants(child)]


def _alive(pids: list[int]) -> list[int]:
    said = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    rows = [line.split() for line in said.splitlines()]
    return [int(pid) for pid, state in rows if not state.startswith("Z")]


@posix_only()
@pytest.mark.parametrize("name", ["embedded", "cmdstan"])
def test_ctrl_c_ends_it_at_once(name: str, tmp_path: Path) -> None:
    arguments = [] if name == "embedded" else [str(fake_exe(tmp_path, programs.LONG, "slow"))]
    process, started = _session(arguments, tmp_path)
    with process:
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
    assert time.monotonic() - begin < 3
    assert said == "interrupted\n"
    assert not _alive(started)
    assert not list(tmp_path.glob("hierglm-*"))


@posix_only()
@pytest.mark.parametrize("name", ["embedded", "cmdstan"])
def test_nothing_survives_a_killed_parent(name: str, tmp_path: Path) -> None:
    arguments = [] if name == "embedded" else [str(fake_exe(tmp_path, programs.LONG, "slow"))]
    process, started = _session(arguments, tmp_path)
    with process:
        process.kill()
    until = time.monotonic() + 5
    while _alive(started) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _alive(started)
    assert not list(tmp_path.glob("hierglm-*"))


def test_a_job_that_fails_in_an_unexpected_way() -> None:
    with Child("stanli_worker.py") as child:
        with pytest.raises(Failure, match="no such task"):
            child.ask({"task": "no such task"})
        assert child.ask({"task": "build"}).facts["version"]


def test_no_python_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(EngineError, match=r"sys\.executable is empty"):
        EmbeddedEngine().sample(programs.NORMAL, QUICK)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(EngineError, match="cannot start '/no/such/python'"):
        CmdStanEngine(exe_file=__file__).sample(programs.NORMAL, QUICK)
