"""What engines have in common that sample with another one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from hierglm.engines.engine import Density, Engine
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program


class WrappedEngine:
    """All of another engine but how it samples, which subclasses say.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        """That of the other engine."""
        return self._engine.name

    @property
    def abilities(self) -> frozenset[Ability]:
        """Those of the other engine."""
        return self._engine.abilities

    @property
    def starts(self) -> bool:
        """As the other engine."""
        return self._engine.starts

    def versions(self) -> Mapping[str, str]:
        """Return those of the other engine."""
        return self._engine.versions()

    def open(self, program: Program) -> AbstractContextManager[Density]:
        """Return the program's log density, as the other engine."""
        return self._engine.open(program)
