"""What a gradient costs on each engine, and what `hierglm.engines.predict` says it does.

``python -m benchmarks.engines [--data FOLDER] [--cases a,b]`` compiles the planned program of
every case with the installed Stan and prints: seconds to compile it; numbers in its data; CPU
microseconds of a gradient, embedded and compiled, measured and predicted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import hierglm as hg
from benchmarks.breakdown import children, gradient, table_of
from benchmarks.cases import CASES
from hierglm.engines.child import Child
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.data import to_json
from hierglm.engines.predict import COMPILED, EMBEDDED, cost
from hierglm.program.fragment import Program

DEPTH = 5
"""Of trees that never turn back, since the step size is next to nothing."""


def compiled_gradient(exe: Path, program: Program) -> float:
    """Return the CPU seconds of a gradient of an executable, at the centre.

    The difference of a long and a short run leaves out start and data.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.json"
        data.write_bytes(to_json(program.data))

        def run(draws: int) -> float:
            used = children()
            subprocess.run(
                [
                    str(exe), "id=1", "random", "seed=1", "data", f"file={data}", "init=0",
                    "output", f"file={folder}/out.csv", "refresh=0", "method=sample",
                    f"num_samples={draws}", "num_warmup=0", "save_warmup=0", "thin=1000",
                    "algorithm=hmc", "engine=nuts", f"max_depth={DEPTH}", "stepsize=1e-12",
                    "adapt", "engaged=0",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            return children() - used

        first = run(2)
        count = int(np.clip(1.5 / max(run(10) - first, 1e-3) * 8, 20, 5000))
        return (run(count) - run(2)) / ((count - 2) * (2**DEPTH - 1))


def main() -> int:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cases", default="")
    options = parser.parse_args()
    wanted = [name for name in options.cases.split(",") if name]
    engine = CmdStanEngine()
    print("case              compile s    numbers   embedded us: measured predicted"
          "   compiled us: measured predicted   embedded / compiled")  # fmt: skip
    for case in CASES:
        if wanted and case.name not in wanted:
            continue
        table = table_of(case, options.data)
        if table is None:
            continue
        model = hg.model(case.formula, table, case.family, engine="embedded")
        other = hg.model(case.formula, table, case.family, engine=engine)
        with Child("cmdstan_worker.py", scratch=True) as child:
            start = time.monotonic()
            # A text that was not there before: what is in the cache stays there.
            program = replace(other._program, bare=f"{other._program.bare}// {time.time_ns()}\n")
            exe, _ = engine._executable(child, program, lambda _: None)
            compiling = time.monotonic() - start
        numbers = cost(model._program).numbers
        measured = gradient(model), compiled_gradient(Path(exe), other._program)
        said = [1e6 * (call + each * numbers) for call, each in (EMBEDDED, COMPILED)]
        print(
            f"{case.name:<18}{compiling:9.1f}  {numbers:9,}{'':13}{1e6 * measured[0]:9.1f}"
            f"{said[0]:10.1f}{'':15}{1e6 * measured[1]:9.1f}{said[1]:10.1f}"
            f"{measured[0] / measured[1]:22.1f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
