"""A gradient of compiled programs with kernels and without, beside a bare loop of the same sums.

``python -m benchmarks.kernels`` prints microseconds of processor time a gradient, least of
several, of 20,000 rows x 6 columns in 500 levels: the program without kernels, compiled; with
them, compiled; the bare C++ loop (benchmarks/programs/floor.cpp, built with -march=native); and
the program without kernels on the embedded engine. Then one thread and two on 1,000,000 rows.
It needs Stan's C++ (``hierglm toolchain install --from-pypi``), and compiles for some minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import stanli

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.engines.data import to_json
from hierglm.engines.toolchain import (
    Toolchain,
    compile_commands,
    find_toolchain,
    flags_of,
    open_toolchain,
)
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program
from hierglm.program.kernels import declared, header
from hierglm.program.write import write

HERE = Path(__file__).resolve().parent
KERNELS = HERE.parent / "stan" / "cpp" / "kernels"
COLUMNS = 6
TURNS = 3
"""Programs take turns, so that a busy machine slows all alike."""


@dataclass(frozen=True)
class Case:
    """A model: its family, effects a level, and what is asked of the plan."""

    name: str
    family: str
    effects: int
    plan: Any = "auto"
    floor: bool = True


CASES = (
    Case("bernoulli", "bernoulli", 2),
    Case("bernoulli", "bernoulli", 1),
    Case("bernoulli", "bernoulli", 4),
    Case("poisson", "poisson", 2),
    Case("poisson", "poisson", 1),
    Case("poisson", "poisson", 4),
    Case("gaussian rows", "gaussian", 2, {"response": "rows"}),
    Case("gaussian rows", "gaussian", 1, {"response": "rows"}),
    Case("gaussian rows", "gaussian", 4, {"response": "rows"}),
    Case("gaussian sums", "gaussian", 2, "auto", floor=False),
)


def programs(case: Case, rows: int, levels: int) -> tuple[Program, Program]:
    """Return the program without kernels and with them."""
    r = np.random.default_rng(0)
    names = [f"x{k}" for k in range(1, COLUMNS + 1)]
    table = pd.DataFrame(r.normal(size=(rows, COLUMNS)), columns=names)
    table["g"] = r.integers(0, levels, rows)
    inside = names[: case.effects - 1]
    u = 0.4 * r.normal(size=(levels, case.effects))[table["g"]]
    eta = table[names].to_numpy() @ r.normal(0, 0.2, COLUMNS) + u[:, 0]
    eta = eta + (u[:, 1:] * table[inside].to_numpy()).sum(axis=1)
    draws = {
        "bernoulli": lambda: r.binomial(1, 1 / (1 + np.exp(-eta))),
        "poisson": lambda: r.poisson(np.exp(eta)),
        "gaussian": lambda: r.normal(eta),
    }
    table["y"] = draws[case.family]()
    formula = f"y ~ {' + '.join(names)} + ({' + '.join(['1', *inside])} | g)"
    model = specify(encode(parse(formula), as_table(table)), case.family, None)
    every = frozenset(Ability)
    plain, kernel = (choose(model, a, case.plan) for a in (every - {Ability.KERNELS}, every))
    return write(plain), write(kernel)


class Builder:
    """Builds programs that print what a gradient takes, each text once."""

    def __init__(self, toolchain: Toolchain, folder: Path) -> None:
        self._toolchain, self._folder = toolchain, folder
        self._built: dict[str, tuple[Path, float]] = {}
        self._main = folder / "gradient_time.o"
        compiler = toolchain.compiler.command
        source = str(HERE / "programs" / "gradient_time.cpp")
        _run([*compiler, *flags_of(toolchain.path), "-c", source, "-o", str(self._main)])

    def floor(self) -> Path:
        """Return the bare loop."""
        exe = self._folder / "floor"
        flags = ["-std=c++17", "-O3", "-march=native", "-w", f"-I{KERNELS}"]
        source = str(HERE / "programs" / "floor.cpp")
        _run([*self._toolchain.compiler.command, *flags, source, "-o", str(exe)])
        return exe

    def build(self, program: Program, *, kernels: bool) -> tuple[Path, float]:
        """Return an executable, and the seconds that it took to compile."""
        code, names = declared(program) if kernels else (program.bare, ())
        if code in self._built:
            return self._built[code]
        stem = self._folder / f"model{len(self._built)}"
        source, own = stem.with_suffix(".stan"), stem.with_suffix(".own.hpp")
        source.write_text(code, encoding="utf-8")
        own.write_text(header(names), encoding="utf-8")
        begun = time.perf_counter()
        build = compile_commands(self._toolchain, source, stem, header=own if names else None)
        for command in (build.translate, *build.compile):
            _run(command)
        # The same libraries, with this main program in place of the console.
        console = str(self._toolchain.console)
        _run([str(self._main) if part == console else part for part in build.link])
        self._built[code] = stem, time.perf_counter() - begun
        return self._built[code]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def embedded(program: Program) -> float:
    """Return microseconds a gradient on the embedded engine."""
    model = stanli.Model(stan_code=program.bare, data=to_json(program.data).decode())
    point = 0.1 * np.sin(1.0 + np.arange(model.n_unconstrained))
    model.log_prob_grad(point)
    best = np.inf
    for _ in range(7):
        start = time.process_time()
        for _ in range(30):
            model.log_prob_grad(point)
        best = min(best, (time.process_time() - start) / 30)
    return 1e6 * best


def compare(case: Case, builder: Builder, floor: Path, rows: int, levels: int) -> str:
    """Return one line of the table."""
    plain, kernel = programs(case, rows, levels)
    (without, slow), (having, quick) = (
        builder.build(plain, kernels=False),
        builder.build(kernel, kernels=True),
    )
    found: dict[str, list[float]] = {"without": [], "with": [], "floor": [], "embedded": []}
    with tempfile.TemporaryDirectory() as folder:
        data = {p: Path(folder) / f"{i}.json" for i, p in enumerate(("without", "with"))}
        data["without"].write_bytes(to_json(plain.data))
        data["with"].write_bytes(to_json(kernel.data))
        for _ in range(TURNS):
            for name, exe in (("without", without), ("with", having)):
                found[name].append(float(_run([str(exe), str(data[name]), "1"]).split()[0]))
            if case.floor:
                shape = (case.family, case.effects, rows, levels)
                found["floor"].append(float(_run([str(floor), *map(str, shape)])))
            found["embedded"].append(embedded(plain))
    least = {name: min(values, default=np.nan) for name, values in found.items()}
    ratios = least["without"] / least["with"], least["with"] / least["floor"]
    return (
        f"{case.name:<14}{case.effects:>8}"
        + "".join(f"{least[name]:>10.0f}" for name in found)
        + f"{ratios[0]:>15.1f}{ratios[1]:>13.2f}{slow:>12.0f}{quick:>6.0f}"
    )


def threads(builder: Builder, rows: int, levels: int) -> str:
    """Return what one thread and two take on many rows, and whether they agree."""
    _, kernel = programs(CASES[0], rows, levels)
    exe, _ = builder.build(kernel, kernels=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.json"
        data.write_bytes(to_json(kernel.data))
        one, two = (_run([str(exe), str(data), n]).split() for n in ("1", "2"))
    same = "the same" if one[2] == two[2] else "different"
    return (
        f"{rows:,} rows, wall milliseconds a gradient: {float(one[1]) / 1e3:.2f} on one thread, "
        f"{float(two[1]) / 1e3:.2f} on two; {same} log density"
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toolchain", type=Path, help="folder of Stan's C++")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--levels", type=int, default=500)
    parser.add_argument("--cases", type=int, default=len(CASES), help="how many of the cases")
    options = parser.parse_args()
    toolchain = open_toolchain(options.toolchain) if options.toolchain else find_toolchain()
    if toolchain is None:
        raise SystemExit("needs Stan's C++: hierglm toolchain install --from-pypi")
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(toolchain, Path(folder))
        floor = builder.floor()
        print(
            f"{'case':<14}{'effects':>8}{'without':>10}{'with':>10}{'floor':>10}{'embedded':>10}"
            f"{'without/with':>15}{'with/floor':>13}{'compiled in s':>18}"
        )
        for case in CASES[: options.cases]:
            print(compare(case, builder, floor, options.rows, options.levels), flush=True)
        print(threads(builder, 1_000_000, 20_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
