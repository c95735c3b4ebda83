"""One job in a process of its own: started, asked, and never left behind.

Stan's libraries crash the process they run in, cannot be interrupted off the main thread,
and start programs of their own. So each run gets a fresh Python process that leads its own
session: Ctrl-C, an error or the end of this process ends it and all that it started.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.process import (
    how_it_ended,
    kill_group,
    let_interrupt,
    search_path,
    start,
)
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
    scratch : bool or Path
        Whether it needs a folder for temporary files, removed at the end, and where that is to be.

    Raises
    ------
    EngineError
        If no Python can be started, or temporary files cannot be written: here, or within the
        ``with`` statement in its folder for them.

    Examples
    --------
    >>> with Child("stanli_worker.py") as child:
    ...     child.ask({"task": "build"}).facts["version"] > "0"
    True
    """

    def __init__(self, job: str, *, scratch: bool | Path = False) -> None:
        self._job = Path(__file__).with_name(job)
        self._wants_scratch = scratch
        self.scratch = ""
        self._closed = False

    def __enter__(self) -> Self:
        try:
            if self._wants_scratch:
                where = self._wants_scratch if isinstance(self._wants_scratch, Path) else None
                self.scratch = tempfile.mkdtemp(
                    prefix=".hierglm-" if where else "hierglm-", dir=where
                )
            self._words = tempfile.TemporaryFile()
            try:
                self._process = start(self._words, self.scratch)
            except BaseException:
                self._words.close()
                raise
        except BaseException as error:
            self._tidy()
            if isinstance(error, OSError):
                raise _no_room(error) from error
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
        if isinstance(error, OSError) and self._of_scratch(error):
            raise _no_room(error) from error

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
        let_interrupt()
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

    def kill(self) -> None:
        """End the process from any thread: who waits for its answer gets a `SamplingError`."""
        with suppress(OSError):
            kill_group(self._process)

    def close(self) -> None:
        """End the process and all that it started; harmless when done twice."""
        self._closed = True
        process = self._process
        self.kill()
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
        first = {"path": search_path(), "job": str(self._job), "parent": here}
        self._send({**first, "scratch": self.scratch}, b"")

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
        self.kill()
        code = self._process.wait()
        words = self.last_words()
        said = f"\n  its last words:\n{words}" if words else ""
        return SamplingError(f"the Stan process {how_it_ended(code)}{said}")

    def _of_scratch(self, error: OSError) -> bool:
        """Whether a file in its folder could not be written; a full disk names no file."""
        if not self.scratch:
            return False
        if error.filename is None:
            return error.errno in (errno.ENOSPC, errno.EDQUOT)
        return str(error.filename).startswith(self.scratch)

    def _tidy(self) -> None:
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)


def _no_room(error: OSError) -> EngineError:
    return EngineError(
        f"temporary files cannot be written: {error.strerror or error}; set the environment "
        "variable TMPDIR to a folder that can be written and has room"
    )
