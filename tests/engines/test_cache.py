"""The cache of compiled programs: once, whole, bounded, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from hierglm.engines.cache import cached, clear_cache, list_cache, programs_folder
from hierglm.errors import EngineError, SettingsError

FACTS = {"by": "Stan 2.39.0"}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "a cache, ümläut"))


def _build(folder: Path, size: int = 5) -> None:
    (folder / "program").write_text("w" * size)


def _count_builds(log: str) -> str:
    def build(folder: Path) -> None:
        time.sleep(0.3)
        with open(log, "a") as file:  # noqa: PTH123
            file.write("built\n")
        _build(folder)

    return str(cached("the same", build, FACTS))


def test_several_processes_build_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with get_context("spawn").Pool(4) as pool:
        folders = pool.map(_count_builds, [str(log)] * 8, chunksize=1)
    assert len(set(folders)) == 1
    assert log.read_text() == "built\n"
    assert (Path(folders[0]) / "program").read_text() == "wwwww"


def test_a_build_that_fails_leaves_nothing() -> None:
    def crash(folder: Path) -> None:
        _build(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("content", crash, FACTS)
    assert list_cache() == []
    assert [p.suffix for p in programs_folder().iterdir()] == [".lock"]
    assert (cached("content", _build, FACTS) / "program").read_text() == "wwwww"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_build_that_is_killed_blocks_nobody(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from hierglm.engines.cache import cached\n"
        "def build(folder):\n"
        "    (folder / 'program').write_text('half')\n"
        "    print('building', flush=True)\n"
        "    time.sleep(60)\n"
        "cached('content', build, {})\n"
    )
    root = str(Path(__file__).parents[2])
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "building\n"
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert (cached("content", _build, FACTS) / "program").read_text() == "wwwww"
    # What it left is not taken for a program, and goes after a day.
    (left,) = [p for p in programs_folder().iterdir() if p.is_dir() and "." in p.name]
    os.utime(left, (0, 0))
    cached("other", _build, FACTS)
    assert not left.exists()
    assert len(list_cache()) == 2


def test_the_list_says_what_is_there() -> None:
    first = cached("first", _build, FACTS)
    second = cached("second", lambda folder: _build(folder, 1000), {"by": "CmdStan 2.36"})
    os.utime(first / "done", (1e9, 1e9))
    assert [e.path for e in list_cache()] == [second, first]
    assert [e.facts["by"] for e in list_cache()] == ["CmdStan 2.36", "Stan 2.39.0"]
    assert list_cache()[0].size == 1000 + len('{"by": "CmdStan 2.36"}')
    assert list_cache()[1].used == 1e9
    # Asking for it is using it.
    cached("first", _build, FACTS)
    assert [e.path for e in list_cache()] == [first, second]
    assert clear_cache() == 2
    assert list_cache() == []


def test_the_oldest_goes_when_all_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIERGLM_CACHE_SIZE", "2.5 kB")
    made = []
    for day, name in enumerate("abc"):
        made.append(cached(name, lambda folder: _build(folder, 1000), {}))
        os.utime(made[-1] / "done", (1e9 + day, 1e9 + day))
    assert [e.path for e in list_cache()] == [made[2], made[1]]
    # The one just built stays, however large.
    large = cached("large", lambda folder: _build(folder, 5000), {})
    assert [e.path for e in list_cache()] == [large]


@pytest.mark.parametrize("size", ["much", "-1", "1 TB", ""])
def test_a_size_that_is_none(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setenv("HIERGLM_CACHE_SIZE", size)
    with pytest.raises(SettingsError, match="HIERGLM_CACHE_SIZE must be a size such as '500MB'"):
        cached("x", _build, FACTS)


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "file"))
    with pytest.raises(EngineError, match=r"cannot be kept in .*file.*set the .*HIERGLM_CACHE"):
        cached("x", _build, FACTS)


def test_a_full_disk() -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(EngineError, match=r"could not be built in .*: No space left on device"):
        cached("x", full, FACTS)
    assert list_cache() == []


def test_a_cache_that_may_only_be_read_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cached("x", _build, FACTS)

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    # Not by permissions: these tests may be run by root.
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    assert cached("x", _build, FACTS) == kept
    with pytest.raises(EngineError, match="Read-only file system; set the environment variable"):
        cached("y", _build, FACTS)
