"""What a gradient costs on each engine, and what `hierglm.engines.predict` says it does.

``python -m benchmarks.engines [--data FOLDER] [--cases a,b]`` compiles the planned program of
every case with the installed Stan and prints: seconds to compile it; numbers in its data; CPU
microseconds of a gradient, embedded and compiled, measured and predicted. ``--algebra`` does
so for a Bernoulli response with 2 to 12 effects of 200 and of 1,000 levels, all of which one
program serves, and prints what the embedded engine takes to build it.
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
import pandas as pd
import stanli

import hierglm as hg
from benchmarks.breakdown import children, gradient, table_of
from benchmarks.cases import CASES
from hierglm.engines.child import Child
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.data import to_json
from hierglm.engines.predict import BUILDING, COMPILED, EMBEDDED, cost
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
    parser.add_argument("--algebra", action="store_true")
    options = parser.parse_args()
    if options.algebra:
        return algebra()
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
        first = f"{case.name:<18}{compiling:9.1f}"
        print(line(first, model, Path(exe), other._program), flush=True)
    return 0


def line(first: str, model: hg.PreparedModel, exe: Path, program: Program) -> str:
    """Return a line of the table: gradients of the embedded program and of the compiled one."""
    found = cost(model._program)
    measured = gradient(model), compiled_gradient(exe, program)
    said = [
        1e6 * (call + each * found.numbers + algebra * found.algebra)
        for call, each, algebra in (EMBEDDED, COMPILED)
    ]
    return (
        f"{first}  {found.numbers:9,}{'':13}{1e6 * measured[0]:9.1f}{said[0]:10.1f}{'':15}"
        f"{1e6 * measured[1]:9.1f}{said[1]:10.1f}{measured[0] / measured[1]:22.1f}"
    )


def algebra() -> int:
    """Print one line for each number of effects and levels; the program is compiled once."""
    print(f"{'effects':>8}{'levels':>8}{'built in':>11}")
    engine = CmdStanEngine()
    for effects, levels in ((2, 1000), (4, 1000), (8, 200), (8, 1000), (12, 200), (12, 1000)):
        r = np.random.default_rng(0)
        names = [f"x{k}" for k in range(1, effects)]
        table = pd.DataFrame(r.normal(size=(12 * levels, effects - 1)), columns=names)
        table["g"] = np.arange(len(table)) % levels
        table["y"] = r.binomial(1, 0.5, len(table))
        formula = f"y ~ {' + '.join(names)} + ({' + '.join(['1', *names])} | g)"
        model = hg.model(formula, table, "bernoulli", engine="embedded")
        other = hg.model(formula, table, "bernoulli", engine=engine)
        with Child("cmdstan_worker.py", scratch=True) as child:
            exe, _ = engine._executable(child, other._program, lambda _: None)
        start = time.process_time()
        stanli.Model(stan_code=model._program.bare, data=to_json(model._program.data).decode())
        built = time.process_time() - start
        said = f"{BUILDING * cost(model._program).written:.1f}"
        first = f"{effects:>8}{levels:>8}{built:>6.1f}{said:>5}"
        print(line(first, model, Path(exe), other._program), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
