"""Which engine "auto" takes, by which prediction, and where it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hierglm as hg
from hierglm.engines import predict
from hierglm.engines.installed import look_for_cmdstan
from hierglm.engines.predict import BUILDING, COMPILED, COMPILING, EMBEDDED, Cost, Prediction, cost
from hierglm.errors import EngineMissing
from hierglm.program.fragment import Place, Program
from tests.designs import schools


def test_the_sum_is_done_as_said() -> None:
    found = Prediction(Cost(numbers=1_000_000, steps=15), iterations=5200)
    assert found.gradients == 78_000
    assert found.embedded == pytest.approx(78_000 * (EMBEDDED[0] + 1e6 * EMBEDDED[1]))
    assert found.compiled == pytest.approx(78_000 * (COMPILED[0] + 1e6 * COMPILED[1]) + COMPILING)


def test_the_algebra_of_many_effects_counts() -> None:
    """12 effects of 1,000 levels: by its numbers alone the embedded engine would be taken."""
    found = Prediction(Cost(500_000, 15, algebra=1000 * 12**3, written=500), iterations=5200)
    each = [call + 500_000 * number + 1_728_000 * algebra
            for call, number, algebra in (EMBEDDED, COMPILED)]  # fmt: skip
    assert found.embedded == pytest.approx(78_000 * each[0] + 500 * BUILDING)
    assert found.compiled == pytest.approx(78_000 * each[1] + COMPILING)
    assert found.engine == "cmdstan"
    assert Prediction(Cost(500_000, 15), 5200).engine == "embedded"


@pytest.mark.parametrize(
    ("numbers", "iterations", "engine"),
    [
        (1_000, 5_200, "embedded"),  # small models never wait for a compiler
        (1_000_000, 100, "embedded"),  # nor do a few draws of a large one
        (100_000, 5_200, "embedded"),
        (3_000_000, 5_200, "cmdstan"),
        (3_000_000, 52_000, "cmdstan"),
    ],
)
def test_the_compiled_engine_is_for_long_fits(numbers: int, iterations: int, engine: str) -> None:
    assert Prediction(Cost(numbers, 15), iterations).engine == engine


def test_what_a_program_costs() -> None:
    data = {"N": 10, "X": np.zeros((10, 3)), "y": np.zeros(10)}
    assert cost(Program("", "", data, (), ())) == Cost(numbers=41, steps=31)
    start = {"b": Place(np.zeros(4), np.ones(4)), "z": Place(np.zeros(300), np.ones(300))}
    assert cost(Program("", "", data, (), (), start)) == Cost(numbers=41, steps=15)
    del start["z"]
    assert cost(Program("", "", data, (), (), start)) == Cost(numbers=41, steps=7)
    packed = {"J_1": 10, "M_1": 2, "T_1": 3, "J_2": 7, "M_2": 3, "T_2": 6, "J_3": 5, "M_3": 1}
    few = 10 * 2**3 + 7 * 3**3
    found = cost(Program("", "", packed, (), ()))
    assert (found.algebra, found.written) == (few, few)
    many = packed | {"J_4": 9, "M_4": 12, "T_4": 78}
    found = cost(Program("", "", many, (), ()))
    assert (found.algebra, found.written) == (few + 9 * 12**3, few)


def test_the_plan_shows_it_for_the_settings_of_the_fit() -> None:
    model = hg.model("score ~ x + (1 | school)", schools())
    name, said = str(model.plan()).splitlines()[-2:]
    assert name.split()[:3] == ["engine", "embedded,", "predicted"]
    assert said.split()[0] == "36,400"
    fit = model.fit(chains=2, warmup=100, draws=100, seed=1)
    assert str(fit.plan).splitlines()[-1].split()[0] == "2,800"
    assert fit.notes[-1].startswith("engine: embedded, predicted to take 0.")
    asked = hg.model("score ~ x + (1 | school)", schools(), engine="embedded")
    assert asked.plan().engine == "embedded, as asked"


def test_where_it_is_missing_the_choice_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A script must not give other numbers because of what is installed."""
    monkeypatch.setattr(predict, "WORTH_COMPILING", 0.0)
    monkeypatch.setattr(predict, "COMPILING", 0.0)
    monkeypatch.setattr(predict, "COMPILED", (0.0, 0.0, 0.0))
    for name in ("HOME", "HIERGLM_CACHE", "CMDSTAN"):
        monkeypatch.setenv(name, str(tmp_path))
    look_for_cmdstan.cache_clear()
    model = hg.model("score ~ x + (1 | school)", schools())
    words = r"'auto' is cmdstan, predicted to take .*toolchain install.*engine='embedded'"
    with pytest.raises(EngineMissing, match=words):
        model.fit(seed=1)
    look_for_cmdstan.cache_clear()
