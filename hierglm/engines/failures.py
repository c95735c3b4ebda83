"""What an engine said, turned into an error that says where, what was found, what would do."""

from __future__ import annotations

import re

from hierglm.engines.child import Failure
from hierglm.errors import CompileError, EngineError, EngineMissing, SamplingError
from hierglm.program.fragment import Program

_REFUSED = re.compile(r"error in [^\n]*?line (\d+), column (\d+)")
_WHERE = re.compile(r"line (\d+), column \d+")
_CPP = re.compile(r"C\+\+ error in line (\d+)")
"""What `executable` adds to the words of the C++ compiler."""
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_ELSEWHERE = re.compile(
    r"Exec format error|Bad CPU type|error while loading shared libraries|version `GLIBC|image not"
)
"""What loaders say of an executable from another machine, or without its libraries."""
_AFTERMATH = re.compile(r"\nmake: |\nCommand \[")
"""Where make and cmdstanpy go on after the compiler's own words."""
_QUOTE = re.compile(r"-{10,}\n(?:.*\n)*?\s*-{10,}\n?")

_INSTALL = {
    "embedded": "pip install --force-reinstall stanli",
    "cmdstan": "pip install --force-reinstall cmdstanpy",
}


def explain(failure: Failure, program: Program, engine: str) -> EngineError:
    """Return the error for what a job of this engine could not do with this program.

    Parameters
    ----------
    failure : Failure
        Stage and the library's own words.
    program : Program
        Tells which part of the model wrote a line.
    engine : {"embedded", "cmdstan"}
        Which engine it was.

    Returns
    -------
    EngineMissing, CompileError, SamplingError or EngineError
    """
    text = failure.text.strip()
    if _ELSEWHERE.search(text):
        return EngineError(
            f"{text}\n  the executable comes from another machine, or its libraries have gone: "
            "compile it here ('hierglm cache clear' forgets those of hierglm's own)"
        )
    if failure.stage == "missing":
        return EngineMissing(f"engine {engine!r} cannot be loaded: {text}; try {_INSTALL[engine]}")
    if failure.stage == "compile":
        return _compile_error(text, program)
    if failure.stage == "sample":
        return SamplingError(_sampling_words(text, program))
    if failure.stage == "data":
        return EngineError(f"Stan refuses the data of this program: {text}")
    if failure.stage in ("absent", "evaluate", "unconstrain"):
        return EngineError(text)
    return EngineError(f"the {engine} engine failed unexpectedly; please report this:\n{text}")


def _compile_error(text: str, program: Program) -> CompileError:
    if _FULL.search(text):
        return CompileError(
            "the program could not be built, because the disk is full; 'hierglm cache clear' "
            "makes room, the environment variable HIERGLM_CACHE names another folder"
        )
    if found := _CPP.search(text):
        line = int(found[1])
        first = re.search(r"error: (.*)", text)
        return CompileError(
            f"the C++ compiler refuses what Stan made of line {line} of the program"
            f"{_written_for(line, program)}: {first[1] if first else text[-500:]}"
            f"{_quoted(line, program)}"
        )
    found = _REFUSED.search(text)
    if found is None and "unsupported" in text:
        return CompileError(f"the embedded engine cannot run this program: {text}")
    if found is None:
        return CompileError(
            "the program could not be built; 'hierglm doctor' looks at the compiler: "
            + text[-3000:]
        )
    line, column = int(found[1]), int(found[2])
    # The compiler quotes the bare program; the user knows the one with comments.
    said = _AFTERMATH.split(text[found.end() :], maxsplit=1)[0]
    what = " ".join(_QUOTE.sub(" ", said).split()).lstrip(":, ")
    what = re.sub(r"^(to (line \d+, )?column \d+[:,]?\s*)", "", what)
    quoted = _quoted(line, program)
    pointer = f"\n  {' ' * column}^" if quoted and column <= len(quoted) - len("\n  ") else ""
    return CompileError(
        f"Stan's compiler refuses line {line} of the program"
        f"{_written_for(line, program)}: {what}{quoted}{pointer}"
    )


def _written_for(line: int, program: Program) -> str:
    origin = program.origin(line)
    return f", written for {origin}" if origin else ""


def _quoted(line: int, program: Program) -> str:
    """Return a line of the program, indented on a line of its own, or ""."""
    lines = program.code.splitlines()
    return f"\n  {lines[line - 1].rstrip()}" if 0 < line <= len(lines) else ""


def _sampling_words(text: str, program: Program) -> str:
    found = _WHERE.search(text)
    origin = program.origin(int(found[1])) if found else ""
    at = f" (line {found[1]} was written for {origin})" if found and origin else ""
    low = text.lower()
    if "initialization" in low and "failed" in low:
        return (
            "no starting point with a finite log density was found in 100 tries: "
            "the response may be impossible under the model, or the priors far too wide; "
            "look at model.priors() and, with plan='textbook', at the scale of the columns "
            f"(plan='auto' is in their units). Stan said{at}: {text}"
        )
    return f"sampling failed. Stan said{at}: {text}"
