"""One job in a process of its own: started, asked, and never left behind.

Stan's libraries crash the process they run in, cannot be interrupted off the main thread,
and start programs of their own. So each run gets a fresh Python process that leads its own
session: Ctrl-C, an error or the end of this process ends it and all that it started.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.worker import GREETING, read_frame, write_frame
from hierglm.errors import EngineError, SamplingError

Progress = Callable[[Mapping[str, Any]], None]

_TAIL = 4000
"""How much of the child's last words an error quotes, in characters."""


class Failure(Exception):
    """What a job could not do; each engine turns it into one of hierglm's errors.

    Attributes
    ----------
    stage : str
        "missing", "compile", "data", "sample", "evaluate", "unconstrain" or "worker".
    text : str
        What the library said.
    """

    def __init__(self, stage: str, text: str) -> None:
        self.stage, self.text = stage, text
        super().__init__(stage, text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job handed back.

    Attributes
    ----------
    facts : mapping
        Its small values, by name.
    arrays : mapping of str to ndarray
        Its arrays, by name.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[np.float64]] = field(repr=False)


class Child:
    """A process that runs one kind of job; a context manager, used by one thread at a time.

    Parameters
    ----------
    job : str
        File name, beside this one, of the module whose ``handle`` answers requests.
    scratch : bool
        Whether it needs a folder for temporary files, removed at the end.

    Raises
    ------
    EngineError
        If no Python can be started.

    Examples
    --------
    >>> with Child("stanli_worker.py") as child:
    ...     child.ask({"task": "build"}).facts["version"] > "0"
    True
    """

    def __init__(self, job: str, *, scratch: bool = False) -> None:
        self._job = Path(__file__).with_name(job)
        self._wants_scratch = scratch
        self.scratch = ""
        self._closed = False

    def __enter__(self) -> Self:
        if self._wants_scratch:
            self.scratch = tempfile.mkdtemp(prefix="hierglm-")
        try:
            self._words = tempfile.TemporaryFile()
            try:
                self._process = _start(self._words, self.scratch)
            except BaseException:
                self._words.close()
                raise
        except BaseException:
            self._tidy()
            raise
        # Written at once, but read through a buffer: frames are mostly small.
        self._source = io.BufferedReader(cast(io.RawIOBase, self._process.stdout))
        try:
            self._greet()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self, request: Mapping[str, Any], blob: bytes = b"", progress: Progress | None = None
    ) -> Answer:
        """Send a request and wait for its answer.

        Raises
        ------
        Failure
            With the stage and the words of the library that failed.
        SamplingError
            If the process died.
        """
        if self._closed:
            raise SamplingError("the Stan process has ended")
        try:
            self._send(request, blob)
            arrays: dict[str, NDArray[np.float64]] = {}
            while True:
                header = self._receive(arrays)
                if header["kind"] == "progress" and progress is not None:
                    progress(header)
                elif header["kind"] == "done":
                    return Answer(header, arrays)
                elif header["kind"] == "failure":
                    raise Failure(header["stage"], header["text"])
        except Failure:
            raise
        except BaseException:
            # Half an answer may lie in the pipe, and Ctrl-C must end the work at once.
            self.close()
            raise

    def last_words(self) -> str:
        """Return the end of what the process and its libraries printed."""
        with suppress(OSError, ValueError):
            self._words.seek(0, os.SEEK_END)
            self._words.seek(max(0, self._words.tell() - _TAIL))
            return self._words.read().decode(errors="replace").strip()
        return ""

    def close(self) -> None:
        """End the process and all that it started; harmless when done twice."""
        self._closed = True
        process = self._process
        with suppress(OSError):
            _kill_group(process)
        for pipe in (process.stdin, self._source):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()
        self._words.close()
        self._tidy()

    def _greet(self) -> None:
        """Skip what site hooks may have printed; then say where everything is."""
        seen = b""
        while not seen.endswith(GREETING):
            byte = self._source.read(1)
            if not byte:
                raise self._death()
            seen += byte
        here = os.getpid()
        start = {"path": _search_path(), "job": str(self._job), "parent": here}
        self._send({**start, "scratch": self.scratch}, b"")

    def _send(self, header: Mapping[str, Any], blob: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            write_frame(stdin, header, blob)
        except (BrokenPipeError, ConnectionError) as error:
            raise self._death() from error

    def _receive(self, arrays: dict[str, NDArray[np.float64]]) -> Mapping[str, Any]:
        def room(header: Mapping[str, Any], size: int) -> memoryview:
            values = np.empty(header["shape"], dtype="<f8")
            arrays[header["name"]] = values
            return memoryview(values.reshape(-1)).cast("B")

        header = read_frame(self._source, room)
        if header is None:
            raise self._death()
        if header["kind"] == "array" and header["name"] not in arrays:
            arrays[header["name"]] = np.empty(header["shape"])  # no bytes were sent
        return header

    def _death(self) -> SamplingError:
        """Say how the process ended."""
        # First the group, then the wait: its number may be somebody else's afterwards.
        with suppress(OSError):
            _kill_group(self._process)
        code = self._process.wait()
        words = self.last_words()
        said = f"\n  its last words:\n{words}" if words else ""
        return SamplingError(f"the Stan process {_how(code)}{said}")

    def _tidy(self) -> None:
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


def _start(words: IO[bytes], scratch: str) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise EngineError(
            "sys.executable is empty, so no Python can be started for Stan; "
            "set it to the path of a Python interpreter"
        )
    worker = Path(__file__).with_name("worker.py")
    # Filters of warnings are meant for the user's own code.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    if scratch:
        environment.update({"TMPDIR": scratch, "TMP": scratch, "TEMP": scratch})
    new_session: dict[str, Any] = (
        {"start_new_session": True}
        if os.name == "posix"
        else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    )
    try:
        process = subprocess.Popen(
            # -P: the folder of the script would put its modules before everybody's.
            [sys.executable, "-P", "-u", str(worker)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            cwd=worker.parent,  # the user's may be gone
            env=environment,
            **new_session,
        )
    except OSError as error:
        raise EngineError(f"cannot start {sys.executable!r} for Stan: {error}") from error
    _widen(process.stdout)
    return process


def _widen(pipe: IO[bytes] | None) -> None:
    """Let the pipe hold more at a time: draws of 64 MB arrive 0.2 s sooner (Linux only)."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        if pipe is not None:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, 1 << 18)


def _search_path() -> list[str]:
    """Return this process' import path, absolute: the child works in another folder."""
    found = []
    for entry in sys.path:
        with suppress(OSError):  # the working folder may be gone
            found.append(str(Path(entry).absolute()))
    return found


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        taskkill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(taskkill, capture_output=True, check=False)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return (
            f"was killed ({name}), most often because memory ran out; "
            "fewer chains or draws, or a smaller model, would need less"
        )
    return (
        f"crashed ({name}); that is a fault in the engine, not in the model: "
        "try the other engine (engine='cmdstan' or engine='embedded') and please report it"
    )
