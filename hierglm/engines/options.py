"""What the compilers were told of a fit's program, kept with the fit.

Kept are flags. What could name a file or run something (paths, plugins, signs of make and of the
shell) is known by its name alone: a fit may come from a stranger's file, and paths are those of
one machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Engine
from hierglm.errors import SettingsError

Kept = Mapping[str, str | int | bool | None]

_NAME = re.compile(r"[A-Za-z][\w-]{0,60}")
_FLAG = re.compile(r"-O[0-3sgz]?|-Ofast|-std=[\w+:]+|-[fmgD](?!\S*plugin)[\w=.-]*|-W[\w=-]*")
"""One option of g++ and clang++ that opens no file."""
_WORD = re.compile(r"[0-3sg]|fast|true|false|[1-9]\d*|(?:g|clang)\+\+(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The options of the engine that sampled, as far as a fit keeps them.

    Attributes
    ----------
    cpp_options, stanc_options : mapping of str to str, int, bool or None
        As of `hierglm.CmdStanEngine`; None of an option that was given and is not kept.
    exe_file : bool
        Whether the program was one that had been compiled before.

    Raises
    ------
    SettingsError
        For a value that is no flag.

    Examples
    --------
    >>> bool(EngineOptions()), bool(EngineOptions(stanc_options={"O1": True}))
    (False, True)
    """

    cpp_options: Kept = field(default_factory=dict)
    stanc_options: Kept = field(default_factory=dict)
    exe_file: bool = False

    def __post_init__(self) -> None:
        for name, value in (*self.cpp_options.items(), *self.stanc_options.items()):
            if not _NAME.fullmatch(name) or (value is not None and not _plain(value)):
                raise SettingsError(f"options of an engine: {name[:60]!r} is no flag")

    def __bool__(self) -> bool:
        return bool(self.cpp_options or self.stanc_options or self.exe_file)

    def __str__(self) -> str:
        """Return them in one line, as a report shows them."""
        said = [f"{name}={value}" for name, value in self._both()]
        return ", ".join([*said, *(("a program compiled before",) if self.exe_file else ())])

    def _both(self) -> list[tuple[str, Any]]:
        every = (*self.cpp_options.items(), *self.stanc_options.items())
        return [(name, "(not kept)" if value is None else value) for name, value in every]


def options_of(engine: Engine) -> EngineOptions:
    """Return what a fit keeps of the options of an engine; of engines that have none nothing.

    Examples
    --------
    >>> from hierglm import CmdStanEngine
    >>> given = {"CXXFLAGS": "-march=native", "LDFLAGS": "-L/opt/tbb"}
    >>> options_of(CmdStanEngine(cpp_options=given)).cpp_options
    {'CXXFLAGS': '-march=native', 'LDFLAGS': None}
    """
    cpp, stanc = getattr(engine, "cpp_options", {}), getattr(engine, "stanc_options", {})
    return EngineOptions(_kept(cpp), _kept(stanc), getattr(engine, "exe_file", None) is not None)


def engine_like(name: str, options: EngineOptions) -> str | Engine:
    """Return the engine of a fit, to fit with again: its name, or itself with its flags.

    Parameters
    ----------
    name : str
        `hierglm.results.fitted.Fitted.engine`.
    options : EngineOptions
        Those that are not kept, and programs compiled before, are left out.
    """
    cpp, stanc = _known(options.cpp_options), _known(options.stanc_options)
    if name != "cmdstan" or not (cpp or stanc):
        return name
    from hierglm.engines.cmdstan import CmdStanEngine

    return engine_for(CmdStanEngine(cpp_options=cpp, stanc_options=stanc))


def _kept(options: Mapping[str, Any]) -> dict[str, str | int | bool | None]:
    return {
        name: value if _plain(value) else None
        for name, value in options.items()
        if _NAME.fullmatch(name)
    }


def _known(options: Kept) -> dict[str, str | int | bool]:
    return {name: value for name, value in options.items() if value is not None}


def _plain(value: object) -> bool:
    if isinstance(value, bool | int):
        return True
    if not isinstance(value, str) or len(value) > 1000:
        return False
    return all(_FLAG.fullmatch(x) or _WORD.fullmatch(x) for x in value.split())
