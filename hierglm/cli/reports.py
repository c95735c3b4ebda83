"""``hierglm report``: a saved fit, or several beside each other, as one file to read."""

from __future__ import annotations

import argparse
from typing import Any

import hierglm as hg
from hierglm.cli.answer import GOOD, UNHEALTHY, Answer
from hierglm.cli.commands import command, file_argument
from hierglm.cli.fits import SAVED, names_of


def add_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    report = command(commands, "report", _report, "write a report on a fit, or on several compared")
    file_argument(report, "files", nargs="+", metavar="FILE", help=SAVED)
    file_argument(report, "--out", required=True, metavar="FILE", help="report.html, .md or .pdf")
    report.add_argument("--title", default="", help="of the report")
    report.add_argument("--question", default="", help="what the model is to answer")
    report.add_argument("--unit", help="of several fits: whose levels are left out to compare them")


def _report(options: argparse.Namespace) -> Answer:
    fits = [hg.load(path) for path in options.files]
    if len(fits) == 1:
        written = fits[0].report(options.out, options.title, options.question)
    else:
        named = dict(zip(names_of(options.files), fits, strict=True))
        found = hg.compare(named, unit=options.unit)
        written = found.report(options.out, options.title, options.question)
    healthy = all(fit.healthy for fit in fits)
    code = GOOD if healthy else UNHEALTHY
    return Answer(f"written to {written}", lambda: {"file": str(written), "healthy": healthy}, code)
