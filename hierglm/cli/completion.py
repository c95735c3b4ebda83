"""``hierglm completion bash | zsh``: what the shell needs to complete commands and options."""

from __future__ import annotations

import argparse
from typing import Any

from hierglm.cli.answer import Answer
from hierglm.cli.commands import command

_WHERE = {
    "bash": 'eval "$(hierglm completion bash)" in ~/.bashrc, or the text in a file of '
    "~/.local/share/bash-completion/completions called hierglm",
    "zsh": "the text in a file called _hierglm of a folder in $fpath, before compinit",
}


def add_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    found = command(commands, "completion", _completion, "print completion for a shell")
    found.add_argument("shell", choices=tuple(_WHERE), help="; ".join(
        f"{shell}: {how}" for shell, how in _WHERE.items()
    ))  # fmt: skip


def _completion(options: argparse.Namespace) -> Answer:
    import shtab

    from hierglm.cli import parser

    text = shtab.complete(parser(), shell=options.shell)
    return Answer(text, lambda: {"shell": options.shell, "script": text})
