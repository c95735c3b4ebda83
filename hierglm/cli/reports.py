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
    file_argument(report, "--data", help="where the script in it reads the data; the saved fit "
                  "itself where nothing is said")  # fmt: skip
    report.add_argument("--unit", help="of several fits: whose levels are left out to compare them")


def _report(options: argparse.Namespace) -> Answer:
    fits = [hg.load(path) for path in options.files]
    data = [path if options.data is None else options.data for path in options.files]
    if len(fits) == 1:
        written = fits[0].report(options.out, options.title, options.question, data[0])
    else:
        names = names_of(options.files)
        found = hg.compare(dict(zip(names, fits, strict=True)), unit=options.unit)
        read = dict(zip(names, data, strict=True))
        written = found.report(options.out, options.title, options.question, read)
    healthy = all(fit.healthy for fit in fits)
    code = GOOD if healthy else UNHEALTHY
    return Answer(f"written to {written}", lambda: {"file": str(written), "healthy": healthy}, code)
