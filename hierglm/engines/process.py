"""Starting a Python process that can be ended with all that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from hierglm.errors import EngineError


def start(words: IO[bytes], scratch: str) -> subprocess.Popen[bytes]:
    """Start the script `worker`, leader of a session of its own.

    Parameters
    ----------
    words : file
        Takes what it prints.
    scratch : str
        Its folder for temporary files, or "".

    Raises
    ------
    EngineError
        If no Python can be started.
    """
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


def search_path() -> list[str]:
    """Return this process' import path, absolute: the child works in another folder."""
    found = []
    for entry in sys.path:
        with suppress(OSError):  # the working folder may be gone
            found.append(str(Path(entry).absolute()))
    return found


def let_interrupt() -> None:
    """Let Ctrl-C end a wait for a process at once.

    Polars, once used, has a handler of its own that lets reads begin anew (SA_RESTART): Python
    would learn of Ctrl-C only when the process has answered.
    """
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started here, with all that it has started."""
    if process.returncode is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        taskkill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(taskkill, capture_output=True, check=False)


def how_it_ended(code: int) -> str:
    """Say how a process ended, from its exit code, and what would do.

    Examples
    --------
    >>> how_it_ended(3)
    'ended with exit code 3'
    """
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
