"""Children of one run that threads ask at the same time, and that end together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hierglm.engines.child import Child
from hierglm.errors import SamplingError


class Alongside:
    """The children that a run has going; shared by its threads.

    Examples
    --------
    >>> together = Alongside()
    >>> with Child("stanli_worker.py") as child, together.with_child(child):
    ...     child.ask({"task": "build"}).facts["version"] > "0"
    True
    """

    def __init__(self) -> None:
        self._going: set[Child] = set()
        self._lock = threading.Lock()
        self._ended = False

    @contextmanager
    def with_child(self, child: Child) -> Iterator[None]:
        """Count a child among them while the ``with`` statement lasts.

        Raises
        ------
        SamplingError
            If they were ended.
        """
        with self._lock:
            if self._ended:
                raise SamplingError("the run was stopped")
            self._going.add(child)
        try:
            yield
        finally:
            with self._lock:
                self._going.discard(child)

    def end(self) -> None:
        """Kill all of them, and let none come after."""
        with self._lock:
            self._ended = True
            for child in self._going:
                child.kill()
