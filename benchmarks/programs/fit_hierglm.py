"""Fit one model with hierglm; see `benchmarks.peers` for the argument and the answer."""

from __future__ import annotations

import json
import sys
import time

import pandas as pd

import hierglm as hg


def main() -> None:
    order = json.loads(sys.argv[1])
    data = pd.read_csv(order["file"])
    data = data.assign(**{name: data[name].astype(str) for name in order["factors"]})
    start = time.monotonic()
    fit = hg.fit(
        order["formula"],
        data,
        order["family"],
        plan=order["plan"],
        seed=order["seed"],
        progress=False,
    )
    print(fit)
    seconds = time.monotonic() - start
    table = fit.tidy()
    answer = {
        "frame": seconds,
        "ess": float(table["ess_bulk"].min()),
        "rhat": float(table["rhat"].max()),
        "divergent": int(fit.draws.stats["diverging"].sum()),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
