"""How commands are declared: each with its name, its function, and ``--json``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hierglm.cli.answer import Answer


def command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], Answer],
    about: str,
    of: str = "",
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returned.
    name : str
    run : callable
        From the options to the answer.
    about : str
        One line for ``--help``.
    of : str
        The command that it is an action of.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object, errors too")
    parser.set_defaults(run=run, command=f"{of} {name}".strip())
    return parser


def file_argument(
    parser: argparse.ArgumentParser, *names: str, kind: str = "", **options: Any
) -> None:
    """Add an argument that is a file, for shells to complete.

    Parameters
    ----------
    parser : ArgumentParser
    *names : str
        As of ``add_argument``.
    kind : str
        "" for any file.
    **options
        As of ``add_argument``.
    """
    added = parser.add_argument(*names, type=Path, **options)
    # What shtab reads.
    added.complete = {"bash": "_shtab_compgen_files", "zsh": "_files"}  # type: ignore[attr-defined]
