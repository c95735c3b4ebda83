"""Units of work on executors: the answers of a loop, whatever dies on the way."""

import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from concurrent.futures import ThreadPoolExecutor as Threads
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.engines.progress import unit_bar
from hierglm.errors import SamplingError, SettingsError, WorkerError
from hierglm.executing import TRIES, perform


def processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"))


class Shared:
    """Data of 1 MB that write a line in a file wherever they are unpickled."""

    def __init__(self, log: Path) -> None:
        self.log, self.data = log, b"x" * 2**20

    def __setstate__(self, state) -> None:
        self.__dict__.update(state)
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")

    def __call__(self, k: int) -> int:
        return len(self.data) + k


def slow_first(k: int) -> int:
    time.sleep(0.2 if k == 0 else 0)
    return k * k


def refuse_two(k: int) -> int:
    if k == 2:
        raise SettingsError("two is one too many")
    return k


def die(folder: Path, fatal: int, times: int, k: int) -> int:
    """Kill the worker, the first times that it gets the fatal item."""
    deaths = len(list(folder.iterdir()))
    if k == fatal and deaths < times:
        (folder / str(deaths)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return k * k


SQUARES = [k * k for k in range(7)]


def test_in_order_however_long_they_take():
    with Threads(3) as pool:
        assert list(perform(slow_first, range(7), pool)) == SQUARES
    assert list(perform(slow_first, range(7))) == SQUARES


def test_what_units_share_is_sent_once(tmp_path):
    task = Shared(tmp_path / "log")
    with processes(1) as pool:
        assert list(perform(task, range(6), pool)) == [2**20 + k for k in range(6)]
    assert len((tmp_path / "log").read_text().split()) == 1


class Weighing(Executor):
    """An executor that does what it is sent at once, and remembers how much that was."""

    def __init__(self) -> None:
        self.items = []

    def submit(self, fn, /, digest, blob, item, tried):
        self.items.append(len(item))
        future = Future()
        future.set_result(fn(digest, blob, item, tried))
        return future


class Counting(Executor):
    """An executor of processes that counts how often it is sent the task itself."""

    def __init__(self, pool) -> None:
        self.pool, self.blobs, self.keys = pool, 0, []

    def submit(self, fn, /, digest, blob, item, key):
        self.blobs += blob is not None
        self.keys.append(key)
        return self.pool.submit(fn, digest, blob, item, key)


def test_the_task_is_sent_to_those_that_ask(tmp_path):
    # Nothing says how many workers there are, so that all units are sent at once.
    with processes(1) as pool:
        there = Counting(pool)
        task = Shared(tmp_path / "log")
        assert list(perform(task, range(20), there)) == [2**20 + k for k in range(20)]
    assert there.blobs == 1
    # Dask would take equal calls for one.
    assert len(set(there.keys)) == len(there.keys)


def scaled(table, item):
    factor, same, other = item
    assert not table.flags.writeable
    assert same is table
    return float(factor * table.sum() + other.sum())


def test_arrays_that_units_share_with_the_task_are_sent_once():
    table = np.arange(1e5)
    table.flags.writeable = False
    items = [(k, table, np.full(10, float(k))) for k in range(4)]
    there = Weighing()
    assert list(perform(partial(scaled, table), items, there)) == [
        k * table.sum() + 10 * k for k in range(4)
    ]
    assert max(there.items) < 2_000
    # Another array of the same numbers is another array.
    items = [(1, table, table.copy())]
    assert list(perform(partial(scaled, table), items, Weighing())) == [2 * table.sum()]


def test_simulated_data_are_sent_without_their_design():
    rng = np.random.default_rng(1)
    data = {"y": rng.normal(size=2000), "x": rng.normal(size=2000), "g": np.arange(2000) % 50}
    model = hg.model("y ~ x + (x | g)", data, priors={"b": hg.prior.normal(0, 1)})
    options = {"n": 2, "draws": 60, "seed": 1, "warmup": 50, "chains": 1, "progress": False}
    there = Weighing()
    found = model.calibrate(executor=there, **options)
    assert np.array_equal(found.ranks, model.calibrate(**options).ranks)
    # A response, its rows, and what is small.
    assert max(there.items) < 2 * data["y"].nbytes + 20_000


def test_a_worker_that_dies_loses_nothing(tmp_path):
    told = []
    with processes(2) as pool:
        task = partial(die, tmp_path, 3, TRIES - 1)
        assert list(perform(task, range(7), pool, told=told.append)) == SQUARES
    assert len(list(tmp_path.iterdir())) == TRIES - 1
    assert told == sorted(told)
    assert told[-1] == 7


def test_the_unit_that_kills_is_named(tmp_path):
    done = []
    named = pytest.raises(WorkerError, match=f"died {TRIES} times while it had fold 4:")
    with named, processes(2) as pool:
        done.extend(perform(partial(die, tmp_path, 3, 99), range(7), pool, "fold"))
    assert done == SQUARES[: len(done)]
    assert len(done) <= 3
    assert len(list(tmp_path.iterdir())) == TRIES


def test_items_are_read_as_they_are_wanted():
    read = []

    def items():
        for k in range(100):
            read.append(k)
            yield k

    with Threads(1) as pool:
        answers = perform(abs, items(), pool)
        next(answers)
        answers.close()
    assert len(read) <= 4


def test_errors_come_when_it_is_their_turn():
    with Threads(2) as pool:
        answers = perform(refuse_two, range(9), pool)
        assert [next(answers), next(answers)] == [0, 1]
        with pytest.raises(SettingsError, match="one too many"):
            next(answers)


class Broken(Executor):
    """An executor of another kind than Python's, which breaks."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_exception(BrokenExecutor("a node is gone"))
        return future


def test_what_cannot_go_on_says_so():
    with pytest.raises(WorkerError, match=r"Broken: a node is gone; make a new one"):
        list(perform(abs, range(3), Broken()))
    with pytest.raises(SettingsError, match=r"executor= takes an executor of concurrent\.futures"):
        list(perform(abs, range(3), 4))


def test_what_cannot_be_pickled_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(SettingsError, match="cannot be sent to other processes"):
        list(perform(lambda k: k, range(3), processes(1)))


def test_bar_counts_units(capsys):
    with unit_bar(7, "fold", progress=True) as told, Threads(2) as pool:
        list(perform(slow_first, range(7), pool, "fold", told))
    assert "folds: 7 of 7 100%" in capsys.readouterr().err


def fit_schools(**options):
    return hg.fit(
        "y | se(se) ~ 1 + (1 | school)", hg.datasets.eight_schools(),
        chains=2, draws=100, warmup=100, seed=1, progress=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def schools():
    return fit_schools()


def test_chains_are_the_same_anywhere(schools, tmp_path):
    path = tmp_path / "run.hglm"
    with processes(1) as pool:
        there = [fit_schools(executor=pool), fit_schools(executor=pool, checkpoint=path)]
    for fit in (*there, hg.load(path)):
        for name in ("b", "sd_school", "r_school"):
            assert np.array_equal(fit.draws[name].values, schools.draws[name].values)
    assert there[0].settings == schools.settings


class Dead(Executor):
    """An executor on which the second chain ends with an error of sampling."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        answer = fn(*args, **kwargs)
        second = args[3][0] == 1
        future.set_result(SamplingError("no start") if second else answer)
        return future


def test_a_chain_that_ends_badly_is_told_and_others_stay(schools):
    fit = fit_schools(executor=Dead())
    assert fit.draws.lost == {2: "no start"}
    assert np.array_equal(fit.draws["b"].values, schools.draws["b"].values[:1])


@pytest.mark.parametrize("method", ["approx", "laplace"])
def test_what_has_no_chains_has_no_executor(method):
    with Threads(1) as pool, pytest.raises(SettingsError, match=f"not '{method}'"):
        fit_schools(method=method, executor=pool)


def test_folds_are_the_same_anywhere(schools):
    here = schools.kfold(3, by="school", seed=2)
    with Threads(2) as pool:
        there = schools.kfold(3, by="school", seed=2, executor=pool)
    pd.testing.assert_frame_equal(there.pointwise(), here.pointwise())
    with Threads(1) as pool, pytest.raises(SettingsError, match="for repair='refit'"):
        schools.loo(executor=pool)


@pytest.fixture(scope="module")
def dask():
    """Return the executor of two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    from dask import config

    with (
        # A worker that is not back in 15 s is given up for good, and a busy machine takes longer.
        config.set(
            {
                "distributed.deploy.lost-worker-timeout": "10 minutes",
                "distributed.scheduler.allowed-failures": 1,
            }
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1", silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield client.get_executor()


def test_dask(dask, tmp_path):
    task = Shared(tmp_path / "log")
    assert list(perform(task, range(6), dask)) == [2**20 + k for k in range(6)]
    loads = (tmp_path / "log").read_text().split()
    assert len(loads) == len(set(loads)) <= 2


def test_dask_worker_that_dies(dask, tmp_path):
    assert list(perform(partial(die, tmp_path, 3, 1), range(7), dask)) == SQUARES


@pytest.mark.slow
def test_dask_unit_that_kills(dask, tmp_path):
    with pytest.raises(WorkerError, match="Dask's workers died while they had fold 4"):
        list(perform(partial(die, tmp_path, 3, 99), range(7), dask, "fold"))


def test_dask_folds(dask, schools):
    here = schools.kfold(3, by="school", seed=2)
    there = schools.kfold(3, by="school", seed=2, executor=dask)
    pd.testing.assert_frame_equal(there.pointwise(), here.pointwise())
