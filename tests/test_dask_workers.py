"""A Dask cluster without workers is waited for, which is said, but not without end."""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

import pytest

from hierglm import dask_executor, executing
from hierglm.dask_executor import DaskExecutor, Watch, result_of
from hierglm.errors import WorkerError
from hierglm.executing import perform


class Cluster:
    """Stands for a client: tells numbers of workers one after the other, the last for ever."""

    def __init__(self, *workers: int) -> None:
        self._workers = list(workers)
        self.futures: list[Unit] = []

    def nthreads(self) -> dict[str, int]:
        count = self._workers.pop(0) if len(self._workers) > 1 else self._workers[0]
        if count < 0:
            raise OSError("Timed out trying to connect to tcp://127.0.0.1:8786")
        return dict.fromkeys(map(str, range(count)), 1)

    def submit(self, *_: Any, **__: Any) -> Unit:
        self.futures.append(Unit())
        return self.futures[-1]


class Unit:
    """Stands for a future of Dask that nobody works on."""

    status = "pending"

    def __init__(self) -> None:
        self.ended = threading.Event()

    def add_done_callback(self, _: Any) -> None:
        pass

    def cancel(self) -> None:
        self.ended.set()

    def done(self) -> bool:
        return self.ended.is_set()

    def result(self, timeout: float) -> str:
        if not self.ended.wait(timeout):
            raise TimeoutError
        return "answer"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give what the time is; a look takes ten seconds."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += 10.0
        return now[0]

    monkeypatch.setattr(dask_executor.time, "monotonic", monotonic)
    return now


def test_no_worker_is_said_once_and_then_an_error(clock: list[float]) -> None:
    watch = Watch(Cluster(0), said=30.0, patience=60.0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(6):
            watch.look()
    (only,) = said
    assert str(only.message) == ("the Dask cluster has no worker; waiting for one, 60 s at most")
    with pytest.raises(WorkerError, match="has had no worker for 60 s"):
        watch.look()


def test_a_worker_that_comes_back_is_as_good_as_ever(clock: list[float]) -> None:
    # Never 30 seconds without: neither a warning, which would be an error here, nor an error.
    watch = Watch(Cluster(0, 0, 0, 1, 0, 0, 2, 0, 0, 1), said=30.0, patience=40.0)
    for _ in range(12):
        watch.look()


def test_a_scheduler_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(WorkerError, match="scheduler does not answer: Timed out"):
        Watch(Cluster(-1)).look()


def test_a_result_is_waited_for_as_long_as_there_are_workers() -> None:
    unit = Unit()
    threading.Timer(0.05, unit.ended.set).start()
    assert result_of(unit, Cluster(1), look=0.01) == "answer"


def test_units_are_cancelled_where_nobody_will_do_them(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(executing, "LOOK", 0.01)
    client = Cluster(0)
    given = type("ClientExecutor", (), {"_client": client, "_kwargs": {}})()
    monkeypatch.setattr(executing, "is_dasks", lambda executor: executor is given)
    given.submit = DaskExecutor(given).submit
    with (
        pytest.warns(RuntimeWarning, match="no worker; waiting for one, 900 s at most"),
        pytest.raises(WorkerError, match="has had no worker for 900 s"),
    ):
        list(perform(str.upper, ["a", "b"], given))
    assert [unit.done() for unit in client.futures] == [True, True]


@pytest.mark.slow
def test_a_cluster_that_has_lost_all_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    dataframe = pytest.importorskip("dask.dataframe")
    import pandas as pd

    import hierglm as hg

    monkeypatch.setattr(executing, "LOOK", 0.2)
    monkeypatch.setattr(dask_executor.result_of, "__defaults__", (0.2,))
    monkeypatch.setattr(dask_executor.Watch.__init__, "__defaults__", (0.5, 3.0))
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1", silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        parts = dataframe.from_pandas(pd.DataFrame({"y": [1.0, 2.0, 4.0]}), npartitions=1)
        executor = client.get_executor()
        assert list(perform(str.upper, ["a"], executor)) == ["A"]
        cluster.scale(0)
        while client.nthreads():
            time.sleep(0.1)
        for call in (
            lambda: list(perform(str.upper, ["a", "b"], executor)),
            lambda: hg.model("y ~ 1", parts),
        ):
            with (
                pytest.warns(RuntimeWarning, match="no worker"),
                pytest.raises(WorkerError, match="has had no worker for 3 s"),
            ):
                call()
        cluster.scale(1)
        client.wait_for_workers(1)
        assert list(perform(str.upper, ["a", "b"], executor)) == ["A", "B"]
