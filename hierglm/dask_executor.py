"""Dask's executor, but that every unit ends: with an answer, or with an error that is seen.

That of Dask itself (2026.8) gathers an answer in a coroutine. If the worker that has the answer
dies before, and the unit cannot be done again, the coroutine ends with an error that nobody sees,
and whoever waits for its future does so for ever. So does who waits for units of a cluster
that has lost all its workers.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from threading import Thread
from typing import Any

from hierglm.errors import WorkerError

LOOK = 5.0
"""Seconds of waiting after which it is looked whether there are workers."""
SAID = 30.0
"""Seconds without a worker after which that is said."""
PATIENCE = 900.0
"""Seconds without a worker after which they are no more waited for: queues of clusters are slow."""


class Watch:
    """Looks whether a Dask client has workers that could do what is waited for.

    Parameters
    ----------
    client : distributed.Client
    said, patience : float
        Seconds, see `SAID` and `PATIENCE`.
    """

    def __init__(self, client: Any, said: float = SAID, patience: float = PATIENCE) -> None:
        self._client, self._said, self._patience = client, said, patience
        self._since: float | None = None
        self._warned = False

    def look(self) -> None:
        """Say that there is no worker, where that is so for some time.

        Raises
        ------
        WorkerError
            Where it is so for long, or where the scheduler does not answer.
        """
        try:
            workers = len(self._client.nthreads())
        except (OSError, RuntimeError, ValueError) as error:
            raise WorkerError(f"Dask's scheduler does not answer: {error}") from error
        now = time.monotonic()
        if workers or self._since is None:
            self._since, self._warned = (None if workers else now), False
            return
        alone = now - self._since
        if alone >= self._patience:
            raise WorkerError(
                f"the Dask cluster has had no worker for {alone:,.0f} s, and is no more waited "
                "for: start workers, see why they ended (memory may not be enough), and call again"
            )
        if alone >= self._said and not self._warned:
            self._warned = True
            warnings.warn(
                f"the Dask cluster has no worker; waiting for one, {self._patience:,.0f} s at most",
                RuntimeWarning,
                stacklevel=2,
            )


def result_of(future: Any, client: Any, look: float = LOOK) -> Any:
    """Return the result of a future of Dask, whose workers are watched meanwhile.

    Raises
    ------
    WorkerError
        See `Watch.look`.
    """
    watch = Watch(client)
    while True:
        try:
            return future.result(timeout=look)
        except TimeoutError:
            if future.done():
                raise
            watch.look()


class DaskExecutor(Executor):
    """An executor on the workers of a Dask client.

    Parameters
    ----------
    given : distributed.cfexecutor.ClientExecutor
        What ``client.get_executor()`` returned.
    """

    def __init__(self, given: Any) -> None:
        self._client, self._options = given._client, given._kwargs

    def watch(self) -> Watch:
        """Return what looks whether there are workers."""
        return Watch(self._client)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of a call."""
        there = self._client.submit(fn, *args, **{**self._options, **kwargs})
        here: Future[Any] = Future()

        def answer() -> None:
            if there.status == "cancelled":
                here.cancel()
            if not here.set_running_or_notify_cancel():
                return
            try:
                here.set_result(there.result())
            except CancelledError as error:
                # Its key is gone with its worker.
                here.set_exception(LostAnswer(str(error)))
            except BaseException as error:
                here.set_exception(error)

        def ended(_: Any) -> None:
            # Dask has one thread for all that end: one that is waited for would hold up the others.
            Thread(target=answer, daemon=True).start()

        there.add_done_callback(ended)
        here.add_done_callback(lambda found: there.cancel() if found.cancelled() else None)
        return here


class LostAnswer(Exception):
    """An answer that was there, and went with its worker."""


def is_dasks(executor: Any) -> bool:
    """Tell whether an executor is that of a Dask client."""
    return type(executor).__module__.partition(".")[0] == "distributed"
