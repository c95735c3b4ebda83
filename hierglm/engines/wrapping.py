"""What engines have in common that sample with another one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from hierglm.engines.engine import ByChain, Density, Engine
from hierglm.errors import SettingsError
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


def by_chain(engine: Engine, asked: str) -> ByChain:
    """Return an engine that can sample each chain by itself.

    Parameters
    ----------
    engine : Engine
    asked : str
        The argument that needs it, for the message.

    Raises
    ------
    SettingsError
        If this one cannot.
    """
    if not isinstance(engine, ByChain):
        raise SettingsError(
            f"{asked}: engine {engine.name!r} cannot sample one chain by itself; "
            "'embedded' and 'cmdstan' can"
        )
    return engine
