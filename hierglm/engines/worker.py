"""The other side of `child`: a script that runs jobs in a process of its own.

It is started by path, so nothing here may import hierglm; `child` imports the frames from
here. A frame is a JSON header and one blob of bytes, each preceded by its length. Why the
care: the libraries behind the engines print to stdout, crash, cannot be interrupted, and
must not outlive the session that asked.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shutil
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GREETING = b"\0hierglm worker\0"
"""Written first, so that whatever a site hook prints before it can be told apart."""

_LENGTHS = struct.Struct("!IQ")
_SMALL = 1 << 16
"""Bytes below which a copy is cheaper than a second call of the system."""


def write_frame(out: IO[bytes], header: Mapping[str, Any], blob: bytes | memoryview = b"") -> None:
    """Write one frame to an unbuffered binary file."""
    text = json.dumps(header).encode()
    view = memoryview(blob).cast("B") if len(blob) else memoryview(b"")
    head = _LENGTHS.pack(len(text), view.nbytes) + text
    if view.nbytes < _SMALL:
        write_all(out, head + bytes(view))
    else:
        write_all(out, head)
        write_all(out, view)


def write_all(out: IO[bytes], data: bytes | memoryview) -> None:
    """Write every byte: an unbuffered file may take only some at a time."""
    rest = memoryview(data)
    while rest.nbytes:
        rest = rest[out.write(rest) :]


def read_frame(
    source: IO[bytes], room: Callable[[Mapping[str, Any], int], memoryview]
) -> Mapping[str, Any] | None:
    """Read one frame into the memory that `room` gives for its header; None at the end."""
    lengths = read_exactly(source, memoryview(bytearray(_LENGTHS.size)))
    if lengths is None:
        return None
    text, blob = _LENGTHS.unpack(lengths)
    found = read_exactly(source, memoryview(bytearray(text)))
    if found is None:
        return None
    header: Mapping[str, Any] = json.loads(bytes(found))
    if blob and read_exactly(source, room(header, blob)) is None:
        return None
    return header


def read_exactly(source: IO[bytes], into: memoryview) -> memoryview | None:
    """Fill the memory from a binary file; None if the file ends first."""
    done = 0
    while done < into.nbytes:
        count = source.readinto(into[done:])  # type: ignore[attr-defined]
        if not count:
            return None
        done += count
    return into


class Reply:
    """What a job may say: progress, arrays, and at last `done` or `failure`.

    Attributes
    ----------
    scratch : str
        Its folder for temporary files, or "".
    """

    def __init__(self, out: IO[bytes], scratch: str = "") -> None:
        self._out, self.scratch = out, scratch
        # Progress comes from the sampler's own threads.
        self._lock = threading.Lock()

    def progress(self, chain: int, iteration: int, total: int, warmup: bool) -> None:
        """Say how far a chain is."""
        self._send(
            {
                "kind": "progress",
                "chain": chain,
                "iteration": iteration,
                "total": total,
                "warmup": warmup,
            }
        )

    def array(self, name: str, values: NDArray[np.float64]) -> None:
        """Hand over an array; it may be dropped as soon as this returns."""
        import numpy as np

        flat = np.ascontiguousarray(values, dtype="<f8")
        header = {"kind": "array", "name": name, "shape": list(values.shape)}
        self._send(header, memoryview(flat.reshape(-1)))

    def done(self, **facts: Any) -> None:
        """End a job that went well."""
        self._send({"kind": "done", **facts})

    def failure(self, stage: str, text: str) -> None:
        """End a job that did not."""
        self._send({"kind": "failure", "stage": stage, "text": text})

    @contextmanager
    def printed(self, take: Callable[[str], None]) -> Iterator[None]:
        """Within the ``with`` statement, hand each line that is printed to `take`."""
        with redirect_stdout(cast(TextIO, _Lines(take))):
            yield

    def _send(self, header: Mapping[str, Any], blob: memoryview | bytes = b"") -> None:
        with self._lock:
            write_frame(self._out, header, blob)


class _Lines:
    """Stands in for stdout and hands each line on; only what `print` needs."""

    encoding = "utf-8"

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def write(self, text: str) -> int:
        # Prints of two threads may interleave between writes, never within one.
        for line in text.splitlines():
            if line.strip():
                self._take(line)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def main() -> None:
    """Answer requests from stdin until it ends."""
    if hasattr(signal, "pthread_sigmask"):
        # The parent alone answers Ctrl-C: it kills this process with its whole group.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    source = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what native code prints lands in stderr
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    write_all(out, GREETING)
    start = read_frame(source, lambda _, size: memoryview(bytearray(size)))
    if start is None:
        return
    sys.path[:] = start["path"]
    scratch = str(start["scratch"])
    requests: queue.SimpleQueue[tuple[Mapping[str, Any], bytearray]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, requests, scratch), daemon=True).start()
    threading.Thread(target=_outlive, args=(start["parent"], scratch), daemon=True).start()
    job = _load(start["job"])
    reply = Reply(out, scratch)
    while True:
        request, blob = requests.get()
        try:
            job.handle(request, blob, reply)
        except Exception:
            reply.failure("worker", traceback.format_exc())
        del blob


def _listen(
    source: IO[bytes],
    requests: queue.SimpleQueue[tuple[Mapping[str, Any], bytearray]],
    scratch: str,
) -> None:
    """Queue what the parent asks; when it is gone, go too, even out of a native call."""
    while True:
        blobs = [bytearray()]

        def room(_: Mapping[str, Any], size: int, blobs: list[bytearray] = blobs) -> memoryview:
            blobs[0] = bytearray(size)
            return memoryview(blobs[0])

        request = read_frame(source, room)
        if request is None:
            _vanish(scratch)
        else:
            requests.put((request, blobs[0]))


def _outlive(parent: int, scratch: str) -> None:
    """Notice a dead parent even where a forked copy of it still holds our stdin open."""
    while os.name == "posix":
        if os.getppid() != parent:
            _vanish(scratch)
        time.sleep(1.0)


def _vanish(scratch: str) -> None:
    """End at once, with whatever was started from here, and leave no files."""
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("hierglm_job", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
