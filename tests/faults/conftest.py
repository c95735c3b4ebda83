"""A world of one's own for each test, in which nothing may be left behind."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.conftest import children_of


@pytest.fixture
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files; after the test it is empty, and no process is left.

    Its name has spaces and letters that are not ASCII.
    """
    folder = tmp_path / "für kurze Zeit 时"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = threading.active_count()
    yield folder
    assert list(folder.iterdir()) == []
    assert os.name != "posix" or not children_of(os.getpid())
    assert threading.active_count() == before


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], None], Callable[[], bool]], None]]:
    """Calls a function from another thread, as soon as a condition holds."""
    threads: list[threading.Thread] = []
    over = threading.Event()

    def call(function: Callable[[], None], when: Callable[[], bool]) -> None:
        def wait() -> None:
            while not over.wait(0.05):
                if when():
                    function()
                    return

        threads.append(threading.Thread(target=wait))
        threads[-1].start()

    yield call
    over.set()
    for thread in threads:
        thread.join()
