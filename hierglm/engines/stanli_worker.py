"""Jobs that need stanli; run by `worker` in a process of its own.

stanli crashes off the main thread, when a model is copied, and answers wrongly when two
threads share a model. Here there is one model, one thread and nothing to copy.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
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

    def take(line: str) -> None:
        if found := _ITERATION.search(line):
            chain, iteration, total = (int(found[i]) for i in (1, 2, 3))
            reply.progress(chain, iteration, total, found[4] == "Warmup")
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
    except (RuntimeError, ValueError) as error:
        reply.failure("sample", str(error))
        return
    reply.array("stats", fit.sampler_stats)
    reply.array("step_size", np.asarray(fit.step_size, dtype=float))
    reply.array("metric", np.asarray(fit.inv_metric, dtype=float))
    there = fit.variables
    for name in request["names"]:
        # One variable at a time: `draws` copies, and a posterior can fill the memory.
        if name in there:
            reply.array(f"value {name}", fit.draws(name))
    reply.done(seconds=seconds)


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
