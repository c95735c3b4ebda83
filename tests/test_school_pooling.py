"""Many tasks at once: partial pooling predicts better than no pooling and than complete pooling."""

import numpy as np
import pandas as pd
import pytest

import hierglm as hg


def schools(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pupils of 40 schools of 2 to 120, and as many others of each school, held out."""
    r = np.random.default_rng(seed)
    sizes = np.round(np.geomspace(2, 120, 40)).astype(int)
    # Which schools are large has nothing to do with how good they are.
    level, gain = r.normal(0, 4, 40), 2 + r.normal(0, 1.0, 40)

    def pupils(counts: np.ndarray) -> pd.DataFrame:
        school = np.repeat(np.arange(40), counts)
        hours = r.normal(size=len(school))
        score = 50 + level[school] + gain[school] * hours + r.normal(0, 6, len(school))
        return pd.DataFrame({"school": school, "hours": hours, "score": score})

    return pupils(sizes), pupils(np.full(40, 50))


@pytest.mark.parametrize("seed", [1, 2])
def test_pooled_estimates_beat_both_extremes_on_rows_held_out(seed: int) -> None:
    seen, held_out = schools(seed)
    fit = hg.fit("score ~ hours + (hours | school)", seen, seed=seed, chains=2, draws=300)
    table = fit.pooling().pivot(index="level", columns="term")
    errors = {}
    for how in ("no_pooling", "partial_pooling", "complete_pooling"):
        b = table[how].loc[held_out["school"]]
        predicted = b["Intercept"].to_numpy() + b["hours"].to_numpy() * held_out["hours"].to_numpy()
        errors[how] = (held_out["score"].to_numpy() - predicted) ** 2
    error = {how: float(np.nanmean(e)) for how, e in errors.items()}
    assert not np.isnan(errors["no_pooling"]).any()
    # 36 is what no estimate can be below: the variance of the held-out rows themselves.
    assert 33 < error["partial_pooling"] < 42
    assert error["partial_pooling"] < 0.9 * error["no_pooling"]
    assert error["partial_pooling"] < 0.9 * error["complete_pooling"]
    # Pupils of the smallest schools gain most from the others.
    small = held_out["school"].to_numpy() < 10
    gains = errors["no_pooling"] - errors["partial_pooling"]
    assert gains[small].mean() > 5 * abs(gains[~small].mean())
    factors = table["pooling"]["Intercept"].to_numpy()
    assert np.corrcoef(factors, np.log(seen.groupby("school").size()))[0, 1] < -0.9
