"""A fit in a NetCDF file is the fit: same numbers, of which those of levels stay in the file."""

from __future__ import annotations

import shutil
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hierglm.draws import integrated, stored
from hierglm.draws.integrated import drawn_late
from hierglm.draws.stored import StoredVariable
from hierglm.errors import FileError
from hierglm.posterior.fit import Fit, load
from hierglm.results import arrays, netcdf
from hierglm.results.effects import coef, ranef
from hierglm.results.fitted import Fitted
from tests.results.test_store import _fitted

FORMULAS = {
    "sampled": ("won ~ z + (z | year)", "poisson"),
    "late": ("y ~ x + (x | school) + (1 | year)", "gaussian"),
    "nested": ("y ~ x + (1 | school/year)", "gaussian"),
    "dates": ("y ~ z + (1 | day)", "student"),
}


def as_fit(fitted: Fitted) -> Fit:
    return Fit(**{name: getattr(fitted, name) for name in Fitted.__dataclass_fields__})


@pytest.fixture
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and chunks of few levels."""
    monkeypatch.setattr(stored, "CHUNK", 2 * 30)
    monkeypatch.setattr(stored, "_BLOCK", 4 * 30)
    monkeypatch.setattr(integrated, "_BLOCK", 3 * 60)
    monkeypatch.setattr(integrated, "_KEPT", 0)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return as_fit(_fitted(*FORMULAS["sampled"]))


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize("kind", FORMULAS)
def test_numbers_are_those_of_memory(kind: str, tmp_path: Path) -> None:
    fit = as_fit(_fitted(*FORMULAS[kind]))
    assert fit.save(tmp_path / "fit.nc") == tmp_path / "fit.nc"
    assert [f.name for f in tmp_path.iterdir()] == ["fit.nc"]
    found = load(tmp_path / "fit.nc")
    assert list(found.draws.variables) == list(fit.draws.variables)
    for v in found.draws:
        expected = fit.draws[v.name]
        assert np.array_equal(v.values, expected.values)
        assert (v.effect, v.group, v.shape) == (expected.effect, expected.group, expected.shape)
        assert isinstance(v, StoredVariable) == (v.effect == "ran_vals")
        assert drawn_late(v) == drawn_late(expected)
    xr.testing.assert_identical(found.posterior, arrays.posterior(fit))
    for table in (ranef, coef):
        pd.testing.assert_frame_equal(table(found), table(fit), check_exact=True)
    assert str(found.check()) == str(fit.check())
    # And a file of the other kind, and a copy of the copy.
    for copy in ("fit.hglm", "copy.nc"):
        again = load(found.save(tmp_path / copy))
        for v in again.draws:
            assert np.array_equal(v.values, fit.draws[v.name].values)


def test_xarray_reads_what_is_looked_at(fit: Fit, tmp_path: Path, monkeypatch: Any) -> None:
    found = load(fit.save(tmp_path / "fit.nc"))
    effects = found.posterior["r_year"]
    levels = fit.draws["r_year"].dims[0][1]
    assert effects.dims == ("chain", "draw", "year", "year_term")
    one = effects.sel(year=levels[1], year_term="z")
    assert np.array_equal(one, fit.draws["r_year"].values[:, :, 1, 1])
    # The file is not read as a whole for it: nothing of it is in memory afterwards.
    assert not effects.variable._in_memory
    name = f"r[year:{levels[1]},z]"
    assert found[name].equals(fit[name])


# ArviZ 0.20 says so of every group that is none of its own, and reads the file all the same.
@pytest.mark.filterwarnings("ignore:hierglm group is not defined:UserWarning")
@pytest.mark.filterwarnings("ignore:\\s*ArviZ is undergoing:FutureWarning")
def test_arviz_reads_it(fit: Fit, tmp_path: Path) -> None:
    import arviz as az

    fit.save(tmp_path / "fit.nc")
    found = az.from_netcdf(tmp_path / "fit.nc")
    posterior, stats = found["posterior"], found["sample_stats"]
    for v in fit.draws:
        assert np.array_equal(posterior[v.name], v.values)
    assert np.array_equal(stats["diverging"], fit.draws.stats["diverging"])
    found.close()


def test_a_file_that_changed_or_went_is_noticed(fit: Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    found = load(fit.save(path))
    other = load(fit.save(tmp_path / "other.nc"))
    (tmp_path / "other.nc").unlink()
    fit.save(path)
    for old, words in ((found, "was written again or changed"), (other, "put it back")):
        with pytest.raises(FileError, match=words):
            ranef(old)
        with pytest.raises(FileError, match=words):
            _ = old.posterior
        assert old.fixef().equals(fit.fixef())
    assert ranef(load(path)).equals(ranef(fit))


def test_what_is_not_written(fit: Fit, tmp_path: Path, monkeypatch: Any) -> None:
    own = tmp_path / "data.nc"
    own.write_bytes(b"somebody's data")
    with pytest.raises(FileError, match="no fit of hierglm, so it is not overwritten"):
        fit.save(own)
    assert own.read_bytes() == b"somebody's data"
    xr.Dataset({"x": ("i", [1.0])}).to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    with pytest.raises(FileError, match="no fit of hierglm, so it is not overwritten"):
        fit.save(tmp_path / "theirs.nc")
    with pytest.raises(FileError, match="no folder"):
        fit.save(tmp_path / "no" / "fit.nc")
    for name, words in {"x.zarr": r"to_zarr\(path\) makes a copy", "x.h5": "end in .nc"}.items():
        with pytest.raises(FileError, match=words):
            netcdf.refuse_target(tmp_path / name)
    full = namedtuple("Usage", "free")(1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(FileError, match=r"takes 0\.0 GB, and the disk .* has 0\.0 GB: make room"):
        fit.save(tmp_path / "fit.nc")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(FileError, match=r"pip install 'hierglm\[netcdf\]'"):
        fit.save(tmp_path / "fit.nc")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["data.nc", "theirs.nc"]


class Failing(Exception):
    """Something that nobody expects."""


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, OSError("errno = 28, No space left"), Failing]
)
def test_what_fails_midway_leaves_the_file_that_was_there(
    fit: Fit, tmp_path: Path, monkeypatch: Any, error: Any
) -> None:
    path = fit.save(tmp_path / "fit.nc")
    before = path.read_bytes()

    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(netcdf, "_write_fit", broken)
    full = isinstance(error, OSError)
    with pytest.raises(FileError if full else error, match="No space left" if full else None):
        fit.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_opened(fit: Fit, tmp_path: Path) -> None:
    path = fit.save(tmp_path / "fit.nc")
    whole = path.read_bytes()
    with pytest.raises(FileError, match=r"load\(\.\.\., max_bytes=\d+\) reads it"):
        load(path, max_bytes=100)
    xr.Dataset({"x": ("i", [1.0])}).to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    with pytest.raises(FileError, match="is no fit of hierglm; xarray"):
        load(tmp_path / "theirs.nc")
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match="is damaged, or no fit of hierglm"):
        load(tmp_path / "cut.nc")
    at = whole.index(b"fit.json") + 200
    (tmp_path / "changed.nc").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(FileError, match="was cut off or changed"):
        load(tmp_path / "changed.nc")
    values = np.ascontiguousarray(fit.draws["r_year"].values[1]).tobytes()[:64]
    at = whole.index(values)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(FileError, match="cannot read draws from"):
        ranef(load(path))
    path.write_bytes(whole)
    import h5py

    with h5py.File(path, "r+") as file:
        values = file["posterior/r_year"][:, :, :-1]
        del file["posterior/r_year"]
        file["posterior/r_year"] = values
    with pytest.raises(FileError, match="'r_year' is not of shape"):
        load(path)


def test_a_file_that_leads_to_others_is_refused(fit: Fit, tmp_path: Path) -> None:
    import h5py

    whole = fit.save(tmp_path / "fit.nc").read_bytes()
    other = tmp_path / "secret"
    other.write_bytes(b"12345678")
    layout = h5py.VirtualLayout((1,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "fit.nc", "posterior/b", (1,))
    ways = {
        "external": lambda g: g.create_dataset("x", (1,), "f8", external=[(other, 0, 8)]),
        "virtual": lambda g: g.create_virtual_dataset("x", layout),
        "link": lambda g: g.__setitem__("x", h5py.ExternalLink(other, "/")),
        "soft": lambda g: g.__setitem__("x", h5py.SoftLink("/hierglm")),
        "group": lambda g: g.create_group("x"),
    }
    for name, make in ways.items():
        for place in ("/", "posterior", "hierglm"):
            if (name, place) == ("group", "/"):
                continue
            path = tmp_path / f"{name}.nc"
            path.write_bytes(whole)
            with h5py.File(path, "r+") as file:
                make(file[place])
            with pytest.raises(FileError, match="'x' is not within the file"):
                load(path)
