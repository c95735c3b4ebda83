"""Around one case of a fuzz target: what must not happen while hostile input is read."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 10.0
"""CPU time of one case: what is not refused and takes longer is a finding."""

_OUTSIDE = (
    "os.system",
    "os.exec",
    "os.spawn",
    "os.fork",
    "os.posix_spawn",
    "subprocess.",
    "socket.",
)
_WRITES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "shutil.", "ctypes.")
_CODE = (".py", ".pyc", ".so", ".pyd", "__pycache__")

_state: dict[str, Any] = {"armed": False, "seen": [], "hooked": False, "allowed": ()}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _state["armed"]:
        return
    if event.startswith((*_OUTSIDE, *_WRITES)) or (
        event == "open" and not str(arguments[0]).endswith((*_CODE, *_state["allowed"]))
    ):
        _state["seen"].append((event, repr(arguments)[:200]))


@contextmanager
def guarded(allowed: str = "") -> Iterator[None]:
    """Fail where files are opened, processes begun, sockets made, or time runs away.

    Parameters
    ----------
    allowed : str
        A file that may be opened.

    Modules that are imported late may be read. An audit hook cannot be taken off again; it is
    quiet outside of this context.
    """
    if not _state["hooked"]:
        sys.addaudithook(_hook)
        _state["hooked"] = True
    _state["seen"].clear()
    _state["allowed"] = (allowed,) if allowed else ()
    started = time.process_time()
    _state["armed"] = True
    try:
        yield
    finally:
        _state["armed"] = False
    assert not _state["seen"], f"while it was read: {_state['seen'][:3]}"
    spent = time.process_time() - started
    assert spent < SECONDS, f"it took {spent:.0f} CPU s"


def check_message(error: Exception) -> None:
    """Fail where a message is too long to be read, or holds what a terminal would obey."""
    said = str(error)
    assert 0 < len(said) < 3_000, len(said)
    assert all(c.isprintable() or c == "\n" for c in said), said
