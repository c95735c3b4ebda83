"""Ctrl-C in the first moments of the shell, while Python imports: stopped, 130, and no trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hierglm as hg
from hierglm.cli import main
from tests.engines.conftest import posix_only

pytestmark = posix_only()

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(hg.__file__).parents[1])}
STOPPED = (130, "", "hierglm: stopped\n")
READY = "import sys; from hierglm.__main__ import main; print('ready', flush=True)\n"
DURING = """
import signal

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
"""
RUN = "sys.exit(main())"


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Return the shell, its door open."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("module", ["argparse", "hierglm.cli.answer", "hierglm.cli.completion"])
def test_while_the_shell_is_imported(module: str) -> None:
    code = READY + DURING.format(module=module) + RUN
    assert ended(started(code, "cache", "list")) == STOPPED
    number, out, err = ended(started(code, "cache", "list", "--json"))
    error = {"kind": "KeyboardInterrupt", "message": "stopped", "hint": ""}
    assert (number, json.loads(out)["error"], err) == (130, error, "")


def test_an_interrupt_that_a_library_takes_for_a_failed_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examine() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:  # as numpy's C code does
            raise ImportError("PyCapsule_Import could not import module 'datetime'") from error

    monkeypatch.setattr("hierglm.engines.doctor.examine", examine)
    before = signal.getsignal(signal.SIGINT)
    assert (main(["doctor"]), *capsys.readouterr()) == STOPPED
    assert signal.getsignal(signal.SIGINT) is before


def test_a_failed_import_that_nobody_interrupted_is_no_interrupt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def examine() -> None:
        raise ImportError("no such library")

    monkeypatch.setattr("hierglm.engines.doctor.examine", examine)
    with pytest.raises(ImportError, match="no such library"):
        main(["doctor"])


def test_where_interrupts_are_ignored_they_stay_so(tmp_path: Path) -> None:
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code = READY + ignored + DURING.format(module="hierglm.cli.answer") + RUN
    process = started(code, "cache", "list", "--json")
    number, out, err = ended(process)
    assert (number, json.loads(out)["exit_code"], err) == (0, 0, "")


@pytest.mark.slow
def test_real_signals_at_forty_moments_of_a_fit(tmp_path: Path) -> None:
    table = tmp_path / "data.csv"
    table.write_text("y,x\n" + "".join(f"{k % 7},{k % 5}\n" for k in range(50)))
    long = ("--draws", "300000", "--plan", "textbook", "--out", str(tmp_path / "fit.hglm"))
    ends = []
    for k in range(1, 41):
        process = started(READY + RUN, "fit", "y ~ x", str(table), *long)
        time.sleep(k / 100)
        process.send_signal(signal.SIGINT)
        ends.append(ended(process))
    assert ends == [STOPPED] * 40
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
