"""Lines of a script that make the engine of a fit, with its options."""

from __future__ import annotations

from collections.abc import Iterator

from hierglm.engines.choose import NAMES
from hierglm.engines.options import EngineOptions, Kept
from hierglm.reproducing.data import quoted
from hierglm.results.fitted import Fitted


def read_engine(fitted: Fitted) -> tuple[tuple[str, ...], str]:
    """Return the lines before the model that an engine needs, and the engine as an argument.

    Where a script cannot say it all (an engine of the user's own, options with paths, a program
    compiled before), the lines stop until it is put in.
    """
    options = fitted.engine_options
    if fitted.engine in NAMES and not options:
        return (), quoted(fitted.engine)
    call = f"hg.CmdStanEngine({', '.join(_arguments(options))})"
    lacks = [
        name
        for kept in (options.cpp_options, options.stanc_options)
        for name, value in kept.items()
        if value is None
    ] + ["exe_file"] * options.exe_file
    if fitted.engine == "cmdstan" and not lacks:
        return (), call
    what = f"your engine with its {' and '.join(lacks)}" if lacks else f"engine {fitted.engine}"
    lines = (
        *((f"# engine = {call}",) if lacks else ()),
        "engine = None",
        "if engine is None:",
        f"    raise SystemExit({quoted(f'put {what} here: scripts keep neither paths nor code')})",
        "",
    )
    return lines, "engine"


def _arguments(options: EngineOptions) -> Iterator[str]:
    for name in ("cpp_options", "stanc_options"):
        kept: Kept = getattr(options, name)
        if kept:
            pairs = (f"{quoted(k)}: {'...' if v is None else _value(v)}" for k, v in kept.items())
            yield f"{name}={{{', '.join(pairs)}}}"
    if options.exe_file:
        yield "exe_file=..."


def _value(value: str | int | bool) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)
