"""The bar: when it shows, what it says, and that it ends."""

from __future__ import annotations

import io
import sys
import threading
import types
from pathlib import Path

import pytest

from hierglm.engines import notebook_bar
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.engine import Settings
from hierglm.engines.progress import progress_bar
from hierglm.errors import SamplingError
from tests.engines import programs
from tests.engines.conftest import Maker

SETTINGS = Settings(chains=2, warmup=100, draws=100, seed=1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Not a fixture: pytest sets stderr anew when the test itself begins."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


@pytest.mark.parametrize("name", ["embedded", "threads"])
def test_silent_where_nobody_looks(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Maker(name, tmp_path)(programs.NORMAL).sample(programs.NORMAL, SETTINGS)
    assert capfd.readouterr() == ("", "")


def test_shown_in_a_terminal_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    threads = threading.active_count()
    EmbeddedEngine().sample(programs.NORMAL, SETTINGS)
    shown = terminal.getvalue()
    assert "2 chains: warmup" in shown
    assert shown.endswith("\r")
    assert threading.active_count() == threads


def test_silent_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    EmbeddedEngine().sample(programs.NORMAL, Settings(progress=False, seed=1, draws=10))
    assert terminal.getvalue() == ""


def test_shown_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    with progress_bar(Settings(progress=True)):
        pass
    asked = plain.getvalue()
    assert "4 chains: warmup" in asked
    with progress_bar(Settings()):
        pass
    assert plain.getvalue() == asked


class Kernel:
    """What a front end would get of `IPython.display.display` and the handle it returns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[dict[str, str]] = []
        self.outputs = 0
        kind = type("ZMQInteractiveShell", (), {})
        # As Colab does: a kind of the shell that Jupyter has.
        shell = type("Shell", (kind,), {"execution_count": 1})()
        self.shell = shell
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
        display = types.ModuleType("IPython.display")
        display.display = self.update  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def update(self, data: dict[str, str], raw: bool, display_id: bool = False) -> Kernel:
        assert raw
        self.outputs += display_id
        self.shown.append(data)
        return self


def test_in_a_notebook_one_output_is_written_over_and_emptied(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kernel = Kernel(monkeypatch)
    monkeypatch.setattr(notebook_bar, "_EVERY", 0)
    monkeypatch.setattr(notebook_bar, "_IDLE", [])
    with progress_bar(Settings(chains=2, warmup=100, draws=100)) as report:
        report({"say": "compiling"})
        report({"chain": 1, "iteration": 150, "total": 200, "warmup": False})
        report({"chain": 2, "iteration": 50, "total": 200, "warmup": True})
    words = [data["text/plain"].split(",")[0] for data in kernel.shown]
    assert words == [
        "2 chains: warmup", "compiling", "2 chains: warmup 38%", "2 chains: warmup 50%", ""
    ]  # fmt: skip
    assert 'max="400" value="200"' in kernel.shown[3]["text/html"]
    assert kernel.shown[-1] == {"text/plain": "", "text/html": ""}
    with progress_bar(Settings(progress=False)):
        pass
    assert len(kernel.shown) == 5
    # Another fit of the cell takes the output over; one of another cell, or at the same time, not.
    with progress_bar(Settings()):
        assert kernel.outputs == 1
        with progress_bar(Settings()):
            assert kernel.outputs == 2
    kernel.shell.execution_count = 2
    with progress_bar(Settings()):
        assert kernel.outputs == 3
    assert capfd.readouterr() == ("", "")


def test_says_what_the_slowest_chain_does(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with progress_bar(SETTINGS) as report:
        report({"say": "compiling"})
        assert "compiling" in terminal.getvalue()
        for chain, iteration, warm in (
            (1, 150, False),
            (2, 50, True),
            (2, 150, False),
            (2, 10, True),
        ):
            report({"chain": chain, "iteration": iteration, "total": 200, "warmup": warm})
        report({"chain": 1, "iteration": 200, "total": 200, "warmup": False})
        report({"chain": 2, "iteration": 999, "total": 200, "warmup": False})
    assert terminal.getvalue().endswith("\r")


def test_ends_cleanly_on_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with pytest.raises(SamplingError):
        EmbeddedEngine().sample(programs.IMPOSSIBLE, SETTINGS)
    assert terminal.getvalue().endswith("\r")


@pytest.mark.parametrize("stderr", [None, io.StringIO()])
def test_a_stderr_that_is_gone(stderr: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if stderr is not None:
        stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress_bar(Settings()) as report:
        report({"chain": 1, "iteration": 1, "total": 2, "warmup": True})
