"""One program in a fresh process: its seconds, its memory, and what it says of its draws.

Some programs (rstan among them) start workers and let go of them, so that their processor
time is missing from the parent's. On Linux this process therefore adopts what is let go of,
and counts it too.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

_ADOPT = 36
"""Linux' PR_SET_CHILD_SUBREAPER."""

_PATIENCE = 5.0
"""Seconds that workers have to end after their program."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a program took and what came of it.

    Attributes
    ----------
    wall, cpu : float
        Seconds of the whole process, imports included; processor seconds of its children too.
    peak : float
        The most memory that one of its processes held, in MB.
    frame : float
        Wall seconds from data frame to printed summary.
    ess : float
        Least bulk effective sample size of common effects, sds, correlations and sigma; NaN
        without draws, as `rhat` (the largest of the same) and `divergent` (how many).
    """

    wall: float
    cpu: float
    peak: float
    frame: float
    ess: float
    rhat: float
    divergent: float

    @property
    def ess_per_cpu(self) -> float:
        """Effective draws a processor second."""
        return self.ess / self.cpu

    @property
    def ess_per_wall(self) -> float:
        """Effective draws a second."""
        return self.ess / self.wall


class ProgramFailure(Exception):
    """A program did not come to its end; the text is one line."""


def typical(results: Sequence[Result]) -> Result:
    """Return the medians."""
    return Result(*(median(getattr(r, f.name) for r in results) for f in fields(Result)))


def measure(
    command: Sequence[str], seconds: float, variables: Mapping[str, str] | None = None
) -> Result:
    """Run a program and return what it took.

    Parameters
    ----------
    command : sequence of str
        The last line that it prints is a JSON object with frame, ess, rhat and divergent.
    seconds : float
        After which it is ended.
    variables : mapping of str to str, optional
        Of its environment, beyond those of this process.

    Raises
    ------
    ProgramFailure
        It cannot be started, takes too long, fails, or says nothing.
    """
    _adopt()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(variables or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailure(f"{command[0]}: {error.strerror}") from None
        late = threading.Event()

        def stop() -> None:
            late.set()
            _end(process.pid)

        clock = threading.Timer(seconds, stop)
        clock.start()
        try:
            cpu, peak = _wait_for(process)
            wall = time.monotonic() - start
        finally:
            clock.cancel()
            if process.returncode is None:
                _end(process.pid)
            more, largest = _wait_for_workers()
        if late.is_set():
            raise ProgramFailure(f"ended after {seconds:.0f} s")
        said, complaint = (_text(stream) for stream in (out, err))
    if process.returncode:
        raise ProgramFailure(_last(complaint) or f"exit code {process.returncode}")
    return Result(wall=wall, cpu=cpu + more, peak=max(peak, largest) / 1e3, **_numbers(said))


def _numbers(said: str) -> dict[str, float]:
    try:
        found: dict[str, Any] = json.loads(_last(said))
        names = ("frame", "ess", "rhat", "divergent")
        return {name: float("nan" if found[name] is None else found[name]) for name in names}
    except (ValueError, KeyError, TypeError):
        raise ProgramFailure(f"printed no result but {_last(said)!r}") from None


def _wait_for(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Return CPU seconds and kB of a program, and of its workers that end before it does."""
    cpu, peak = 0.0, 0.0
    while process.returncode is None:
        pid, status, usage = os.wait4(-1, 0)
        cpu, peak = cpu + usage.ru_utime + usage.ru_stime, max(peak, _kilobytes(usage.ru_maxrss))
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
    return cpu, peak


def _wait_for_workers() -> tuple[float, float]:
    """Return CPU seconds and kB of the workers left behind, ending those that linger."""
    cpu, peak, deadline = 0.0, 0.0, time.monotonic() + _PATIENCE
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu, peak
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            peak = max(peak, _kilobytes(usage.ru_maxrss))
        elif time.monotonic() > deadline:
            for child in _children():
                os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


def _kilobytes(size: int) -> float:
    return size / 1024 if sys.platform == "darwin" else size


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for text in lists for pid in text.read_text().split()]


def _adopt() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _text(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read().decode(errors="replace"))


def _last(text: str) -> str:
    """Return the last line that says something; R's last words do not."""
    lines = (line.strip() for line in reversed(text.splitlines()))
    empty = ("Execution halted", "Calls: ")
    return next((line for line in lines if line and not line.startswith(empty)), "")
