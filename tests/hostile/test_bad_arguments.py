"""Arguments of any type and size: an error that says which and why, never one from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hierglm as hg
from hierglm.errors import FileError, HierglmError, PriorError, SettingsError
from tests.hostile.bad_data import G, X, Y, table

SEEDS = ["a", -1, 1.5, True, [1], 2**200]


@pytest.fixture(scope="module")
def fit() -> hg.Fit:
    short: dict[str, Any] = {"chains": 2, "warmup": 100, "draws": 20, "progress": False}
    return hg.fit("y ~ x + (1 | g)", table(), engine="embedded", seed=1, **short)


@pytest.fixture(scope="module")
def model() -> Any:
    return hg.model("y ~ x", {"y": Y, "x": X, "g": G})


ASKED: dict[str, Callable[[hg.Fit, Any, Any], Any]] = {
    "predict": lambda fit, model, seed: fit.predict(target="response", seed=seed),
    "kfold": lambda fit, model, seed: fit.kfold(2, seed=seed),
    "ppc": lambda fit, model, seed: fit.ppc(seed=seed),
    "hypothesis": lambda fit, model, seed: fit.hypothesis("b[x] > 0", seed=seed),
    "prior_predict": lambda fit, model, seed: model.prior_predict(5, seed=seed),
    "calibrate": lambda fit, model, seed: model.calibrate(1, seed=seed),
    "recover": lambda fit, model, seed: model.recover(n=1, seed=seed),
    "fit": lambda fit, model, seed: model.fit(seed=seed),
}


@pytest.mark.parametrize("seed", SEEDS, ids=repr)
@pytest.mark.parametrize("name", ASKED)
def test_seeds(name: str, seed: Any, fit: hg.Fit, model: Any) -> None:
    with pytest.raises(SettingsError, match="seed must"):
        ASKED[name](fit, model, seed)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "10", 10**12])
def test_counts(count: Any, model: Any) -> None:
    for ask in (model.prior_predict, model.calibrate, lambda n: model.recover(n=n)):
        with pytest.raises(SettingsError, match=r"(draws|number of data sets,) must"):
            ask(count)


@pytest.mark.parametrize("warmup", ["AUTO", 1.5, None, True])
def test_warmup(warmup: Any, model: Any) -> None:
    with pytest.raises(SettingsError, match="warmup must be a whole number"):
        model.fit(warmup=warmup)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ({"x": [10**400]}, "'x' cannot be infinite, nor that large"),
        ({"x": [-(10**5000)]}, "'x' cannot be infinite, nor that large"),
        ({"x": [np.inf]}, "'x' cannot be infinite, nor that large"),
        ("x", "at= has values by column"),
        (5, "at= has values by column"),
    ],
    ids=lambda x: str(x)[:8] if not isinstance(x, dict) else "values",
)
def test_values_of_columns(at: Any, words: str, fit: hg.Fit) -> None:
    for ask in (lambda: fit.means("x", at=at), lambda: fit.slopes("x", at=at)):
        with pytest.raises(SettingsError) as error:
            ask()
        assert words in str(error.value)


def test_names_and_numbers_of_points(fit: hg.Fit) -> None:
    with pytest.raises(SettingsError, match="no parameter 5"):
        fit[5]  # type: ignore[index]
    for points in (10**9, 1, 2.0, "many"):
        with pytest.raises(SettingsError, match="points must be a whole number from 2 to"):
            fit.effects("x", points=points)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="by their names, not by 5"):
        fit.means(5)  # type: ignore[arg-type]


def test_numbers_of_priors() -> None:
    with pytest.raises(PriorError, match="normal takes numbers"):
        hg.prior.normal(0, 10**400)


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_priors_in_odd_units_are_written(unit: float) -> None:
    # One that the penalised fit cannot square is still a prior.
    data = {"y": Y, "x": X}
    made = hg.model("y ~ x", data, priors={"b": hg.prior.normal(0, unit)})
    assert unit in np.ravel(made.stan_data["prior_b_scale"])


@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "no/such/folder/x"])
def test_paths_that_are_none(path: str, fit: hg.Fit) -> None:
    for ask in (fit.save, hg.load, lambda p: fit.report(p + ".html")):
        with pytest.raises(FileError):
            ask(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for ask in (hg.load, lambda p: hg.model("y ~ x", str(p)), lambda p: hg.model("y ~ x", p)):
        with pytest.raises(HierglmError):
            ask(pipe)


WRITTEN: dict[str, Callable[[hg.Fit, Any, Any], Any]] = {
    "save": lambda fit, model, path: fit.save(path),
    "load": lambda fit, model, path: hg.load(path),
    "read_table": lambda fit, model, path: hg.read_table(path),
    "ranef": lambda fit, model, path: fit.ranef(out=path),
    "report": lambda fit, model, path: fit.report(path),
    "table": lambda fit, model, path: fit.table().save(path),
    "reproduce": lambda fit, model, path: fit.reproduce(path),
    "out": lambda fit, model, path: model.fit(out=path),
    "checkpoint": lambda fit, model, path: model.fit(checkpoint=path),
    "many": lambda fit, model, path: hg.fit_many(["y ~ 1", "y ~ x"], table(), checkpoint=path),
    "kfold": lambda fit, model, path: fit.kfold(2, checkpoint=path),
    "calibrate": lambda fit, model, path: model.calibrate(1, checkpoint=path),
}


@pytest.mark.parametrize(
    "path", [3, b"a.hglm", True, "", "a\0b", "x" * 5000], ids=lambda x: repr(x)[:9]
)
@pytest.mark.parametrize("name", WRITTEN)
def test_paths_of_any_kind(
    name: str, path: Any, fit: hg.Fit, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"^(path|out|data|checkpoint) (must be a path|cannot be)"):
        WRITTEN[name](fit, model, path)
    assert list(tmp_path.iterdir()) == []
