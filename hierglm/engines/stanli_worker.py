"""Jobs that need stanli; run by `worker` in a process of its own.

stanli crashes off the main thread, when a model is copied, and answers wrongly when two
threads share a model. Here there is one model, one thread and nothing to copy.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hierglm.engines.worker import Reply

_ITERATION = re.compile(r"Chain \[(\d+)\] Iteration:\s+(\d+) / (\d+) .*\((\w+)\)")
_TOTAL = re.compile(r"([\d.eE+-]+) seconds \(Total\)")

_model: Any = None
"""The one model that is open; a worker never has two."""


def handle(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Answer one request: its "task" names a function below."""
    tasks = {
        "open": _open,
        "sample": _sample,
        "evaluate": _evaluate,
        "unconstrain": _unconstrain,
        "build": _build,
    }
    tasks[request["task"]](request, blob, reply)


def _build(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    try:
        import stanli
    except Exception as error:
        reply.failure("missing", f"{type(error).__name__}: {error}")
        return
    reply.done(version=stanli.__version__, build=stanli.build_id())


def _open(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    if _bind(request, blob, reply):
        reply.done(size=_model.n_unconstrained)


def _bind(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> bool:
    """Compile the program and give it its data; the blob is the data as JSON."""
    global _model
    try:
        import stanli
    except Exception as error:  # a wheel that does not load fails in many ways
        reply.failure("missing", f"{type(error).__name__}: {error}")
        return False
    try:
        mir = stanli.stan_to_mir(request["code"])
    except RuntimeError as error:
        reply.failure("compile", str(error))
        return False
    data = blob.decode()
    blob.clear()  # the data may be large, and stanli makes copies of its own
    try:
        _model = stanli.Model(mir=mir, data=data, seed=request["seed"])
    except RuntimeError as error:
        # The second half of the compiler, which refuses what it cannot run, comes here too.
        reply.failure("compile" if "unsupported" in str(error) else "data", str(error))
        return False
    return True


def _sample(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    if not _bind(request, blob, reply):
        return
    seconds: list[float] = []
    files = None
    if request["in_files"] is not None:
        import stanli

        files = stanli.np = _Files(reply.scratch, request["in_files"])

    def take(line: str) -> None:
        if found := _ITERATION.search(line):
            chain, iteration, total = (int(found[i]) for i in (1, 2, 3))
            reply.progress(chain, iteration, total, found[4] == "Warmup")
            if files is not None:
                files.forget()
        elif found := _TOTAL.search(line):
            seconds.append(float(found[1]))
        elif "seconds (" not in line:
            sys.stderr.write(line + "\n")

    settings, chain = {**request["settings"], **_start(request)}, request["chain"]
    if chain is not None:
        settings |= {"chains": 1, "parallel_chains": 1}
        if "inits" in settings:
            settings["inits"] = settings["inits"][chain - 1 : chain]
    try:
        if chain is not None:
            _number_chains_from(chain)
        with reply.printed(take):
            fit = _model.sample(**settings)
    except OSError as error:  # no room for a file of the draws
        reply.failure(
            "absent",
            f"draws cannot be kept in {reply.scratch!r}: {error.strerror}; "
            "make room, or let out= be where there is more",
        )
        return
    except (RuntimeError, ValueError) as error:
        reply.failure("sample", str(error))
        return
    reply.array("stats", fit.sampler_stats)
    reply.array("step_size", np.asarray(fit.step_size, dtype=float))
    reply.array("metric", np.asarray(fit.inv_metric, dtype=float))
    there = fit.variables
    path = files.path_of(fit.draws()) if files is not None else None
    if path is not None:
        starts: dict[str, int] = {}
        for column, name in enumerate(fit.names):
            starts.setdefault(name.split("[")[0], column)
        columns = {n: [starts[n], list(there[n])] for n in request["names"] if n in there}
        file = {"path": path, "shape": list(fit.draws().shape), "columns": columns}
        reply.done(seconds=seconds, file=file)
        return
    for name in request["names"]:
        # One variable at a time: `draws` copies, and a posterior can fill the memory.
        if name in there:
            reply.array(f"value {name}", fit.draws(name))
    reply.done(seconds=seconds)


class _Files:
    """NumPy as stanli sees it, but for its largest arrays: these are files.

    stanli's ``sample`` has no argument for where its draws are to be, up to 0.24.
    """

    def __init__(self, folder: str, least: int) -> None:
        self._folder, self._least = folder, least
        self._held: list[tuple[str, mmap.mmap, NDArray[np.float64]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, *args: Any, **options: Any) -> Any:
        """Return an array, in a file if it is of doubles, and large."""
        if args or options or np.ndim(shape) == 0 or 8 * math.prod(shape) < max(self._least, 1):
            return np.empty(shape, *args, **options)
        size = 8 * math.prod(shape)
        path = Path(self._folder) / f"draws_{len(self._held)}"
        with path.open("xb+") as file:
            # What has no room is to be known now: writing to such memory would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            memory = mmap.mmap(file.fileno(), size)
        array = np.frombuffer(memory, dtype=np.float64).reshape(shape)
        self._held.append((str(path), memory, array))
        return array

    def forget(self) -> None:
        """Let go of the memory of what is in the files already."""
        for _, memory, _ in self._held:
            if hasattr(memory, "madvise"):
                memory.madvise(mmap.MADV_DONTNEED)

    def path_of(self, array: Any) -> str | None:
        """Return the file that an array is, if it is one."""
        for path, _, held in self._held:
            if held is array:
                return path
        return None


def _number_chains_from(chain: int) -> None:
    """Let chains have the random numbers of this chain and those after it, from now on.

    Stan's library can, but stanli's ``sample`` has no argument for it, up to 0.24.

    Raises
    ------
    RuntimeError
        If this stanli keeps its options elsewhere.
    """
    import stanli

    library = getattr(stanli, "_lib", None)
    begin = getattr(library, "stanli_sample_opts_init", None)
    if library is None or begin is None:
        raise RuntimeError("this version of stanli cannot sample one chain of several by itself")

    def begin_there(options: Any) -> None:
        begin(options)
        options._obj.chain_id = chain

    library.stanli_sample_opts_init = begin_there


def _start(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return starting points and metric for the sampler, if the program comes with them.

    Chains start apart, as far as Stan's own do when the posterior has sd 1, so that R-hat
    can tell whether they have met.
    """
    start = request["start"]
    if start is None:
        return {}
    spread = np.asarray(start["spread"])
    try:
        centre = _model.unconstrain(json.dumps(start["values"]))
        rng = np.random.default_rng(request["seed"])
        apart = rng.uniform(-2, 2, (request["settings"]["chains"], len(spread)))
        points = centre + spread * apart
        finite = all(np.isfinite(_model.log_prob_grad(point)[1]).all() for point in points)
    except (RuntimeError, ValueError):
        finite = False
    # Starting values are a help: without good ones Stan finds its own.
    return {"inits": points, "inv_metric": spread**2} if finite else {}


def _evaluate(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    """Log density and gradient at each row of the points in the blob."""
    points = np.frombuffer(blob, dtype="<f8").reshape(request["shape"])
    table = np.empty((len(points), 1 + points.shape[1]))
    for i, point in enumerate(points):
        try:
            table[i, 0], table[i, 1:] = _model.log_prob_grad(point)
        except (RuntimeError, ValueError) as error:
            reply.failure("evaluate", str(error))
            return
    reply.array("table", table)
    reply.done()


def _unconstrain(request: Mapping[str, Any], blob: bytearray, reply: Reply) -> None:
    try:
        point = _model.unconstrain(blob.decode())
    except (RuntimeError, ValueError) as error:
        reply.failure("unconstrain", str(error))
        return
    reply.array("point", point)
    reply.done()
