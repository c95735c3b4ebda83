"""The same numbers, and nothing left behind, whatever the world around a fit is like."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hierglm.engines.child import Child
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.engine import Settings
from hierglm.errors import EngineError
from tests.engines import programs
from tests.engines.conftest import fake_exe, posix_only

ROOT = Path(__file__).parents[2]
NOWHERE = "/dev/null/nowhere"
"""A folder that cannot be made, not even by root."""


def said_in(world: str, folder: Path, **environment: str | None) -> str:
    """Return what a fit says in this world; None takes a variable out of the environment."""
    changed = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.faults.world", world, str(folder)],
        env={name: value for name, value in changed.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    return said_in("usual", tmp_path_factory.mktemp("usual"))


@posix_only()
def test_no_home(usual: str, tmp_path: Path) -> None:
    gone = dict.fromkeys(("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"))
    assert said_in("usual", tmp_path, **gone) == usual


@posix_only()
def test_a_home_that_cannot_be_written_and_an_odd_folder_for_temporary_files(
    usual: str, tmp_path: Path
) -> None:
    odd = tmp_path / "für kurze Zeit 时"
    odd.mkdir()
    home = {"HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "XDG_CONFIG_HOME": NOWHERE}
    # In C's own locale names of files are not even text.
    assert said_in("usual", tmp_path, TMPDIR=str(odd), LC_ALL="C", **home) == usual
    assert list(odd.iterdir()) == []


def test_a_clock_that_jumps(usual: str, tmp_path: Path) -> None:
    assert said_in("clock", tmp_path) == usual


def test_a_working_folder_that_changes(usual: str, tmp_path: Path) -> None:
    assert said_in("folder", tmp_path) == usual
    assert sorted(file.name for file in tmp_path.iterdir()) == ["fit.hglm", "other"]


@posix_only()
def test_decimal_commas(usual: str, tmp_path: Path) -> None:
    made = tmp_path / "locales" / "de_DE.UTF-8"
    made.parent.mkdir()
    tool = shutil.which("localedef")
    if tool is None:
        pytest.skip("no localedef to make a locale with")
    command = [tool, "-i", "de_DE", "-f", "UTF-8", str(made)]
    if subprocess.run(command, capture_output=True, check=False).returncode or not made.exists():
        pytest.skip("no German locale can be made here")
    # The worker inherits the environment, and sets no locale; the process of the user has.
    environment = {"LOCPATH": str(made.parent), "LC_ALL": "de_DE.UTF-8"}
    assert said_in("locale=de_DE.UTF-8", tmp_path, **environment) == usual


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", NOWHERE)
    for scratch in (False, True):
        with pytest.raises(EngineError, match=r"temporary files.*TMPDIR"):
            Child("stanli_worker.py", scratch=scratch).__enter__()


@posix_only()
def test_a_full_disk_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = CmdStanEngine(exe_file=fake_exe(tmp_path, programs.NORMAL))

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EngineError, match=r"temporary files.*No space left.*TMPDIR"):
        engine.sample(programs.NORMAL, Settings(chains=2, warmup=50, draws=50))
    assert list(folder.iterdir()) == []
