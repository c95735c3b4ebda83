"""Fits whose effects of levels go to a file as they come."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.draws import stored
from hierglm.draws.stored import InFile, StoredVariable
from hierglm.engines import embedded, stan_csv, storing
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.storing import StoringEngine
from hierglm.errors import EngineError, FileError, SamplingError, SettingsError
from tests.engines import programs
from tests.engines.conftest import fake_exe, posix_only
from tests.engines.test_abuse import _alive, _descendants

FORMULA = "n ~ x + (x | g) + (1 | h)"


def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g = np.arange(120) % 20
    return pd.DataFrame(
        {"n": rng.poisson(2, 120), "x": rng.normal(size=120), "g": g, "h": g % 3, "y": g * 0.1}
    )


def fitted(**options: Any) -> hg.Fit:
    own = {"formula": FORMULA, "family": "poisson", "chains": 2, "warmup": 50, "draws": 40}
    return hg.fit(data=table(), seed=3, progress=False, **(own | options))


@pytest.fixture(scope="module")
def held() -> hg.Fit:
    return fitted()


def assert_same(found: hg.Fit, held: hg.Fit) -> None:
    assert list(found.draws.variables) == list(held.draws.variables)
    for v in found.draws:
        assert np.array_equal(v.values, held.draws[v.name].values), v.name
        if v.effect == "ran_vals":
            assert isinstance(v, StoredVariable)
            assert isinstance(v.read, InFile)
    for name, values in held.draws.stats.items():
        assert np.array_equal(found.draws.stats[name], values)


@pytest.mark.parametrize("least", [1, 2**23])
def test_draws_are_those_of_memory(
    held: hg.Fit, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chains whose draws are files, and chains that are too small for that."""
    monkeypatch.setattr(embedded, "IN_FILES", least)
    mapped = []
    monkeypatch.setattr(embedded, "mapped", lambda *a: mapped.append(a) or real(*a))
    found = fitted(out=tmp_path / "draws.nc")
    assert len(mapped) == (2 if least == 1 else 0)
    assert_same(found, held)
    assert_same(hg.load(tmp_path / "draws.nc"), held)
    assert [f.name for f in tmp_path.iterdir()] == ["draws.nc"]
    assert (
        found.notes[-1]
        == "0.028 MB of effects of levels are in 'draws.nc', and read when looked at"
    )
    new = table().head(7).assign(g=[3, 3, 19, 0, 99, 7, 8])
    pd.testing.assert_frame_equal(found.predict(new, seed=1), held.predict(new, seed=1))
    pd.testing.assert_frame_equal(found.ranef(hdi=True), held.ranef(hdi=True))


real = embedded.mapped


def test_on_an_executor(held: hg.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains from elsewhere come in memory, and do not stay there."""
    monkeypatch.setattr(storing, "IN_FILES", 1)
    laid = []
    monkeypatch.setattr(stored, "mapped", lambda *a: laid.append(a[1]) or real(*a))
    with ThreadPoolExecutor(2) as pool:
        assert_same(fitted(out=tmp_path / "draws.nc", executor=pool), held)
    assert sorted(laid) == 2 * [(1, 40, 3, 1)] + 2 * [(1, 40, 20, 2)]
    assert [f.name for f in tmp_path.iterdir()] == ["draws.nc"]


@posix_only()
def test_of_cmdstan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is read row by row into files."""
    any_program = hg.CmdStanEngine(exe_file=fake_exe(tmp_path, programs.NORMAL))
    program = hg.model(FORMULA, table(), "poisson", engine=any_program)._program
    engine = hg.CmdStanEngine(exe_file=fake_exe(tmp_path, program))
    held = fitted(engine=engine)
    monkeypatch.setattr(stan_csv, "IN_FILES", 1)
    laid = []
    monkeypatch.setattr(stan_csv, "mapped", lambda *a: laid.append(a[1][0]) or real(*a))
    assert_same(fitted(engine=engine, out=tmp_path / "draws.nc"), held)
    assert laid == [40, 40]
    assert not list(tmp_path.glob(".hierglm-*"))


class Mortal(EmbeddedEngine):
    """An engine whose second chain dies."""

    def chain(self, program: Any, settings: Any, number: int, *rest: Any) -> Any:
        if number == 2:
            raise SamplingError("was killed")
        return super().chain(program, settings, number, *rest)


def test_a_chain_that_dies_is_told_and_others_stay(held: hg.Fit, tmp_path: Path) -> None:
    found = fitted(engine=Mortal(), out=tmp_path / "draws.nc")
    assert found.draws.lost == {2: "was killed"}
    assert found.draws["r_g"].values.shape[0] == 1
    assert np.array_equal(found.draws["r_g"].values, held.draws["r_g"].values[:1])


def test_rows_in_batches_and_effects_in_a_file(tmp_path: Path) -> None:
    table().to_parquet(tmp_path / "rows.parquet")
    options = {"chains": 1, "warmup": 50, "draws": 20, "seed": 1, "progress": False}
    formula = "y ~ x + (1 | g)"
    found = hg.fit(formula, tmp_path / "rows.parquet", out=tmp_path / "draws.nc", **options)
    before = found.ranef()
    assert isinstance(found.draws["r_g"], StoredVariable)
    pd.testing.assert_frame_equal(hg.load(tmp_path / "draws.nc").ranef(), before)
    found.save(tmp_path / "copy.nc")
    import xarray as xr

    with xr.open_dataset(tmp_path / "copy.nc", group="posterior", engine="h5netcdf") as copy:
        mean = copy["r_g"].mean(("chain", "draw")).values.ravel()
    np.testing.assert_allclose(mean, before["estimate"], rtol=1e-12)


def test_what_out_refuses(tmp_path: Path) -> None:
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (FileError, "end in .nc", {"out": tmp_path / "draws.parquet"}),
        (FileError, "no folder", {"out": tmp_path / "no" / "draws.nc"}),
        (SettingsError, "two files for one fit", {"checkpoint": tmp_path / "run.hglm"}),
        (SettingsError, "not 'laplace'", {"method": "laplace"}),
        (SettingsError, "not 'approx'", {"method": "approx"}),
    ]
    for error, words, options in cases:
        with pytest.raises(error, match=words):
            fitted(**({"out": tmp_path / "draws.nc"} | options))
    with pytest.raises(SettingsError, match="'none' cannot sample one chain by itself"):
        StoringEngine(type("Whole", (), {"name": "none"})(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@posix_only()
def test_a_disk_without_room_is_told_before_sampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "IN_FILES", 1)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit of files stands in for a disk: 2 chains of 20,000 draws do not fit.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, old[1]))
    try:
        with pytest.raises(EngineError, match=r"draws cannot be kept in .*; make room"):
            fitted(out=tmp_path / "draws.nc", draws=20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import sys
from pathlib import Path
from hierglm.engines import embedded
from tests.test_out import fitted
embedded.IN_FILES = 1
print("ready", flush=True)
fitted(out=Path(sys.argv[1]) / "draws.nc", draws=1_000_000)
"""


@pytest.mark.slow
@posix_only()
def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env={**os.environ}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".hierglm-*/draws_1")) and time.monotonic() < until:
            time.sleep(0.05)
        assert list(tmp_path.glob(".hierglm-*/draws_1"))
        started = _descendants(process.pid)
        process.kill()
    until = time.monotonic() + 20
    while (_alive(started) or list(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
