"""The shell: ``hierglm fit | show | predict | compare | run | ...``; see ``hierglm --help``.

Exit codes: 0 good; 2 the caller's mistake, said in a message; 3 the fit's diagnostics failed;
130 stopped; 141 its reader had gone. `hierglm.cli.answer` says what ``--json`` prints.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from hierglm.cli import analyses, completion, fits, models, reports, stan
from hierglm.cli.answer import MISTAKE, PIPE, STOPPED, Answer, as_json, error_values
from hierglm.errors import HierglmError, SettingsError
from hierglm.version import __version__


def main(arguments: Sequence[str] | None = None, early: Sequence[int] = ()) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.
    early : sequence of int
        Signals that came before, and are answered now.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _write_any_text()
    code = PIPE
    with _stopped_by_signals(early) as came:
        try:
            code, said, to = _answered(given, came)
            print(said, end="" if not said or said.endswith("\n") else "\n", file=to)
            # What is still to be written meets a closed pipe here, not when Python ends.
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of a pipe (head, a pager) has gone; that is not a mistake of anyone.
            with open(os.devnull, "w") as nothing:  # noqa: PTH123 (no Path of it on Windows)
                os.dup2(nothing.fileno(), 1)
        except KeyboardInterrupt:
            # Again, or while the answer is written: there is nothing more to say.
            code = STOPPED
    return code


def _answered(given: Sequence[str], came: Sequence[int]) -> tuple[int, str, TextIO]:
    """Return the exit code, what is to be printed, and where."""
    json, command = "--json" in given, ""
    try:
        if came:
            raise KeyboardInterrupt
        options = parser().parse_args(given)
        command = options.command
        answer: Answer = options.run(options)
        said = as_json(command, answer.code, result=answer.values()) if json else answer.text
        return answer.code, str(said), sys.stdout
    except (Exception, KeyboardInterrupt) as error:
        # A library that is interrupted while it is imported may say so by an error of its own.
        if came or isinstance(error, KeyboardInterrupt):
            stop = KeyboardInterrupt("stopped")
            code, found, text = STOPPED, error_values(stop), f"hierglm: {stop}"
        elif isinstance(error, HierglmError):
            code, found = MISTAKE, error_values(error)
            text = f"{error.usage if isinstance(error, UsageError) else ''}hierglm: {error}"
        else:
            raise
    if json:
        command = command or " ".join(a for a in given[:1] if not a.startswith("-"))
        return code, as_json(command, code, error=found), sys.stdout
    return code, text, sys.stderr


class UsageError(SettingsError):
    """A command line that cannot be read; `usage` says how it is written."""

    usage: str = ""


class _Parser(argparse.ArgumentParser):
    """One whose complaints are errors as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise in place of ending the process, so that ``--json`` covers this too."""
        found = UsageError(f"{message}; see '{self.prog} --help'")
        found.usage = self.format_usage()
        raise found


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = _Parser(
        prog="hierglm",
        description="Hierarchical GLMs from formulas, by Stan.",
        epilog="exit codes: 0 good, 2 your input (see the message), 3 diagnostics failed; "
        "--json after any command prints one JSON object",
    )
    whole.add_argument("--version", action="version", version=f"hierglm {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for module in (models, fits, reports, analyses, stan, completion):
        module.add_commands(commands)
    return whole


def _write_any_text() -> None:
    """Let labels of any script be printed where the terminal's encoding lacks them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _stopped_by_signals(early: Sequence[int]) -> Iterator[list[int]]:
    """Let SIGTERM, as of make and CI, stop as Ctrl-C does; yield the signals that came."""
    came = list(early)
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, frame: Any) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    asked = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in asked}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
