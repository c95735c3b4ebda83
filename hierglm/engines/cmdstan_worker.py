"""Jobs that need CmdStan; run by `worker` in a process of its own.

cmdstanpy finds CmdStan and compiles. The compiled program is run from here, not through
cmdstanpy's ``sample``: that reads every output file twice before we may, sets variables of
the environment for good, and has no way to hand on progress.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hierglm.engines.worker import Reply

_ITERATION = re.compile(r"^(?:Chain \[(\d+)\] )?Iteration:\s*(\d+) / (\d+) \[.*\((\w+)\)")
_INFO = re.compile(r"^\s*(\w+)\s*=\s*(\S+)\s*$", re.MULTILINE)
_LINES = 60
"""How many of a program's last lines are kept for an error."""


def handle(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Answer one request: its "task" names a function below."""
    tasks = {
        "find": _find,
        "compile": _compile,
        "build": _build,
        "info": _info,
        "sample": _sample,
        "run": _run,
    }
    tasks[request["task"]](request, blob, reply)


def _find(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Say where CmdStan is and which version."""
    try:
        import cmdstanpy
        from cmdstanpy.utils import cmdstan_version
    except Exception as error:  # a broken installation fails in many ways
        reply.failure("missing", f"cmdstanpy: {type(error).__name__}: {error}")
        return
    try:
        if request["cmdstan"]:
            cmdstanpy.set_cmdstan_path(request["cmdstan"])
        path = cmdstanpy.cmdstan_path()
        version = cmdstan_version()
    except (ValueError, OSError) as error:
        reply.failure("absent", str(error))
        return
    reply.done(path=path, version=list(version or ()), cmdstanpy=cmdstanpy.__version__)


def _compile(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Compile the program in its file, beside it."""
    import logging

    import cmdstanpy

    cmdstanpy.utils.get_logger().setLevel(logging.ERROR)
    cmdstanpy.set_cmdstan_path(request["cmdstan"])
    try:
        exe = cmdstanpy.compile_stan_file(
            request["file"],
            stanc_options=request["stanc"],
            cpp_options=request["cpp"],
            user_header=request["header"],
        )
    except (ValueError, RuntimeError, OSError) as error:
        reply.failure("compile", str(error))
        return
    reply.done(exe=exe)


def _build(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Run the steps that make a program, one after the other, the commands of each at once."""
    for commands in request["steps"]:
        with ThreadPoolExecutor(max_workers=len(commands)) as pool:
            running = [pool.submit(_finished, command) for command in commands]
        for command, run in zip(commands, running, strict=True):
            try:
                done = run.result()
            except OSError as error:
                reply.failure("compile", f"cannot run {command[0]}: {error}")
                return
            if done.returncode:
                reply.failure("compile", done.stdout)
                return
    reply.done()


def _info(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Say what a compiled program tells of itself; nothing if it does not know how."""
    try:
        done = _finished([request["exe"], "info"])
    except OSError as error:
        reply.failure("absent", f"cannot run {request['exe']}: {error}")
        return
    reply.done(info=dict(_INFO.findall(done.stdout)) if done.returncode == 0 else {})


def _sample(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Run the chains; name the output files of those that ended well, and say who died."""
    numbers, threads = request["numbers"], int(request["threads"])
    runner = _Runner(request["exe"], reply)
    folder = Path(request["scratch"])
    files = {chain: folder / f"chain_{chain}.csv" for chain in numbers}
    left = list(files)
    together = len(numbers) > 1 and bool(request["threaded"])
    if together:
        words = runner.run(_arguments(request, None), threads)
        if words is not None and not runner.begun:
            reply.failure("sample", f"CmdStan {words}")
            return
        left = [] if words is None else [k for k, file in files.items() if not _whole(file)]
    # A chain that died takes the others of its process with it. By itself each has the same
    # stream of random numbers: what was lost comes back, but for the one at fault.
    pool_size = max(1, min(threads, len(left)))
    with ThreadPoolExecutor(max_workers=pool_size) as pool:
        run = partial(_alone, runner, request, threads=threads // pool_size, again=together)
        said = dict(zip(left, pool.map(run, left), strict=True))
    lost = {chain: words for chain, words in said.items() if words is not None}
    if runner.stopped or len(lost) == len(numbers):
        chain, words = next(iter(lost.items()))
        reply.failure("sample", f"chain {chain} {words}")
        return
    kept = {str(chain): str(file) for chain, file in files.items() if chain not in lost}
    reply.done(
        files=kept, lost={str(chain): words.removeprefix("was ") for chain, words in lost.items()}
    )


def _arguments(request: Mapping[str, Any], chain: int | None) -> list[str]:
    """Return CmdStan's arguments for one chain, or for all of them in one process."""
    scratch = Path(request["scratch"])
    name = "" if chain is None else f"_{chain}"
    # Where several chains look for "init.json", each finds the file with its own number.
    start = [f"init={scratch / f'init{name}.json'}"] if request["inits"] else []
    return [
        f"id={chain or 1}",
        *("random", f"seed={request['seed']}", "data", f"file={request['data']}", *start),
        *("output", f"file={scratch / f'chain{name}.csv'}"),
        *(f"refresh={request['refresh']}", "sig_figs=17", *request["sampler"]),
        *([] if chain else [f"num_chains={request['chains']}"]),
    ]


def _alone(
    runner: _Runner, request: Mapping[str, Any], chain: int, *, threads: int, again: bool
) -> str | None:
    """Run one chain; one that cannot even start stops the others, unless it has before."""
    if runner.stopped:
        return None
    words = runner.run(_arguments(request, chain), max(1, threads))
    if words is not None and not again and chain not in runner.begun:
        runner.stop()
    return words


def _whole(file: Path) -> bool:
    """Whether a chain wrote its file to the end."""
    try:
        with file.open("rb") as source:
            source.seek(0, os.SEEK_END)
            source.seek(max(0, source.tell() - 4096))
            return b"seconds (Total)" in source.read()
    except OSError:
        return False


class _Runner:
    """Runs a compiled program, once or several times at once.

    Attributes
    ----------
    begun : set of int
        The chains that have told of an iteration.
    stopped : bool
        Whether all was ended.
    """

    def __init__(self, exe: str, reply: Reply) -> None:
        self._exe, self._reply = exe, reply
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self.begun: set[int] = set()
        self.stopped = False

    def stop(self) -> None:
        """End all that runs, and start nothing more."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                process.kill()

    def run(self, arguments: Sequence[str], threads: int) -> str | None:
        """Run to the end; return what went wrong, or None."""
        try:
            process = self._start(arguments, threads)
        except OSError as error:
            return f"cannot run {self._exe}: {error}"
        if process is None:
            return None
        first = int(arguments[0].removeprefix("id="))
        tail: deque[str] = deque(maxlen=_LINES)
        assert process.stdout is not None
        for line in process.stdout:
            if found := _ITERATION.match(line):
                chain = int(found[1] or first)
                self.begun.add(chain)
                self._reply.progress(chain, int(found[2]), int(found[3]), found[4] == "Warmup")
            elif line.strip():
                tail.append(line.rstrip())
        code = process.wait()
        if code == 0 or self.stopped:
            return None
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{how}:\n" + "\n".join(_telling(tail))

    def _start(self, arguments: Sequence[str], threads: int) -> subprocess.Popen[str] | None:
        environment = {**os.environ, "STAN_NUM_THREADS": str(threads)}
        with self._lock:
            if self.stopped:
                return None
            process = subprocess.Popen(
                [self._exe, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
            )
            self._running.append(process)
            return process


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the lines that may tell what went wrong: not the settings echoed at the start."""
    told = [line for line in lines if not re.match(r"\s*\w+ = |\s*\w+$", line)]
    return told[-20:] or list(lines)[-20:]


def _run(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Run the program once with these arguments, and hand back the last that it said."""
    try:
        done = _finished([request["exe"], *request["arguments"]], request.get("threads", 1))
    except OSError as error:
        reply.failure("absent", f"cannot run {request['exe']}: {error}")
        return
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0:
        reply.failure("evaluate", "\n".join(_telling(lines)))
        return
    reply.done(said=lines[-_LINES:])


def _finished(command: Sequence[str], threads: int = 1) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, apart from this one's pipes; all that it says is in stdout."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "STAN_NUM_THREADS": str(threads)},
    )
