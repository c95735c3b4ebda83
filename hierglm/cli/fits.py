"""Commands on saved fits: ``show | check | compare | table | predict | reproduce``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hierglm as hg
from hierglm.cli.answer import Answer, check_values, fit_values, rows
from hierglm.cli.commands import command, file_argument
from hierglm.cli.models import judged

if TYPE_CHECKING:
    import pandas as pd

# Those of hierglm.predicting and hierglm.publishing, whose import would make --help slow.
TARGETS = ("mean", "linear", "response")
TREATMENTS = ("include", "zero", "average")
FORMATS = ("text", "markdown", "html", "latex")
UNSEEN = ("sample", "zero", "error")
SAVED = "what 'hierglm fit --out' or fit.save() wrote"


def add_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    show = command(commands, "show", _show, "print the summary of a saved fit")
    file_argument(show, "file", help=SAVED)
    show.add_argument("--ranef", action="store_true", help="print the effects of every level")
    check = command(commands, "check", _check, "tell whether a saved fit is to be trusted")
    file_argument(check, "file", help=SAVED)
    compare = command(commands, "compare", _compare, "compare saved fits of the same data (LOO)")
    file_argument(compare, "files", nargs="+", metavar="FILE", help=SAVED)
    compare.add_argument("--unit", help="a grouping factor or column whose levels are left out")
    table = command(commands, "table", _table, "saved fits side by side, for a paper")
    file_argument(table, "files", nargs="+", metavar="FILE", help=SAVED)
    table.add_argument("--format", choices=FORMATS, default="text")
    file_argument(table, "--out", metavar="FILE", help=".md, .html, .tex, .txt or .docx")
    _add_predict(commands)
    again = command(commands, "reproduce", _reproduce, "print the script that makes a fit again")
    file_argument(again, "file", help=SAVED)
    file_argument(again, "--data", help="where the script reads the data; the saved fit itself "
                  "where nothing is said")  # fmt: skip
    file_argument(again, "--out", metavar="FILE", help="write it, such as fit.py")


def _add_predict(commands: Any) -> None:
    from hierglm.reading import READERS
    from hierglm.writing import WRITERS

    predict = command(commands, "predict", _predict, "predict the rows of a table; CSV by default")
    file_argument(predict, "file", help=SAVED)
    file_argument(predict, "data", nargs="?",
                  help=f"new rows: {', '.join(READERS)}; those of the fit by default")  # fmt: skip
    file_argument(predict, "--out", metavar="FILE", help=f"write a table: {', '.join(WRITERS)}")
    predict.add_argument("--target", choices=TARGETS, default="mean")
    predict.add_argument("--groups", choices=TREATMENTS, default="include",
                         help="effects of the rows' levels, 0, or averaged over")  # fmt: skip
    predict.add_argument("--new-levels", choices=UNSEEN, default="sample")
    predict.add_argument("--response", help="of several responses which one")
    predict.add_argument("--draws", type=int, help="how many to use; all by default")
    predict.add_argument("--seed", type=int, help="that of the fit by default")
    predict.add_argument("--conf-level", type=float, default=0.95)
    predict.add_argument("--hdi", action="store_true", help="shortest intervals")
    predict.add_argument("--factor", action="append", default=[], metavar="COLUMN",
                         help="read a column of numbers as categories")  # fmt: skip


def _show(options: argparse.Namespace) -> Answer:
    fit = hg.load(options.file)
    if not options.ranef:
        return Answer(fit, lambda: fit_values(fit), judged(fit))
    effects = fit.ranef()
    shown = effects.drop(columns=["effect", "response", "dpar", "term2"])
    return Answer(shown.to_string(index=False), lambda: {"rows": rows(effects)}, judged(fit))


def _check(options: argparse.Namespace) -> Answer:
    fit = hg.load(options.file)
    found = fit.check()
    return Answer(found, lambda: check_values(found), judged(fit))


def _compare(options: argparse.Namespace) -> Answer:
    found = hg.compare(
        dict(zip(names_of(options.files), map(hg.load, options.files), strict=True)),
        unit=options.unit,
    )
    return Answer(found, lambda: {"models": rows(found.table), "said": list(found.lines)})


def _table(options: argparse.Namespace) -> Answer:
    named = zip(names_of(options.files), map(hg.load, options.files), strict=True)
    found = hg.table(dict(named))
    if options.out:
        found.save(options.out)
        return Answer(f"written to {options.out}", lambda: {"file": str(options.out)})
    text = found.to(options.format)
    return Answer(text, lambda: {"format": options.format, "table": text})


def names_of(files: Sequence[Path]) -> list[str]:
    """Return what files are called: their names without ending, or paths where these are equal."""
    stems = [path.stem for path in files]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in files]


def _predict(options: argparse.Namespace) -> Answer:
    from hierglm.reading import read_table
    from hierglm.writing import refuse_ending, refuse_unwritable, write_table

    if options.out:
        refuse_ending(options.out)
        refuse_unwritable(options.out)
    fit = hg.load(options.file)
    new = None if options.data is None else read_table(options.data, options.factor)
    found: pd.DataFrame = fit.predict(  # type: ignore[assignment]
        new,
        options.target,
        options.groups,
        options.new_levels,
        response=options.response,
        draws=options.draws,
        seed=options.seed,
        conf_level=options.conf_level,
        hdi=options.hdi,
    )
    if options.out:
        write_table(found, options.out)
        text = f"{len(found):,} rows to {options.out}"
        return Answer(text, lambda: {"file": str(options.out), "rows": len(found)})
    return Answer(found.to_csv(index=False, lineterminator="\n"), lambda: {"rows": rows(found)})


def _reproduce(options: argparse.Namespace) -> Answer:
    from hierglm.writing import write_text

    fit = hg.load(options.file)
    script = fit.reproduce(options.file if options.data is None else options.data)
    if options.out:
        write_text(options.out, script)
        return Answer(f"written to {options.out}", lambda: {"file": str(options.out)})
    return Answer(script, lambda: {"script": str(script)})
