"""hierglm and its peers on the same models, each fit in a fresh process.

``python -m benchmarks --data FOLDER`` (which holds data/*.csv; without it, only data that come
with hierglm and simulated ones) measures every program from reading its CSV file to the printed
summary, imports included, and prints medians: wall seconds, the part of them from data frame to
summary, CPU seconds of all processes, the least bulk ESS over common effects, sds, correlations
and sigma, divergences, the largest R-hat, the memory of the largest process. lme4 maximises:
it has no draws. The programs take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.cases import CASES, Case
from benchmarks.measure import ProgramFailure, Result, measure, typical
from benchmarks.peers import PEERS, Runners, command
from benchmarks.report import HEADER, row, targets
from benchmarks.tables import TABLES


def main() -> int:
    """Print a table a case."""
    options = _options()
    for case in CASES:
        if options.cases and case.name not in options.cases:
            continue
        print(f"\n{case.name}: {case.formula}, {case.family}", flush=True)
        if case.file not in TABLES and options.data is None:
            print(f"  needs --data: {case.file}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            table = _table(case, options.data, Path(folder))
            run_case(case, table, options)
    return 0


def run_case(case: Case, table: Path, options: argparse.Namespace) -> None:
    """Measure the programs on one case and print its part of the table."""
    names = ["auto", *(name for name in options.peers if name != "auto")]
    left_out = {name: why for name in names if (why := _why_not(name, case, options.quick))}
    runs: dict[str, list[Result]] = {name: [] for name in names if name not in left_out}
    runners = Runners(python=options.python, rscript=options.rscript)
    for seed in range(1, options.runs + 1):
        for name, results in runs.items():
            if name in left_out:
                continue
            order = command(name, case, table, seed, runners)
            try:
                results.append(measure(order, options.timeout))
            except ProgramFailure as failure:
                left_out[name] = f"failed: {failure}"
                _keep(options.out, case, name, seed, {"failure": str(failure)})
            else:
                _keep(options.out, case, name, seed, asdict(results[-1]))
    found: dict[str, Result | str] = {
        name: left_out[name] if name in left_out else typical(runs[name]) for name in names
    }
    auto = found["auto"]
    print(HEADER)
    for name in names:
        print(row(name, found[name], auto if isinstance(auto, Result) else None))
    print("\n".join(targets(case, found)), flush=True)


def _why_not(name: str, case: Case, quick: bool) -> str | None:
    """Return why a program is not run on a case."""
    if name in case.never:
        return "not run here: it takes hours"
    if quick and name in case.slow:
        return "not run here (--quick): it takes minutes"
    return None


def _table(case: Case, data: Path | None, folder: Path) -> Path:
    """Return the case's CSV file, written into the folder if it is ours to make."""
    if case.file not in TABLES:
        assert data is not None
        return data / "data" / case.file
    path = folder / f"{case.name}.csv"
    made: pd.DataFrame = TABLES[case.file]()
    made.to_csv(path, index=False)
    return path


def _keep(
    out: Path | None, case: Case, program: str, seed: int, found: dict[str, float | str]
) -> None:
    """Append one run to the file of results."""
    if out is None:
        return
    with out.open("a", encoding="utf-8") as stream:
        # JSON has no NaN.
        known = {name: None if value != value else value for name, value in found.items()}
        facts = {"case": case.name, "program": program, "seed": seed, **known}
        stream.write(json.dumps(facts) + "\n")


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cases, peers = [case.name for case in CASES], [name for name in PEERS if name != "auto"]
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds data/*.csv")
    parser.add_argument("--cases", type=_some_of(cases), metavar="A,B", help=", ".join(cases))
    parser.add_argument(
        "--peers",
        type=_some_of(peers),
        default=["textbook", "lme4"],
        metavar="A,B",
        help=f"{', '.join(peers)}; by default textbook,lme4",
    )
    parser.add_argument("--python", default=sys.executable, help="that has Bambi")
    parser.add_argument("--rscript", default="Rscript", help="that has the R packages")
    parser.add_argument("--runs", type=int, default=3, help="of each program; 3 by default")
    parser.add_argument("--timeout", type=float, default=600, help="seconds a run; 600 by default")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--out", type=Path, help="append each run to this file, a JSON line each")
    return parser.parse_args(arguments)


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what reads names between commas."""

    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(unknown)}; known: {', '.join(known)}"
            )
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
