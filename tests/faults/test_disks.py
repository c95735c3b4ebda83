"""Disks that are full and homes that may not be written, as the kernel has them, not made up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.conftest import posix_only

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def said(what: str, place: Path, **environment: str) -> list[str]:
    """Return what `tests.faults.disks` prints, line by line; nothing may go wrong or be left."""
    temporary = place.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.faults.disks", what, str(place)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list(temporary.iterdir()) == []
    return done.stdout.splitlines()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of memory with these options; skips where that may not be done."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mounted{len(places)}"
        place.mkdir()
        order = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if sys.platform != "linux" or os.geteuid() or subprocess.run(
            order, capture_output=True, check=False
        ).returncode:  # fmt: skip
            pytest.skip("only root may mount a file system, and not everywhere")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_nothing(mounted: Callable[[str], Path]) -> None:
    place = mounted("size=256k")
    files = [place / "fit.hglm", place / "fit.html"]
    assert said("full", place) == [
        f"FileError cannot write '{file}': No space left on device" for file in files
    ]
    # What was there is as it was (the process looked), and nothing half written is beside it.
    assert [file.name for file in place.iterdir()] == ["fit.hglm"]


@posix_only()
def test_a_file_that_may_grow_no_more(tmp_path: Path) -> None:
    # What anyone can see of a full disk: the limit on the size of a process' files.
    place = tmp_path / "limited"
    place.mkdir()
    files = [place / "fit.hglm", place / "fit.html"]
    assert said("limited", place) == [
        f"FileError cannot write '{file}': File too large" for file in files
    ]
    assert [file.name for file in place.iterdir()] == ["fit.hglm"]


def test_a_disk_that_is_too_small_for_a_checkpoint(mounted: Callable[[str], Path]) -> None:
    place = mounted("size=1m")
    first, *warnings = said("checkpoint", place)
    assert first == "4 chains"
    why = f"cannot write '{place / 'run.hglm'}': No space left on device"
    lost = [warning.removesuffix(f": {why}") for warning in warnings]
    assert lost[-1] == "RuntimeWarning the fit is not in its checkpoint, whose chains it leaves"
    kept = 4 - len(lost[:-1])
    assert lost[:-1] == [f"RuntimeWarning chain {k} is not in the checkpoint"
                         for k in range(kept + 1, 5)]  # fmt: skip
    assert 1 <= kept < 4
    assert [file.name for file in place.iterdir()] == ["run.hglm"]


def test_a_home_that_may_only_be_read(tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    home = mounted("ro,size=64k")
    usual = tmp_path / "usual"
    usual.mkdir()
    folders = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"))
    found = said("home", home, **dict.fromkeys(folders, str(home)), HIERGLM_CACHE=str(home))
    assert found[0] == said("home", usual, **dict.fromkeys(folders, str(usual)))[0]
    assert found[1] == f"cannot write '{home / 'fit.hglm'}': Read-only file system"
    # No toolchain is there, and none may be put there: it says what would do.
    assert found[2].startswith("EngineMissing CmdStan is not installed")
