"""Fit one model with Bambi; see `benchmarks.peers` for the argument and the answer.

Bambi gives several effects of one group independent priors, so it has no correlations.
"""

from __future__ import annotations

import json
import sys
import time

import arviz as az
import bambi as bmb
import pandas as pd


def main() -> None:
    order = json.loads(sys.argv[1])
    data = pd.read_csv(order["file"])
    data = data.assign(**{name: data[name].astype(str) for name in order["factors"]})
    response = order["formula"].partition("~")[0].strip()
    if order["family"] == "bernoulli" and not pd.api.types.is_numeric_dtype(data[response]):
        data[response] = (data[response] == data[response].max()).astype(int)
    start = time.monotonic()
    model = bmb.Model(order["formula"], data, family=order["family"])
    settings = {"draws": 1000, "tune": 1000, "chains": 4, "cores": 2}
    if order["sampler"]:
        settings = {"draws": 1000, "tune": 1000, "chains": 4, "inference_method": order["sampler"]}
    found = model.fit(**settings, random_seed=order["seed"], progressbar=False)
    draws = found.posterior.to_dataset()
    # The effects of single levels have a bar in their names, and so have their sds: 1|g_sigma.
    kept = draws[[name for name in draws if "|" not in name or name.endswith("_sigma")]]
    print(az.summary(found, var_names=list(kept)))
    seconds = time.monotonic() - start
    ess, rhat = az.ess(kept), az.rhat(kept)
    answer = {
        "frame": seconds,
        "ess": float(min(ess[name].min() for name in kept)),
        "rhat": float(max(rhat[name].max() for name in kept)),
        "divergent": int(found.sample_stats["diverging"].sum()),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
