"""Folds, refits and simulated data sets that are kept: a run goes on to the same numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.checkpointing.answers import open_answers, perform_kept
from hierglm.checkpointing.folder import open_folder
from hierglm.comparing import refits
from hierglm.comparing.elpd import Elpd
from hierglm.comparing.repair import refitted
from hierglm.errors import CheckpointError, FileError, SettingsError
from hierglm.simulating import calibrate, recover

X = np.linspace(-1, 1, 12)
DATA = {
    "y": X + np.array([0.3, -0.2, 0.5, -0.4, 0.1, 0.6, -0.3, 0.2, -0.5, 0.4, 0.0, -0.1]),
    "x": X,
}
CALL: dict[str, Any] = {"chains": 2, "warmup": 100, "draws": 100, "threads": 1, "progress": False}
RUN = "run.json"
FOLDS = [f"{k}.part" for k in range(1, 5)]


@pytest.fixture(scope="module")
def fit() -> hg.Fit:
    return hg.fit("y ~ x", DATA, seed=3, **CALL)


@pytest.fixture(scope="module")
def straight(fit: hg.Fit) -> Elpd:
    return fit.kfold(4)


@pytest.fixture(scope="module")
def begun(fit: hg.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was interrupted in its third fold."""
    path = tmp_path_factory.mktemp("begun") / "folds"
    with pytest.MonkeyPatch.context() as patch:
        calls = counted(patch, refits, "held_out", stop_at=3)
        with pytest.raises(KeyboardInterrupt):
            fit.kfold(4, checkpoint=path)
    assert len(calls) == 3
    assert names_in(path) == [*FOLDS[:2], RUN]
    return path


def counted(
    patch: pytest.MonkeyPatch, module: Any, name: str, stop_at: int | None = None
) -> list[Any]:
    """Return the list that calls of a function are added to; one of them is interrupted."""
    before: Callable[..., Any] = getattr(module, name)
    calls: list[Any] = []

    def call(*arguments: Any) -> Any:
        calls.append(arguments[-1])
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return before(*arguments)

    patch.setattr(module, name, call)
    return calls


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def same(found: Elpd, expected: Elpd) -> bool:
    return found.elpd_i.tobytes() == expected.elpd_i.tobytes() and dict(found.troubles) == dict(
        expected.troubles
    )


@pytest.mark.parametrize("threads", [0, 2])
def test_folds_go_on_to_the_same_densities(
    fit: hg.Fit,
    straight: Elpd,
    begun: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
) -> None:
    path = shutil.copytree(begun, tmp_path / "folds")
    kept = [(path / name).read_bytes() for name in FOLDS[:2]]
    calls = counted(monkeypatch, refits, "held_out")
    if threads:
        with ThreadPoolExecutor(threads) as pool:
            found = fit.kfold(4, executor=pool, checkpoint=path)
    else:
        found = fit.kfold(4, checkpoint=path)
    assert same(found, straight)
    # The third and the fourth fold alone.
    left = sorted(sorted(some.tolist()) for some in calls)
    assert found.folds is not None
    assert left == sorted(np.flatnonzero(found.folds == k).tolist() for k in (3, 4))
    assert names_in(path) == [*FOLDS, RUN]
    assert [(path / name).read_bytes() for name in FOLDS[:2]] == kept
    calls.clear()
    assert same(fit.kfold(4, checkpoint=path), straight)
    assert calls == []


def test_another_run_is_refused(fit: hg.Fit, begun: Path) -> None:
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    longer = replace(fit, settings=replace(fit.settings, draws=200))
    for one, k, words in [
        (fit, 3, "left out: 4 parts of 12 of 'row' ("),
        (longer, 4, "draws: 100 there, 200 here"),
    ]:
        with pytest.raises(CheckpointError) as error:
            one.kfold(k, checkpoint=begun)
        assert words in str(error.value)
    with pytest.raises(CheckpointError) as error:
        hg.fit_many({"a": "y ~ 1", "b": "y ~ x"}, DATA, checkpoint=begun, **CALL)
    assert str(error.value).splitlines()[1:-1] == [
        "  task: fits without parts there, fit_many here"
    ]
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == before


def test_parts_that_are_none(fit: hg.Fit, begun: Path, tmp_path: Path) -> None:
    path = shutil.copytree(begun, tmp_path / "folds")
    whole = (path / "1.part").read_bytes()
    (path / "3.part").write_bytes(whole)
    with pytest.raises(CheckpointError, match="is of another run, or of another part"):
        fit.kfold(4, checkpoint=path)
    for damaged in (b"", whole[: len(whole) // 2], whole.replace(b"density", b"gravity")):
        (path / "1.part").write_bytes(damaged)
        with pytest.raises(FileError, match="is damaged, or no part of a checkpoint; remove it"):
            fit.kfold(4, checkpoint=path)
    with pytest.raises(FileError, match=r"has no member 'fit\.json'"):
        hg.load(path / "2.part")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileError, match="fits without parts keeps its parts in a folder"):
        fit.kfold(4, checkpoint=tmp_path / "file")


def test_a_run_that_has_nothing_yet_is_in_nobody_s_way(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    assert open_folder(path, "this", {"a": "1"}, None, 5).seed == 5
    # The same one again keeps its seed; another one, or another seed, takes the folder.
    assert open_folder(path, "this", {"a": "1"}, None, 6).seed == 5
    assert open_folder(path, "this", {"a": "2"}, None, 6).seed == 6
    assert open_folder(path, "this", {"a": "2"}, 7, 7).seed == 7
    (path / "1.part").write_bytes(b"")
    with pytest.raises(CheckpointError, match="seed: 7 there, 8 here\n  a: 2 there, 1 here"):
        open_folder(path, "this", {"a": "1"}, 8, 8)


def test_a_full_disk_loses_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def held_out(number: int) -> refits.HeldOut:
        return refits.HeldOut(np.array([0.1, np.nan, -np.inf]) * number, ("why",) * number)

    def full(path: Path, members: Any) -> None:
        raise FileError("cannot write: no space left on device")

    answers = open_answers(tmp_path / "parts", refits.HeldOut, "this", {}, None, 1)
    with monkeypatch.context() as patch:
        patch.setattr("hierglm.checkpointing.answers.write_archive", full)
        with pytest.warns(RuntimeWarning, match="a fold is not in the checkpoint: .* no space"):
            first = list(perform_kept(answers, held_out, [1, 2], unit="fold"))
    assert names_in(tmp_path / "parts") == [RUN]
    for found in (first, *(list(perform_kept(answers, held_out, [1, 2])) for _ in range(2))):
        for number, one in enumerate(found, start=1):
            assert one.density.tobytes() == held_out(number).density.tobytes()
            assert one.trouble == ("why",) * number
    assert names_in(tmp_path / "parts") == [*FOLDS[:2], RUN]


def test_units_left_out_by_fitting_again(
    fit: hg.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = fit.loo()
    hard = replace(quick, pareto_k=np.where(np.arange(12) < 2, 2.0, 0.1))
    expected = refitted(fit, fit.plan.model, hard)
    with monkeypatch.context() as patch:
        counted(patch, refits, "held_out", stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            refitted(fit, fit.plan.model, hard, checkpoint=tmp_path / "units")
    calls = counted(monkeypatch, refits, "held_out")
    found = refitted(fit, fit.plan.model, hard, checkpoint=tmp_path / "units")
    assert same(found, expected)
    assert [some.tolist() for some in calls] == [[1]]
    with pytest.raises(SettingsError, match=r"loo\(checkpoint=\) is for repair='refit'"):
        fit.loo(checkpoint=tmp_path / "units")


@pytest.fixture(scope="module")
def model() -> hg.PreparedModel:
    priors = {"Intercept": hg.prior.normal(0, 1), "sigma": hg.prior.normal(0, 1)}
    return hg.model("y ~ 1", DATA, priors=priors)


def test_calibration_goes_on_to_the_same_ranks(
    model: hg.PreparedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, call = tmp_path / "ranks", {**CALL, "draws": 250}
    with monkeypatch.context() as patch:
        counted(patch, calibrate, "_ranked", stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            model.calibrate(3, checkpoint=path, **call)
    calls = counted(monkeypatch, calibrate, "_ranked")
    # Without a seed, the one that the run has taken.
    found = model.calibrate(3, checkpoint=path, **call)
    assert len(calls) == 2
    monkeypatch.undo()
    expected = model.calibrate(3, seed=found.seed, **call)
    assert found.names == expected.names
    assert found.ranks.tolist() == expected.ranks.tolist()
    for n, options, words in [
        (4, call, "data sets: 3 there, 4 here"),
        (3, {**call, "chains": 1}, "chains: 2 there, 1 here"),
    ]:
        with pytest.raises(CheckpointError) as error:
            model.calibrate(n, checkpoint=path, **options)
        assert words in str(error.value)


def test_recovery_and_power_go_on_to_the_same_estimates(
    model: hg.PreparedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call: dict[str, Any] = {"n": 5, "seed": 8, "method": "approx", "progress": False}
    truth = {"b[Intercept]": 0.3, "sigma": 1.0}
    for path, ask in [
        (tmp_path / "a", lambda **o: model.recover(truth, **call, **o).estimates),
        (tmp_path / "b", lambda **o: model.power({"b[Intercept]": 0.3}, **call, **o)),
    ]:
        expected = ask()
        with monkeypatch.context() as patch:
            counted(patch, recover, "_estimated", stop_at=4)
            with pytest.raises(KeyboardInterrupt):
                ask(checkpoint=path)
        with monkeypatch.context() as patch:
            calls = counted(patch, recover, "_estimated")
            assert ask(checkpoint=path).to_csv() == expected.to_csv()
        assert len(calls) == 2


def test_data_sets_that_failed_are_tried_again(
    model: hg.PreparedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call: dict[str, Any] = {"n": 3, "seed": 8, "method": "approx", "progress": False}
    expected = model.recover(**call).estimates
    table = recover._table
    with monkeypatch.context() as patch:

        def broken(*arguments: Any) -> Any:
            if broken_once:
                raise FileError(broken_once.pop())
            return table(*arguments)

        broken_once = ["no room"]
        patch.setattr(recover, "_table", broken)
        first = model.recover(**call, checkpoint=tmp_path / "a")
    assert first.failures == ("data set 0: no room",)
    assert names_in(tmp_path / "a") == ["2.part", "3.part", RUN]
    again = model.recover(**call, checkpoint=tmp_path / "a")
    assert again.failures == ()
    assert again.estimates.to_csv() == expected.to_csv()
