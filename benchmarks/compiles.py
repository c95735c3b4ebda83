"""How many programs are compiled: one for each shape of model, whatever the data.

``python -m benchmarks.compiles`` writes the programs of every formula of the test table
(`tests.program.test_exact`) on five data sets, from 60 to 5,000 rows, as the compiled engine
would get them, and counts the different texts. Where a formula has more than one, the plan saw
something in the data that a faster program can use; it says what.
"""

from __future__ import annotations

import sys

from hierglm.engines.executable import compiled_text
from hierglm.errors import HierglmError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.write import write
from tests.designs import design_of
from tests.program.oracles import simulated
from tests.program.test_exact import CASES

SETS = ((1, 60), (2, 60), (3, 300), (4, 1000), (5, 5000))
"""Seed and rows of each data set."""


def main() -> int:
    """Print a line for each formula that has several programs, and the sums."""
    texts: set[tuple[str, str]] = set()
    written = 0
    for name, (formula, family, priors, asked, _) in CASES.items():
        own: dict[tuple[str, str], list[str]] = {}
        for seed, rows in SETS:
            model = specify(design_of(formula, simulated(seed, rows)), family, priors)
            try:
                plan = choose(model, frozenset(Ability), asked)
            except HierglmError as error:
                print(f"{name}, {rows} rows: {error}")
                continue
            written += 1
            own.setdefault(compiled_text(write(plan)), []).append(f"{rows}: {plan.line}")
        if len(own) > 1:
            print(f"{name}: {formula}")
            for said in own.values():
                print("    rows", "; rows ".join(said))
        texts |= own.keys()
    print(f"{len(CASES)} formulas x {len(SETS)} data sets: {written} programs written, "
          f"{len(texts)} compiled")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
