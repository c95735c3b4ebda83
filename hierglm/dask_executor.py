"""Dask's executor, but that every unit ends: with an answer, or with an error that is seen.

That of Dask itself (2026.8) gathers an answer in a coroutine. If the worker that has the answer
dies before, and the unit cannot be done again, the coroutine ends with an error that nobody sees,
and whoever waits for its future does so for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from threading import Thread
from typing import Any


class DaskExecutor(Executor):
    """An executor on the workers of a Dask client.

    Parameters
    ----------
    given : distributed.cfexecutor.ClientExecutor
        What ``client.get_executor()`` returned.
    """

    def __init__(self, given: Any) -> None:
        self._client, self._options = given._client, given._kwargs

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
