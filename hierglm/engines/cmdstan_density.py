"""The log density of a program compiled by CmdStan, one start of the program a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hierglm.engines.child import Child, Failure
from hierglm.engines.data import to_json
from hierglm.engines.density import OpenDensity
from hierglm.engines.engine import Floats
from hierglm.engines.failures import explain
from hierglm.engines.run import STAN_STATS
from hierglm.errors import EngineError
from hierglm.program.fragment import Program


def density_of(child: Child, exe: str, program: Program, data: bytes) -> OpenDensity:
    """Return the log density of a compiled program, bound to its data.

    Parameters
    ----------
    child : Child
        Runs cmdstan_worker.py, with a scratch folder.
    exe : str
        The compiled program.
    program : Program
        What was compiled, to explain failures.
    data : bytes
        Stan data as JSON.

    Raises
    ------
    EngineError
        If Stan refuses the data, or finds no point at which the density is finite.
    """
    scratch = Path(child.scratch)
    place, point, output = scratch / "data.json", scratch / "point.json", scratch / "point.csv"
    place.write_bytes(data)

    def run(arguments: Sequence[str], *options: str) -> None:
        tail = ["data", f"file={place}", *options, "sig_figs=17"]
        try:
            child.ask({"task": "run", "exe": exe, "arguments": [*arguments, *tail]})
        except Failure as failure:
            raise explain(failure, program, "cmdstan") from None

    def evaluate(points: Floats) -> tuple[Floats, Floats]:
        rows = []
        for coordinates in points:
            # One at a time: CmdStan before 2.39 mixes up the points of a longer file
            # (stan-dev/cmdstan issue 1336).
            point.write_bytes(to_json({"params_r": coordinates}))
            output.unlink(missing_ok=True)
            how = ["log_prob", f"unconstrained_params={point}", "jacobian=1"]
            run(how, "output", f"file={output}")
            rows.append(_last_row(output)[1])
        table = np.array(rows).reshape(len(points), -1)
        return table[:, 0], table[:, 1:]

    def start(*init: str) -> Floats:
        """Return the first point of a chain that cannot move."""
        # CmdStan tells unconstrained values only in the diagnostic file of its sampler.
        diagnostic = scratch / "diagnostic.csv"
        diagnostic.unlink(missing_ok=True)
        still = ["method=sample", "num_samples=1", "num_warmup=0", "algorithm=hmc"]
        still += ["engine=nuts", "max_depth=1", "metric=unit_e", "stepsize=1e-300"]
        still += ["adapt", "engaged=0"]
        files = ["output", f"file={output}", f"diagnostic_file={diagnostic}", "refresh=0"]
        run([*still, "random", "seed=1"], *init, *files)
        names, row = _last_row(diagnostic)
        first = len(STAN_STATS)
        size = (len(names) - first) // 3  # positions, momenta, gradients
        return row[first : first + size]

    def unconstrain(values: Mapping[str, Any]) -> Floats:
        point.write_bytes(to_json(values))
        # As a start of the sampler a missing value would be drawn at random; this refuses it.
        check = ["log_prob", f"constrained_params={point}", "jacobian=1"]
        run(check, "output", f"file={output}")
        return start(f"init={point}")

    return OpenDensity(len(start()), evaluate, unconstrain)


def _last_row(file: Path) -> tuple[list[str], Floats]:
    """Return column names and last row of a small output file."""
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    if len(rows) < 2 or len(rows[-1]) != len(rows[0]):
        raise EngineError("CmdStan evaluated nothing: the log density has an error at this point")
    return rows[0], np.array([float(x) for x in rows[-1]])
