"""Whether the tests notice mistakes in the mathematics.

``python -m benchmarks.mutation`` makes each mistake of ``mutants.toml`` in a copy of the tree,
one at a time, and runs the tests of its area there until one fails. It prints one row a mutant:
the test that noticed, and its seconds; a mutant that no test notices survives, and the exit
code is 1. Before that the same tests must pass on the copy as it is.

``--only TEXT`` takes the mutants whose file or fault holds the text.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("hierglm", "stan", "tests", "benchmarks", "pyproject.toml")
"""What the tests of a mutant need of the tree."""

PATIENCE = 1800.0
"""Seconds that the tests of a mutant may take."""

_TIMES = itertools.count(int(time.time()) + 2, 2)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:\[(.*?)\])?(?: - |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes
    ----------
    file : str
        Below the root of the project.
    text, mistake : str
        What stands there once, and what the mutant has in its place.
    breaks : str
        What is wrong then.
    tests : str
        Files of tests or single ones, the quickest of the area, as in a shell.
    """

    file: str
    text: str
    mistake: str
    breaks: str
    tests: str

    def apply(self, tree: Path) -> None:
        """Make the mistake in a copy of the tree.

        Raises
        ------
        ValueError
            The text does not stand in its file, or not once.
        """
        path = tree / self.file
        text = path.read_text()
        if text.count(self.text) != 1:
            raise ValueError(f"{self.file} has {text.count(self.text)} times {self.text!r}")
        path.write_text(text.replace(self.text, self.mistake))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tests made of a mutant: the one that failed, or "" where all passed."""

    mutant: Mutant
    noticed: str
    seconds: float


def mutants(path: Path = ROOT / "benchmarks" / "mutants.toml") -> list[Mutant]:
    """Return the mistakes of a file."""
    return [Mutant(**row) for row in tomllib.loads(path.read_text())["mutant"]]


def try_out(mutant: Mutant, tree: Path) -> Outcome:
    """Make a mistake in a copy of the tree, run its tests, and take it back.

    Raises
    ------
    RuntimeError
        pytest ended without a verdict: no test was chosen, or it was called wrongly.
    """
    path = tree / mutant.file
    before, began = path.read_bytes(), time.perf_counter()
    mutant.apply(tree)
    _touch(path)
    try:
        noticed = first_failure(mutant.tests, tree)
    finally:
        path.write_bytes(before)
        _touch(path)
    return Outcome(mutant, noticed, time.perf_counter() - began)


def first_failure(tests: str, tree: Path) -> str:
    """Return the name of the first test that fails, "" if none does.

    Raises
    ------
    RuntimeError
        pytest ended without a verdict.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-rfE", "--tb=no"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *shlex.split(tests)],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest {tests}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    if not done.returncode:
        return ""
    found = _FAILED.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pytest {tests}: {done.stdout[-2000:]}")
    name = found[1].removeprefix("tests/")
    return f"{name} [{found[2]}]" if found[2] else name


def _touch(path: Path) -> None:
    """Give a file a time that no compiled version of it has: Python compares whole seconds."""
    at = next(_TIMES)
    os.utime(path, (at, at))


def row(outcome: Outcome) -> str:
    """Return an outcome in two lines: the mistake, and the test that noticed."""
    mutant = outcome.mutant
    noticed = outcome.noticed or f"SURVIVES {mutant.tests}"
    return f"{mutant.file}: {mutant.breaks}\n    {noticed}  ({outcome.seconds:.0f} s)"


def copy(tree: Path) -> None:
    """Copy what the tests need of the project."""
    ignored = shutil.ignore_patterns("__pycache__", "results")
    for part in PARTS:
        if (ROOT / part).is_dir():
            only = ignored if part == "benchmarks" else shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, tree / part, ignore=only)
        else:
            shutil.copy2(ROOT / part, tree / part)


def main() -> int:
    """Try all mutants; return 1 if one survives, 2 if the tests fail without any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="mutants whose file or fault holds this")
    options = parser.parse_args()
    chosen = [m for m in mutants() if options.only in f"{m.file}: {m.breaks}"]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        copy(tree)
        every = dict.fromkeys(test for m in chosen for test in shlex.split(m.tests))
        if failed := first_failure(shlex.join(every), tree):
            print(f"without any mutant: {failed} fails")
            return 2
        noticed = 0
        for mutant in chosen:
            outcome = try_out(mutant, tree)
            noticed += bool(outcome.noticed)
            print(row(outcome), flush=True)
    print(f"\n{noticed} of {len(chosen)} mutants noticed")
    return int(noticed < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
