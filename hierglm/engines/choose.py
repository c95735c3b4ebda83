"""Which engine a name stands for."""

from __future__ import annotations

from hierglm.engines.engine import Engine
from hierglm.errors import SettingsError, suggest

NAMES = ("auto", "embedded", "cmdstan")
"""What the user may type."""


def engine_for(name: str | Engine = "auto") -> Engine:
    """Return the engine of this name, or the engine itself where one is given.

    Parameters
    ----------
    name : {"auto", "embedded", "cmdstan"} or Engine
        "auto" is the one that models are first written for, "embedded": every program runs on
        it, and it needs no compiler. When a fit takes another, `hierglm.engines.predict` says.

    Returns
    -------
    Engine

    Raises
    ------
    SettingsError
        For any other value.

    Examples
    --------
    >>> engine_for("auto").name
    'embedded'
    """
    if isinstance(name, str):
        # Imported when asked for: `import hierglm` stays quick.
        if name in ("auto", "embedded"):
            from hierglm.engines.embedded import EmbeddedEngine

            return EmbeddedEngine()
        if name == "cmdstan":
            from hierglm.engines.cmdstan import CmdStanEngine

            return CmdStanEngine()
        raise SettingsError(f"no engine {name!r}{suggest(name, NAMES)}")
    if all(hasattr(type(name), part) for part in ("sample", "open", "versions")):
        return name
    raise SettingsError(f"engine must be a name or an Engine, not {name!r}{suggest('', NAMES)}")
