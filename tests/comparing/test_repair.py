"""Rows left out with the effects of crossed and nested levels integrated out: exact densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from hierglm.comparing.repair import _level, integrated

SDS = {"a": 1.5, "b": 1.0}
PRIOR = 10.0


def table() -> dict[str, Any]:
    """Return 24 rows of 8 levels of a, crossed with 4 of b."""
    rng = np.random.default_rng(6)
    a, b = np.arange(24) % 8, np.arange(24) // 6
    y = rng.normal(0, SDS["a"], 8)[a] + rng.normal(0, SDS["b"], 4)[b] + rng.normal(0, 0.5, 24)
    y[3] += 2.5
    names = {"a": np.array(list("abcdefgh"))[a], "b": np.array(list("ABCD"))[b]}
    return {"y": y, "se": np.full(24, 0.5), **names}


def without(data: dict[str, Any], i: int) -> float:
    """Return the log density of a row given all others, of normal responses."""
    V = np.full((24, 24), PRIOR**2) + np.diag(data["se"] ** 2)
    for name, sd in SDS.items():
        V += sd**2 * (data[name][:, None] == data[name])
    rest = np.arange(24) != i
    gain = np.linalg.solve(V[np.ix_(rest, rest)], V[rest, i])
    spread = np.sqrt(V[i, i] - gain @ V[rest, i])
    return float(stats.norm.logpdf(data["y"][i], gain @ data["y"][rest], spread))


def test_crossed_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    data = table()
    priors = {
        "Intercept": hg.prior.normal(0, PRIOR),
        **{f"sd[{name}]": hg.prior.constant(sd) for name, sd in SDS.items()},
    }
    formula = "y | se(se) ~ 1 + (1 | a) + (1 | b)"
    fit = hg.fit(formula, data, priors=priors, chains=2, draws=1000, seed=3)
    found = fit.loo()
    # All rows count as hard ones: those that get easier have the exact density.
    monkeypatch.setattr("hierglm.comparing.elpd.FAR", -1.0)
    better = integrated(fit, found)
    assert better.pareto_k is not None
    assert better.ess_i is not None
    assert found.pareto_k is not None
    eased = np.flatnonzero(better.pareto_k < found.pareto_k)
    assert len(eased) > 15
    assert better.pareto_k.max() < 0.7 < found.pareto_k.max()
    for i in range(24):
        # Half of the draws are worth as much as independent ones: four standard errors.
        error = 4 * np.sqrt(2 * (1 / better.ess_i[i] - 1 / found.draws))
        assert abs(better.elpd_i[i] - without(data, i)) < error


@pytest.mark.parametrize(
    ("formula", "family", "wanted"),
    [
        ("y ~ 1 + (1 | a) + (1 | b)", "gaussian", {"a", "b"}),
        ("z ~ 1 + (1 | a) + (1 | b)", "bernoulli", {"a", "b"}),
        # Quadrature has room for two effects: the level with fewer rows comes first.
        ("z ~ 1 + (1 | a) + (x | b)", "bernoulli", {"a"}),
        ("z ~ 1 + (x | a) + (1 | b)", "bernoulli", {"a"}),
        ("y ~ 1 + (x | a) + (x | b)", "gaussian", {"a", "b"}),
    ],
)
def test_which_levels_are_integrated_out(formula: str, family: str, wanted: set[str]) -> None:
    rng = np.random.default_rng(1)
    data = {**table(), "x": rng.normal(size=24), "z": rng.integers(0, 2, 24)}
    fit = hg.fit(formula, data, family, chains=1, warmup=10, draws=2, seed=1)
    rows, alone = _level(fit, fit.plan.model.design, 9)
    assert {g for g, levels in alone.items() if levels.any()} == wanted
    same = np.any([data[g] == data[g][9] for g in wanted], axis=0)
    assert rows.tolist() == np.flatnonzero(same).tolist()
    for g in wanted:
        assert np.asarray(list("abcdefgh" if g == "a" else "ABCD"))[alone[g]] == data[g][9]
