"""A run that was killed goes on from its complete chains, to the draws it would have had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm import sampling
from hierglm.checkpointing.file import Checkpoint, read_checkpoint
from hierglm.engines.alongside import Alongside
from hierglm.engines.engine import ByChain, Settings
from hierglm.engines.recorded import RecordedEngine
from hierglm.errors import CheckpointError, CompileError, FileError, SamplingError, SettingsError
from tests.engines import programs
from tests.engines.conftest import children_of, fake_exe, posix_only, same_draws

ROOT = Path(__file__).parents[2]
FORMULA = "log_radon ~ floor_measure + (1 | county_idx)"
CALL: dict[str, Any] = {
    "chains": 3,
    "warmup": 100,
    "draws": 50,
    "seed": 11,
    "threads": 1,
    "progress": False,
}

KILLED = """
import os, signal, sys
from hierglm import sampling
from hierglm.checkpointing.file import Checkpoint
from tests.faults.test_checkpoint import FORMULA, CALL, doubt_the_first
import hierglm as hg

path, after, doubted = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "doubted"
if doubted:
    sampling.doubt = doubt_the_first()
keep = Checkpoint.keep

def keep_and_die(self, steps):
    keep(self, steps)
    if sum(map(len, steps.values())) == after:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.keep = keep_and_die
call = CALL | ({"warmup": "auto"} if doubted else {})
hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **call)
"""


def doubt_the_first() -> Any:
    """Return what finds fault with the first draws it is asked about, and not with others."""
    said = iter(["R-hat was 1.500"])
    return lambda draws: next(said, "")


def killed(path: Path, after: int, doubted: bool = False) -> None:
    """Run a fit that is killed as soon as so many chains are kept."""
    arguments = [str(path), str(after), "doubted" if doubted else "trusted"]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(scope="module")
def uninterrupted() -> hg.Fit:
    return hg.fit(FORMULA, hg.datasets.radon(), **CALL)


@posix_only()
def test_a_killed_run_goes_on_to_the_same_draws(tmp_path: Path, uninterrupted: hg.Fit) -> None:
    path = tmp_path / "run.hglm"
    killed(path, after=2)
    (chains,) = read_checkpoint(path).steps.values()
    assert list(chains) == [1, 2]
    with pytest.raises(FileError, match="checkpoint of a fit that has not ended"):
        hg.load(path)
    # Without a seed, the one that the run has taken.
    call = {name: value for name, value in CALL.items() if name != "seed"}
    fit = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **call)
    assert fit.settings.seed == 11
    assert same_draws(fit.draws, uninterrupted.draws)
    assert "2 complete chains taken from the checkpoint 'run.hglm'" in fit.notes
    assert set(fit.notes) - set(uninterrupted.notes) == {fit.notes[-1]}
    # The file is the fit now: for `load`, and for the same call, which samples nothing.
    assert same_draws(hg.load(path).draws, fit.draws)
    before = path.read_bytes()
    again = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    assert isinstance(again, hg.Fit)
    assert (again.when, again.seconds, again.notes) == (fit.when, fit.seconds, fit.notes)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["run.hglm"]


@posix_only()
def test_a_run_killed_in_its_second_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.hglm"
    killed(path, after=4, doubted=True)
    assert [list(chains) for chains in read_checkpoint(path).steps.values()] == [[1, 2, 3], [1]]
    call = CALL | {"warmup": "auto"}
    monkeypatch.setattr(sampling, "doubt", doubt_the_first())
    fit = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **call)
    monkeypatch.setattr(sampling, "doubt", doubt_the_first())
    straight = hg.fit(FORMULA, hg.datasets.radon(), **call)
    assert fit.settings.warmup == straight.settings.warmup == sampling.FULL
    assert same_draws(fit.draws, straight.draws)
    assert fit.notes[: len(straight.notes)] == straight.notes


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, uninterrupted: hg.Fit) -> bytes:
    """The file of a run that has ended."""
    path = tmp_path_factory.mktemp("begun") / "run.hglm"
    fit = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    assert same_draws(fit.draws, uninterrupted.draws)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"draws": 120}, ["draws: 50 there, 120 here"]),
        ({"chains": 4}, ["chains: 3 there, 4 here"]),
        ({"seed": 12}, ["seed: 11 there, 12 here"]),
        ({"warmup": 200}, ["warmup: 100 there, 200 here"]),
        ({"adapt_delta": 0.9}, ["adapt_delta: auto there, 0.9 here"]),
        ({"max_treedepth": 9}, ["max_treedepth: 10 there, 9 here"]),
        ({"formula": "log_radon ~ 1 + (1 | county_idx)"}, [f"formula: {FORMULA} there, log_radon"]),
        ({"family": "student"}, ["family: gaussian(identity) there, student(identity) here"]),
        ({"priors": {"b": hg.prior.normal(0, 3)}}, ["priors: ", "b[floor_measure] ~ normal(0, 3)"]),
        ({"plan": "textbook"}, ["program: "]),
        ({"data": "changed"}, ["data: ", "values of the design: "]),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    begun: bytes, tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    path = tmp_path / "run.hglm"
    path.write_bytes(begun)
    call = {"formula": FORMULA, "data": hg.datasets.radon(), **CALL, **change}
    if "data" in change:
        call["data"] = hg.datasets.radon().assign(
            log_radon=lambda d: d["log_radon"].where(d.index != 3, 1.0)
        )
    with pytest.raises(CheckpointError, match="checkpoint of another run") as error:
        hg.fit(checkpoint=path, **call)
    assert all(word in str(error.value) for word in words)
    assert path.read_bytes() == begun


def test_a_function_of_one_s_own_that_is_another(tmp_path: Path) -> None:
    path = tmp_path / "run.hglm"
    data = {"y": [1.0, 2.5, 2.0, 4.0], "x": [0.0, 1.0, 2.0, 3.0]}
    call = {**CALL, "chains": 1, "draws": 10, "warmup": 10, "checkpoint": path}
    hg.fit("y ~ f(x)", data, functions={"f": lambda x: x**2}, **call)
    first = path.read_bytes()
    hg.fit("y ~ f(x)", data, functions={"f": lambda x: x**2}, **call)
    assert path.read_bytes() == first
    with pytest.raises(CheckpointError, match="values of the design"):
        hg.fit("y ~ f(x)", data, functions={"f": lambda x: x**3}, **call)


def test_other_threads_are_the_same_run(begun: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.hglm"
    path.write_bytes(begun)
    fit = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **{**CALL, "threads": 2})
    assert fit.settings.threads == 1


def test_files_that_are_no_checkpoint(tmp_path: Path, uninterrupted: hg.Fit) -> None:
    path = tmp_path / "fit.hglm"
    uninterrupted.save(path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="a saved fit that is no checkpoint"):
        hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    assert path.read_bytes() == before
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(FileError, match="cut off"):
        hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    with pytest.raises(FileError, match="there is no folder"):
        hg.fit(FORMULA, hg.datasets.radon(), checkpoint=tmp_path / "no" / "run.hglm", **CALL)
    for method in ("approx", "optimize"):
        with pytest.raises(SettingsError, match="checkpoint is for method='sample'"):
            hg.fit(FORMULA, hg.datasets.radon(), method=method, checkpoint=path)
    with pytest.raises(SettingsError, match="cannot sample one chain by itself"):
        hg.fit("log_radon ~ 1", hg.datasets.radon(), engine=RecordedEngine("nowhere"),
               checkpoint=tmp_path / "run.hglm", **CALL)  # fmt: skip


def test_a_disk_that_fills_up_loses_no_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: hg.Fit
) -> None:
    keep = Checkpoint.keep

    def full(self: Checkpoint, steps: Any) -> None:
        if sum(map(len, steps.values())) > 1:
            raise FileError("cannot write 'run.hglm': No space left on device")
        keep(self, steps)

    def full_at_last(self: Checkpoint, fitted: Any) -> None:
        raise FileError("cannot write 'run.hglm': No space left on device")

    monkeypatch.setattr(Checkpoint, "keep", full)
    monkeypatch.setattr(Checkpoint, "finish", full_at_last)
    path = tmp_path / "run.hglm"
    with pytest.warns(RuntimeWarning, match="No space left") as said:
        fit = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    assert [str(w.message).split(" is ")[0] for w in said] == [
        "chain 2", "chain 3", "the fit",
    ]  # fmt: skip
    assert same_draws(fit.draws, uninterrupted.draws)
    assert sum("No space left" in note for note in fit.notes) == 3
    monkeypatch.undo()
    again = hg.fit(FORMULA, hg.datasets.radon(), checkpoint=path, **CALL)
    assert "1 complete chain taken from the checkpoint 'run.hglm'" in again.notes
    assert same_draws(again.draws, uninterrupted.draws)


def test_what_a_killed_write_left_is_swept_away(tmp_path: Path) -> None:
    for name in (".0123456789ab.run.hglm", ".0123456789ab.other.hglm"):
        (tmp_path / name).write_text("half")
    call = {**CALL, "chains": 1, "draws": 10, "warmup": 10}
    hg.fit("log_radon ~ 1", hg.datasets.radon(), checkpoint=tmp_path / "run.hglm", **call)
    assert names_in(tmp_path) == [".0123456789ab.other.hglm", "run.hglm"]


SETTINGS = Settings(chains=3, warmup=100, draws=50, seed=7)


@pytest.mark.parametrize("name", ["embedded", "threads"])
def test_chains_by_themselves_are_those_of_the_whole(name: str, tmp_path: Path) -> None:
    engine: ByChain = hg.model("y ~ 1", {"y": [1.0, 2.0]})._engine  # type: ignore[assignment]
    if name == "threads":
        if os.name != "posix":
            pytest.skip("the fake CmdStan is a shell script")
        engine = hg.CmdStanEngine(exe_file=fake_exe(tmp_path, programs.BOUNDED))
    whole = engine.sample(programs.BOUNDED, SETTINGS)
    for number in (3, 1):
        told: list[Any] = []
        run = engine.chain(programs.BOUNDED, SETTINGS, number, told.append, Alongside())
        one = run.labelled(programs.BOUNDED.outputs)
        assert {news["chain"] for news in told} == {number}
        for variable in one:
            np.testing.assert_array_equal(
                variable.values[0], whole[variable.name].values[number - 1]
            )
        for stat, values in one.stats.items():
            np.testing.assert_array_equal(values[0], whole.stats[stat][number - 1])


def test_chains_that_die_are_lost_and_the_others_kept(tmp_path: Path) -> None:
    from hierglm.checkpointing.engine import KeepingEngine
    from hierglm.engines.embedded import EmbeddedEngine

    class Mortal(EmbeddedEngine):
        def chain(self, program: Any, settings: Any, number: int, *rest: Any) -> Any:
            if number == 2:
                raise SamplingError("was killed")
            return super().chain(program, settings, number, *rest)

    whole = EmbeddedEngine().sample(programs.BOUNDED, SETTINGS)
    found = KeepingEngine(Mortal(), Checkpoint(tmp_path / "run.hglm")).sample(
        programs.BOUNDED, SETTINGS
    )
    assert found.lost == {2: "was killed"}
    for variable in found:
        np.testing.assert_array_equal(variable.values, whole[variable.name].values[[0, 2]])
    with pytest.raises(CompileError, match="line 5"):
        KeepingEngine(EmbeddedEngine(), Checkpoint(tmp_path / "no.hglm")).sample(
            programs.MISSPELT, SETTINGS
        )
    assert os.name != "posix" or not children_of(os.getpid())


MANY: dict[str, Any] = {"chains": 2, "warmup": 50, "draws": 20, "threads": 1, "progress": False}
FORMULAS = {"no slope": "log_radon ~ 1", "a/../slope": "log_radon ~ floor_measure"}

KILLED_MANY = """
import os, signal, sys
from hierglm.checkpointing.file import Checkpoint
from tests.faults.test_checkpoint import FORMULAS, MANY
import hierglm as hg

keep = Checkpoint.keep

def keep_and_die(self, steps):
    keep(self, steps)
    if self.path.name == "2.hglm" and any(steps.values()):
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.keep = keep_and_die
hg.fit_many(FORMULAS, hg.datasets.radon(), checkpoint=sys.argv[1], seed=5, **MANY)
"""


@posix_only()
def test_many_fits_go_on_to_the_same_draws(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    done = subprocess.run([sys.executable, "-c", KILLED_MANY, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert names_in(path) == ["1.hglm", "2.hglm", "run.json"]
    first = (path / "1.hglm").read_bytes()
    straight = hg.fit_many(FORMULAS, hg.datasets.radon(), seed=5, **MANY)
    # Without a seed, the one that the run has taken.
    fits = hg.fit_many(FORMULAS, hg.datasets.radon(), checkpoint=path, **MANY)
    assert all(same_draws(fits[name].draws, straight[name].draws) for name in FORMULAS)
    assert "1 complete chain taken from the checkpoint '2.hglm'" in fits["a/../slope"].notes
    assert (path / "1.hglm").read_bytes() == first
    assert names_in(path) == ["1.hglm", "2.hglm", "run.json"]
    other = dict(reversed(FORMULAS.items()))
    for asked, seed, words in [
        (FORMULAS, 6, "seed: 5 there, 6 here"),
        (other, None, "fits: ['no slope', 'a/../slope'] there, ['a/../slope', 'no slope'] here"),
    ]:
        with pytest.raises(CheckpointError) as error:
            hg.fit_many(asked, hg.datasets.radon(), checkpoint=path, seed=seed, **MANY)
        assert words in str(error.value)
    changed = {"no slope": "log_radon ~ 0 + floor_measure", "a/../slope": "log_radon ~ 1"}
    with pytest.raises(CheckpointError, match="formula: log_radon ~ 1 there") as error:
        hg.fit_many(changed, hg.datasets.radon(), checkpoint=path, **MANY)
    assert error.value.__notes__ == ["in the fit of formula 'no slope'"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ('{"seed": 1', "damaged"),
        ('{"seed": true, "run": {}}', "damaged: it does not have a seed and a run"),
        ('{"seed": 1, "run": [3]}', "damaged: it does not have a seed and a run"),
        ("[]", "damaged"),
    ],
)
def test_a_damaged_list_of_fits(tmp_path: Path, held: str, words: str) -> None:
    (tmp_path / "run.json").write_text(held)
    with pytest.raises(FileError, match=words):
        hg.fit_many(FORMULAS, hg.datasets.radon(), checkpoint=tmp_path, **MANY)
    assert names_in(tmp_path) == ["run.json"]


def test_many_fits_want_a_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(FileError, match="is a file, and fit_many keeps its parts in a folder"):
        hg.fit_many(FORMULAS, hg.datasets.radon(), checkpoint=tmp_path / "runs", **MANY)
    assert (tmp_path / "runs").read_text() == "mine"
