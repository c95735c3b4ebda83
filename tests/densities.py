"""Log densities of many programs in a few processes: to start one takes longer than most tests."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hierglm.engines.child import Child
from hierglm.engines.embedded import WORKER, open_in
from hierglm.engines.engine import Density
from hierglm.program.fragment import Program

_started = ExitStack()
_idle: list[Child] = []
atexit.register(_started.close)


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
