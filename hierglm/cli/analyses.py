"""``hierglm run analysis.toml``: whole analyses, for make and continuous integration."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hierglm.cli.answer import GOOD, UNHEALTHY, Answer, Values
from hierglm.cli.commands import command, file_argument
from hierglm.errors import SettingsError

if TYPE_CHECKING:
    from hierglm.analysing.run import Ran


def add_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    about = "fit, compare, predict and report as a TOML file says; skip what is up to date"
    run = command(commands, "run", _run, about)
    file_argument(run, "file", nargs="?", help="such as analysis.toml")
    run.add_argument(
        "--schema",
        action="store_true",
        help="print every key of such files; with --json as a JSON Schema",
    )
    run.add_argument("--dry-run", action="store_true", help="say what would be done, and why")
    run.add_argument("--force", action="store_true", help="do it again, up to date or not")
    run.add_argument(
        "--outside", action="store_true", help="let the file write outside of its own folder"
    )
    run.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="a step, such as models.a, and what it needs; may be repeated",
    )
    run.add_argument("--quiet", action="store_true", help="no progress bar, no word of each step")


def _run(options: argparse.Namespace) -> Answer:
    if options.schema:
        from hierglm.analysing.keys import describe, json_schema

        return Answer(describe(), json_schema)
    if options.file is None:
        raise SettingsError("which file? hierglm run analysis.toml; --schema prints its keys")
    from hierglm.analysing.run import run

    ran = run(
        options.file,
        only=options.only,
        force=options.force,
        dry_run=options.dry_run,
        outside=options.outside,
        progress=False if options.quiet or options.json else None,
        say=_silent if options.quiet or options.json else _say,
    )
    ill = [each for each in ran if not each.healthy]
    return Answer(_text(ran), lambda: _values(ran), UNHEALTHY if ill else GOOD)


def _say(ran: Ran) -> None:
    print(ran, flush=True)


def _silent(ran: Ran) -> None:
    pass


def _text(ran: list[Ran]) -> str:
    counts = {
        state: sum(each.state == state for each in ran) for state in ("done", "up to date", "to do")
    }
    lines = [
        f"{each.step.id}: {sentence}" for each in ran if not each.healthy for sentence in each.said
    ]
    counted = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return "\n".join([*lines, counted])


def _values(ran: list[Ran]) -> Values:
    return {
        "steps": [
            {
                "step": each.step.id,
                "state": each.state,
                "why": each.why,
                "healthy": each.healthy,
                "said": list(each.said),
                "seconds": each.seconds,
                "outputs": [path.as_posix() for path in each.step.outputs],
            }
            for each in ran
        ]
    }
