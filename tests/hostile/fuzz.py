"""Fuzzing for as long as you like: ``python -m tests.hostile.fuzz --target parse --minutes 10``.

Cases come from hypothesis, in rounds with seeds of their own; what fails is made small and kept
in ``corpus/TARGET.json``, which the tests try again ever after. Prints cases, CPU minutes and
findings; memory is limited, so that what exhausts it is found and not suffered.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

TARGETS = ("parse", "load", "names", "toml", "labels")
CORPUS = Path(__file__).with_name("corpus")
MEMORY = 6 * 2**30
ROUND = 400
"""Cases between two looks at the clock."""


def target(name: str) -> ModuleType:
    """Return the module of a target: `STRATEGY` makes cases, `check` fails on a bad one."""
    return import_module(f"tests.hostile.fuzz_{name}")


def kept(name: str) -> list[Any]:
    """Return the cases that once failed."""
    path = CORPUS / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def fuzz(name: str, minutes: float, first: int, most: int) -> tuple[int, list[Any]]:
    """Return how many cases were tried in so many CPU minutes, and those that failed.

    Ctrl-C ends it early; the round that it stops does not count.
    """
    module, tried, failed = target(name), 0, list[Any]()
    end = time.process_time() + 60 * minutes
    number = first
    while time.process_time() < end and len(failed) < most:
        number += 1
        try:
            count, found = one_round(module, number)
        except KeyboardInterrupt:
            break
        tried += count
        failed += found
    return tried, failed


def one_round(module: ModuleType, number: int) -> tuple[int, list[Any]]:
    """Return how many cases were tried with one seed, and the smallest that failed, if any."""
    tried, last = 0, list[Any]()

    @seed(number)
    @settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(module.STRATEGY)
    def run(value: Any) -> None:
        nonlocal tried
        tried += 1
        try:
            module.check(value)
        except BaseException:
            # The last that failed is the smallest.
            last[:] = [value]
            raise

    try:
        run()
    except Exception:
        traceback.print_exc(limit=-6)
        print(f"FOUND in round {number}: {ascii(last)[:2_000]}")
        if not last:
            raise
    return tried, last


def main() -> None:
    """Fuzz, and add what failed to the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=TARGETS, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="of CPU time")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--findings", type=int, default=5, help="after which to stop")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    started = time.process_time()
    tried, failed = fuzz(asked.target, asked.minutes, asked.seed * 1_000_000, asked.findings)
    spent = (time.process_time() - started) / 60
    known = kept(asked.target)
    known += [case for case in failed if case not in known]
    if failed:
        text = json.dumps(known, indent=1) + "\n"
        (CORPUS / f"{asked.target}.json").write_text(text, encoding="utf-8")
    print(f"{asked.target}: {tried:,} cases, {spent:.1f} CPU minutes, {len(failed)} findings")


if __name__ == "__main__":
    main()
