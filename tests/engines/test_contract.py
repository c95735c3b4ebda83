"""What every engine must do, run over all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hierglm.draws.draws import STATS
from hierglm.engines.engine import Settings
from tests.engines import programs
from tests.engines.conftest import Maker, same_draws

QUICK = Settings(chains=2, warmup=100, draws=50, seed=7)


def test_shapes_names_and_order_of_containers(make_engine: Maker) -> None:
    program = programs.SHAPES
    draws = make_engine.sample(program, QUICK)
    assert list(draws.variables) == ["M", "A", "cor", "none", "x"]
    assert draws["M"].values.shape == (2, 50, 2, 3)
    assert draws["M"].values[1, 7].tolist() == [[11, 12, 13], [21, 22, 23]]
    assert draws["A"].values.shape == (2, 50, 3, 2, 4)
    i, j, k = np.indices((3, 2, 4)) + 1
    assert (draws["A"].values == 100 * i + 10 * j + k).all()
    assert draws["cor"].values[0, 0].tolist() == [13, 21]
    assert draws["none"].values.shape == (2, 50, 0)
    assert draws["x"].values.shape == (2, 50)


def test_statistics_of_the_sampler(make_engine: Maker) -> None:
    draws = make_engine.sample(programs.NORMAL, QUICK)
    assert tuple(draws.stats) == STATS
    assert {s.shape for s in draws.stats.values()} == {(2, 50)}
    assert draws.stats["diverging"].dtype == bool
    assert draws.stats["tree_depth"].dtype.kind == draws.stats["n_steps"].dtype.kind == "i"
    assert (draws.stats["step_size"] == draws.stats["step_size"][:, :1]).all()
    assert len(draws.seconds) == 2
    mu = draws["b"].values[..., 0]
    lp = -0.5 * (mu / 2) ** 2 - 0.5 * ((programs.Y - mu[..., None]) ** 2).sum(-1)
    assert draws.stats["lp"] == pytest.approx(lp, rel=1e-12)


def test_arrays_are_read_only(make_engine: Maker) -> None:
    draws = make_engine.sample(programs.NORMAL, QUICK)
    for array in (draws["b"].values, *draws.stats.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_posterior_is_the_known_one(make_engine: Maker) -> None:
    settings = Settings(chains=4, warmup=500, draws=2000, seed=11)
    draws = make_engine(programs.NORMAL, settings).sample(programs.NORMAL, settings)
    mean, sd = programs.POSTERIOR
    # A third of the draws, at least, are as good as independent ones here.
    assert draws["b"].values.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(8000 / 3))
    assert draws["b"].values.std() == pytest.approx(sd, rel=0.05)


def test_one_seed_one_answer(make_engine: Maker) -> None:
    engine = make_engine(programs.NORMAL, QUICK)
    first = make_engine.sample(programs.NORMAL, QUICK)
    assert same_draws(first, engine.sample(programs.NORMAL, QUICK))
    assert same_draws(first, engine.sample(programs.NORMAL, replace(QUICK, threads=1)))
    if make_engine.name != "recorded":
        other = engine.sample(programs.NORMAL, replace(QUICK, seed=8))
        assert not np.array_equal(first["b"].values, other["b"].values)


def test_chains_differ(make_engine: Maker) -> None:
    draws = make_engine.sample(programs.NORMAL, QUICK)
    assert not np.array_equal(draws["b"].values[0], draws["b"].values[1])


@pytest.mark.parametrize("change", [{"chains": 1}, {"warmup": 0}, {"draws": 1}, {"threads": 1}])
def test_corners_of_the_settings(make_engine: Maker, change: dict[str, int]) -> None:
    if make_engine.name in ("processes", "recorded") and change != {"chains": 1}:
        pytest.skip("the same as 'threads'")
    settings = replace(QUICK, **change)
    draws = make_engine(programs.NORMAL, settings).sample(programs.NORMAL, settings)
    assert draws["b"].values.shape == (settings.chains, settings.draws, 1)
    assert np.isfinite(draws["b"].values).all()
