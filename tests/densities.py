"""Log densities of many programs in a few processes: to start one takes longer than most tests."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hierglm.engines.child import Child
from hierglm.engines.embedded import WORKER, open_in
from hierglm.engines.engine import Density
from hierglm.program.fragment import Program

_started, _owner = ExitStack(), os.getpid()
_idle: list[Child] = []


@atexit.register
def _close() -> None:
    """End the processes; forks of this one leave them alone."""
    if os.getpid() == _owner:
        _started.close()


def idle() -> set[int]:
    """Return the processes that wait for a program: tests of what is left behind pass over them."""
    return {child._process.pid for child in _idle}


@contextmanager
def opened(program: Program) -> Iterator[Density]:
    """Open a program's log density, as `EmbeddedEngine.open` does."""
    child = _idle.pop() if _idle else _started.enter_context(Child(WORKER))
    density = open_in(child, program)
    try:
        yield density
    finally:
        density.close()
    # Not after an error: what is wrong with it may stay.
    _idle.append(child)
