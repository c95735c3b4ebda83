"""What a command answers: text for people, or one JSON object of one shape for programs.

With ``--json`` every command prints one object to standard output, whatever happened::

    {"hierglm": "0.1.0", "command": "cache list", "exit_code": 0, "result": {...}}
    {"hierglm": "0.1.0", "command": "fit", "exit_code": 2,
     "error": {"kind": "FormulaError", "message": "...", "hint": "...", "formula": "y ~ z",
               "start": 4, "end": 5}}

``result`` (its keys are in `RESULTS`) is there with the exit codes 0 and 3, ``error`` with all
others. Numbers that are not finite are null. ``hint`` is the part of the message that says what
would do, or ""; an analysis file's errors have its ``key`` too. Names of columns are those of
`Fit.tidy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hierglm.errors import AnalysisError, FormulaError
from hierglm.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from hierglm.posterior import Fit

GOOD, MISTAKE, UNHEALTHY, STOPPED, PIPE = 0, 2, 3, 130, 141

Values = Mapping[str, Any]

_CHECK = ("healthy", "rhat", "ess", "findings")
_FIT = (
    *("formulas", "family", "rows", "groups", "data_hash", "plan", "engine", "versions"),
    *("settings", "seconds", "notes", *_CHECK, "estimates"),
)
RESULTS: Mapping[str, tuple[str, ...]] = {
    "fit": (*_FIT, "file"),
    "code": ("stan_code",),
    "explain": ("plan", "engine", "parts", "priors"),
    "demo": ("fits",),
    "show": _FIT,
    "check": _CHECK,
    "compare": ("models", "said"),
    "table": ("format", "table", "file"),
    "predict": ("rows", "file"),
    "reproduce": ("script", "file"),
    "report": ("file", "healthy"),
    "run": ("steps",),
    "doctor": ("findings",),
    "toolchain show": ("stan",),
    "toolchain install": ("stan",),
    "cache list": ("folder", "programs"),
    "cache clear": ("folder", "removed", "bytes"),
    "completion": ("shell", "script"),
}
"""Keys of each command's ``result``; ``file`` and the like only where something is written.

``estimates``, ``rows``, ``models`` and ``priors`` are lists of rows, as of `Fit.tidy` and so on;
``run --schema`` gives the JSON Schema itself.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    Attributes
    ----------
    text : object
        For people: what ``print`` shows, with no newline after it where it ends in one.
    values : callable
        Returns the ``result`` of the JSON object; called only with ``--json``.
    code : int
        The exit code: 0 good, 3 the fit's diagnostics failed.
    """

    text: object
    values: Callable[[], Values] = field(default=dict)
    code: int = GOOD


def as_json(command: str, code: int, **said: Values) -> str:
    """Return the JSON object of a command, its ``result`` or its ``error`` among `said`.

    Examples
    --------
    >>> print(as_json("show", 0, result={"rhat": float("nan")}).replace(__version__, "VERSION"))
    {
      "hierglm": "VERSION",
      "command": "show",
      "exit_code": 0,
      "result": {
        "rhat": null
      }
    }
    """
    import orjson

    whole = {"hierglm": __version__, "command": command, "exit_code": code, **said}
    how = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(whole, default=str, option=how).decode()


def error_values(error: BaseException) -> Values:
    """Return the ``error`` of a JSON object: kind, message, hint, and the place in a formula."""
    message = str(error)
    first = error.message if isinstance(error, FormulaError | AnalysisError) else message
    _, _, hint = first.partition("; ")
    place: Values = {"key": error.key} if isinstance(error, AnalysisError) else {}
    if isinstance(error, FormulaError):
        place = {"formula": error.source, "start": error.start, "end": error.end}
    return {"kind": type(error).__name__, "message": message, "hint": hint, **place}


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as one mapping a row."""
    return [dict(zip(map(str, table.columns), row, strict=True)) for row in table.itertuples(
        index=False, name=None
    )]  # fmt: skip


def fit_values(fit: Fit) -> Values:
    """Return what the JSON object of a fit says."""
    model = fit.plan.model
    settings = fit.settings
    check = fit.check()
    return {
        "formulas": list(model.formulas),
        "family": model.distribution,
        "rows": sum(m.design.rows for m in model.responses),
        "groups": {g.group: len(g.levels) for g in model.groups},
        # Of rows that were read in batches there is none.
        "data_hash": fit.data_hash if model.design.reduced is None else None,
        "plan": fit.plan.name,
        "engine": fit.engine,
        "versions": dict(fit.versions),
        "settings": {
            "method": settings.method.name,
            "chains": fit.draws.chains,
            "warmup": settings.warmup,
            "draws": fit.draws.draws,
            "seed": settings.seed,
            "adapt_delta": settings.adapt_delta,
            "max_treedepth": settings.max_treedepth,
        },
        "seconds": fit.seconds,
        "notes": list(fit.notes),
        **check_values(check),
        "estimates": rows(fit.tidy()),
    }


def check_values(check: Any) -> Values:
    """Return what looking at a fit has shown: healthy, rhat, ess, findings."""
    findings = [
        {"kind": f.kind, "severity": f.severity, "what": f.what, "advice": f.advice,
         "remedy": dict(f.remedy)}
        for f in check
    ]  # fmt: skip
    return {"healthy": check.healthy, "rhat": check.rhat, "ess": check.ess, "findings": findings}
