"""What `Fit.adapt` takes beside fitting again with all rows.

``python -m benchmarks.adapt [--cases a,b]`` fits every case without its last groups, adapts the
fit to some of their rows, and fits again with these rows. It prints the rows and levels adapted
to; wall seconds of both, of adapting the median of five; how many times faster that was; what
the draws are worth after weighting; k-hat; and how far the new levels' coefficients are from
those of the second fit at most, in posterior standard deviations.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from statistics import median

import pandas as pd

import hierglm as hg
from benchmarks.tables import TABLES
from hierglm.adapting.adapted import Adapted


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and how many rows of how many groups it is adapted to."""

    name: str
    formula: str
    family: str
    table: str
    group: str
    levels: int
    rows: int


CASES = (
    Case("radon", "log_radon ~ floor_measure + log_uppm + (1 | county_idx)", "gaussian",
         "radon", "county_idx", 1, 13),
    Case("gaussian_slopes", "y ~ x + z + (x | g)", "gaussian", "gaussian_slopes", "g", 1, 20),
    Case("gaussian_slopes, 20 levels", "y ~ x + z + (x | g)", "gaussian",
         "gaussian_slopes", "g", 20, 20),
    Case("bernoulli_slopes", "y ~ z + x1 + x2 + x3 + x4 + (1 + z | g)", "bernoulli",
         "bernoulli_slopes", "g", 1, 50),
    Case("bernoulli_slopes, 20 levels", "y ~ z + x1 + x2 + x3 + x4 + (1 + z | g)", "bernoulli",
         "bernoulli_slopes", "g", 20, 50),
)  # fmt: skip


def main() -> int:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help="the first words of their names")
    wanted = [name for name in parser.parse_args().cases.split(",") if name]
    print(f"{'case':<28}{'levels':>7}{'rows':>6}{'adapt s':>9}{'refit s':>9}{'times':>8}"
          f"{'worth':>8}{'k-hat':>7}{'apart':>7}")  # fmt: skip
    fits: dict[tuple[str, int], hg.Fit] = {}
    for case in CASES:
        if wanted and case.name.split(",")[0] not in wanted:
            continue
        data = TABLES[case.table]()
        last = sorted(data[case.group].unique())[-20:]
        old = data[~data[case.group].isin(last)]
        held = data[data[case.group].isin(last[: case.levels])]
        new = held.groupby(case.group).head(case.rows)
        # Both cases of a table have the same groups left out, and so the same fit.
        key = (case.table, len(old))
        if key not in fits:
            fits[key] = _fit(case, old)
        seconds = []
        for _ in range(5):
            start = time.monotonic()
            adapted = fits[key].adapt(new)
            seconds.append(time.monotonic() - start)
        start = time.monotonic()
        refit = _fit(case, pd.concat([old, new]))
        again = time.monotonic() - start
        print(
            f"{case.name:<28}{case.levels:>7}{len(new):>6}{median(seconds):9.3f}{again:9.1f}"
            f"{again / median(seconds):8.0f}{adapted.ess:8,.0f}{adapted.khat:7.2f}"
            f"{_apart(adapted, refit):7.2f}",
            flush=True,
        )
    return 0


def _fit(case: Case, data: pd.DataFrame) -> hg.Fit:
    found = hg.fit(
        case.formula, data, case.family, seed=1, engine="embedded", method="sample", progress=False
    )
    assert isinstance(found, hg.Fit)
    return found


def _apart(adapted: Adapted, refit: hg.Fit) -> float:
    keys = ["group", "level", "term"]
    both = adapted.coef().merge(refit.coef(), on=keys, suffixes=("", "_refit"))
    gap = (both["estimate"] - both["estimate_refit"]).abs() / both["std_error_refit"]
    return float(gap.max())


if __name__ == "__main__":
    sys.exit(main())
