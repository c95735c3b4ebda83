"""Models without a penalised fit in several units of their columns: planned programs, textbook's.

``python -m benchmarks.units [UNIT ...]`` prints what `benchmarks.related` does, with columns
multiplied by 1, 100, 10,000 and a million, or by the units given.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from benchmarks.related import heading, line
from hierglm.errors import SamplingError

CASES: dict[str, tuple[list[str], str]] = {
    "gamma, shape": (["time ~ x + (1 | g)", "shape ~ x"], "gamma"),
    "negbinomial, shape": (["count ~ x + (x | g)", "shape ~ x"], "negbinomial"),
    "student, sigma": (["y ~ x + (x | g)", "sigma ~ x"], "student"),
    "zeros": (["zeros ~ x + (1 | g)", "zi ~ x"], "zero_inflated_poisson"),
    "categorical": (["kind ~ x + (1 | g)"], "categorical"),
}


def simulated() -> pd.DataFrame:
    """Return 300 rows of 15 levels, of responses of every kind."""
    r = np.random.default_rng(5)
    g, x = np.repeat(np.arange(15), 20), r.normal(size=300)
    eta = 0.5 + 0.5 * x + r.normal(0, 0.5, 15)[g]
    scores = np.column_stack([np.zeros(300), eta, -eta]) + r.gumbel(size=(300, 3))
    return pd.DataFrame(
        {
            "x": x,
            "g": g,
            "time": r.gamma(2, np.exp(eta) / 2),
            "count": r.poisson(r.gamma(3, np.exp(eta) / 3)),
            "y": eta + np.exp(0.2 * x) * r.standard_t(5, 300),
            "zeros": r.poisson(np.exp(eta)) * (r.random(300) > 0.3),
            "kind": np.array(list("abc"))[scores.argmax(axis=1)],
        }
    )


def main(units: list[str]) -> None:
    """Print one line a case, unit and plan."""
    data = simulated()
    heading()
    for case, (formulas, family) in CASES.items():
        for unit in map(float, units or ("1", "1e2", "1e4", "1e6")):
            rows = data.assign(x=data["x"] * unit)
            for plan in ("auto", "textbook"):
                named = f"{case}, {unit:,.0f}"
                try:
                    line(named, plan, formulas, rows, family=family, plan=plan)
                except SamplingError as error:
                    print(f"{named:<31}{plan:<14}{str(error).partition(':')[0]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
