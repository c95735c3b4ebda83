"""What CmdStan is asked to sample, and from where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hierglm.engines.child import Child, Failure, Progress
from hierglm.engines.data import to_json
from hierglm.engines.engine import Settings
from hierglm.engines.starts import inverse_metric, starting_values
from hierglm.program.fragment import Program

_NO_START = re.compile(r"[Ii]nitial(?:ization| value)")


def sampling_request(program: Program, settings: Settings, scratch: Path) -> dict[str, Any]:
    """Return what the worker is asked to sample; starting values and metric become files.

    Parameters
    ----------
    program : Program
    settings : Settings
    scratch : Path
        Where the data are to be, as data.json.
    """
    total = settings.warmup + settings.draws
    metric: list[str] = []
    starts = starting_values(program, settings.chains, settings.seed) if program.start else []
    for chain, values in enumerate(starts, start=1):
        (scratch / f"init_{chain}.json").write_bytes(to_json(values))
    if starts:
        place = scratch / "metric.json"
        place.write_bytes(to_json({"inv_metric": inverse_metric(program)}))
        metric = ["metric=diag_e", f"metric_file={place}"]
    sampler = [
        "method=sample",
        f"num_samples={settings.draws}",
        f"num_warmup={settings.warmup}",
        "algorithm=hmc",
        "engine=nuts",
        f"max_depth={settings.max_treedepth}",
        *metric,
        "adapt",
        # CmdStan refuses to adapt in no time.
        *(["engaged=1", f"delta={settings.adapt_delta}"] if settings.warmup else ["engaged=0"]),
    ]
    return {
        "task": "sample",
        "scratch": str(scratch),
        "data": str(scratch / "data.json"),
        "chains": int(settings.chains),
        "numbers": list(range(1, settings.chains + 1)),
        "threads": settings.processors,
        "seed": int(settings.seed),
        "refresh": max(1, total // 100),
        "inits": bool(starts),
        "sampler": sampler,
    }


def ask_for_chains(request: Mapping[str, Any], child: Child, report: Progress) -> Mapping[str, Any]:
    """Sample; where chains cannot start at the places given, as Stan has them start.

    Parameters
    ----------
    request : mapping
        What `sampling_request` returned, with the compiled program.
    child : Child
    report : callable
        Told of the progress.

    Returns
    -------
    mapping
        The files of the chains, and what was lost, by number.

    Raises
    ------
    Failure
        As the worker fails.
    """
    try:
        return child.ask(request, b"", report).facts
    except Failure as failure:
        # Starting values are a help: without good ones Stan finds its own.
        if not (request["inits"] and _NO_START.search(failure.text)):
            raise
    return child.ask({**request, "inits": False}, b"", report).facts
