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
    tasks = {"find": _find, "compile": _compile, "info": _info, "sample": _sample, "run": _run}
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
        exe = cmdstanpy.compile_stan_file(request["file"], cpp_options=request["flags"])
    except (ValueError, RuntimeError, OSError) as error:
        reply.failure("compile", str(error))
        return
    reply.done(exe=exe)


def _info(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Say what a compiled program tells of itself; nothing if it does not know how."""
    try:
        done = subprocess.run(
            [request["exe"], "info"], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        reply.failure("absent", f"cannot run {request['exe']}: {error}")
        return
    reply.done(info=dict(_INFO.findall(done.stdout)) if done.returncode == 0 else {})


def _sample(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Run the chains and name their output files."""
    scratch, data = Path(request["scratch"]), request["data"]
    chains, threads = int(request["chains"]), int(request["threads"])
    sampler: list[str] = list(request["sampler"])
    output = [f"seed={request['seed']}", "data", f"file={data}", "output"]
    output += [f"refresh={request['refresh']}", "sig_figs=17"]
    files = [scratch / f"chain_{i + 1}.csv" for i in range(chains)]
    if request["threaded"] and chains > 1:
        stem = f"file={scratch / 'chain.csv'}"
        many = ["id=1", "random", *output, stem, *sampler, f"num_chains={chains}"]
        jobs = [(many, threads)]
    else:
        jobs = [
            ([f"id={i + 1}", "random", *output, f"file={file}", *sampler], 1)
            for i, file in enumerate(files)
        ]
    runner = _Runner(request["exe"], reply)
    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(jobs)))) as pool:
        said = list(pool.map(lambda job: runner.run(*job), jobs))
    if failures := [words for words in said if words is not None]:
        reply.failure("sample", failures[0])
    else:
        reply.done(files=[str(file) for file in files])


class _Runner:
    """Runs a compiled program, once or several times at once; one failure stops all."""

    def __init__(self, exe: str, reply: Reply) -> None:
        self._exe, self._reply = exe, reply
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, arguments: Sequence[str], threads: int) -> str | None:
        """Run to the end; return what went wrong, or None."""
        process = self._start(arguments, threads)
        if isinstance(process, str) or process is None:
            return process
        chain = int(arguments[0].removeprefix("id="))
        tail: deque[str] = deque(maxlen=_LINES)
        assert process.stdout is not None
        for line in process.stdout:
            if found := _ITERATION.match(line):
                self._reply.progress(
                    int(found[1] or chain), int(found[2]), int(found[3]), found[4] == "Warmup"
                )
            elif line.strip():
                tail.append(line.rstrip())
        code = process.wait()
        if code == 0:
            return None
        with self._lock:
            first, self._stopped = not self._stopped, True
            for other in self._running:
                other.kill()
        if not first:
            return None
        who = f"chain {chain}" if "num_chains" not in arguments[-1] else "CmdStan"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{who} {how}:\n" + "\n".join(_telling(tail))

    def _start(self, arguments: Sequence[str], threads: int) -> subprocess.Popen[str] | str | None:
        environment = {**os.environ, "STAN_NUM_THREADS": str(threads)}
        with self._lock:
            if self._stopped:
                return None
            try:
                process = subprocess.Popen(
                    [self._exe, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    env=environment,
                )
            except OSError as error:
                self._stopped = True
                return f"cannot run {self._exe}: {error}"
            self._running.append(process)
            return process


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the lines that may tell what went wrong: not the settings echoed at the start."""
    told = [line for line in lines if not re.match(r"\s*\w+ = |\s*\w+$", line)]
    return told[-20:] or list(lines)[-20:]


def _run(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Run the program once with these arguments; nothing but its failure is of interest."""
    try:
        done = subprocess.run(
            [request["exe"], *request["arguments"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        reply.failure("absent", f"cannot run {request['exe']}: {error}")
        return
    if done.returncode != 0:
        reply.failure("evaluate", "\n".join(_telling(done.stdout.splitlines())))
        return
    reply.done()
