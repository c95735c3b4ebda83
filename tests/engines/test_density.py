"""The log density of every engine: closed form, finite differences, and its walls."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from hierglm.engines.embedded import EmbeddedEngine
from hierglm.errors import EngineError, SamplingError
from tests.engines import programs
from tests.engines.conftest import Maker, children_of, posix_only

VALUES = {
    "s": 0.7,
    "Z": np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
    "L": np.linalg.cholesky(np.array([[1, 0.3, 0.1], [0.3, 1, -0.2], [0.1, -0.2, 1]])),
}


@pytest.fixture(params=["embedded", "threads"])
def engine_of(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    if request.param == "threads" and os.name != "posix":
        pytest.skip("the fake CmdStan is a shell script")
    return Maker(request.param, tmp_path)


def test_closed_form(engine_of: Maker) -> None:
    with engine_of(programs.NORMAL).open(programs.NORMAL) as density:
        assert density.size == 1
        mu = density.unconstrain({"mu": 0.37})
        assert mu.tolist() == [0.37]
        value, gradient = density(mu)
        y = programs.Y
        assert value == pytest.approx(-0.5 * (0.37 / 2) ** 2 - 0.5 * ((y - 0.37) ** 2).sum())
        assert gradient == pytest.approx([-0.37 / 4 + (y - 0.37).sum()])


def test_gradient_by_finite_differences() -> None:
    with EmbeddedEngine().open(programs.BOUNDED) as density:
        point = density.unconstrain(VALUES)
        assert point[0] == pytest.approx(np.log(0.7))
        # Stan's containers run down the columns.
        assert point[1:7] == pytest.approx(VALUES["Z"].ravel("F"))
        _, gradient = density(point)
        step = 1e-5 * np.eye(density.size)
        for i in range(density.size):
            rise = density(point + step[i])[0] - density(point - step[i])[0]
            assert gradient[i] == pytest.approx(rise / 2e-5, abs=1e-6)


@posix_only()
def test_the_two_engines_agree(tmp_path: Path) -> None:
    with (
        Maker("embedded", tmp_path)(programs.BOUNDED).open(programs.BOUNDED) as one,
        Maker("threads", tmp_path)(programs.BOUNDED).open(programs.BOUNDED) as other,
    ):
        points = np.random.default_rng(1).normal(size=(2, one.size))
        for left, right in zip(one.at(points), other.at(points), strict=True):  # type: ignore[attr-defined]
            assert np.array_equal(left, right)


def test_wrong_points_and_values_are_refused(engine_of: Maker) -> None:
    with engine_of(programs.BOUNDED).open(programs.BOUNDED) as density:
        for bad in (np.zeros(3), np.full(density.size, np.nan), np.zeros((2, density.size))):
            with pytest.raises(EngineError, match="point"):
                density(bad)
        for change in ({"s": -1.0}, {"Z": np.zeros((3, 3))}, {"s": np.nan}):
            with pytest.raises(EngineError):
                density.unconstrain({**VALUES, **change})
        with pytest.raises(EngineError):
            density.unconstrain({"s": 1.0})
        assert np.isfinite(density(density.unconstrain(VALUES))[0])


def test_neither_pickled_nor_copied(engine_of: Maker) -> None:
    with engine_of(programs.NORMAL).open(programs.NORMAL) as density:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                attempt(density)


def test_closed_after_the_with_statement(engine_of: Maker) -> None:
    with engine_of(programs.NORMAL).open(programs.NORMAL) as density:
        pass
    with pytest.raises(EngineError, match="closed"):
        density(np.zeros(1))


def test_threads_wait_for_each_other() -> None:
    with EmbeddedEngine().open(programs.BOUNDED) as density:
        points = np.random.default_rng(2).normal(size=(8, density.size))
        alone = [density(point) for point in points]
        wrong: list[int] = []

        def check(i: int) -> None:
            for _ in range(50):
                value, gradient = density(points[i])
                if value != alone[i][0] or not np.array_equal(gradient, alone[i][1]):
                    wrong.append(i)

        threads = [threading.Thread(target=check, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


@posix_only()
def test_a_dead_process_is_reported_once_and_for_all() -> None:
    with EmbeddedEngine().open(programs.NORMAL) as density:
        (child,) = children_of(os.getpid())
        os.kill(child, signal.SIGKILL)
        with pytest.raises(SamplingError, match=r"was killed \(SIGKILL\).*memory"):
            density(np.zeros(1))
        with pytest.raises(SamplingError, match="has ended"):
            density(np.zeros(1))
