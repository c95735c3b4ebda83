"""Commands about Stan itself: what is here, how to get it, what is kept of it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import Any

from hierglm.cli.answer import Answer
from hierglm.cli.commands import command
from hierglm.errors import EngineMissing


def add_commands(commands: Any) -> None:
    """Add the commands ``doctor``, ``toolchain`` and ``cache`` to a parser's subparsers."""
    command(commands, "doctor", _doctor, "tell which engines and compilers there are")
    toolchain = commands.add_parser("toolchain", help="get Stan's compiler (engine='cmdstan')")
    actions = toolchain.add_subparsers(required=True, metavar="ACTION")
    command(actions, "show", _show, "print which compiled Stan is used", of="toolchain")
    install = command(
        actions,
        "install",
        _install,
        "get CmdStan from GitHub, or Stan from the package registry",
        of="toolchain",
    )
    install.add_argument(
        "--from-pypi",
        action="store_true",
        help="take Stan from the wheel of httpstan, where only a package registry can be reached",
    )
    cache = commands.add_parser("cache", help="compiled programs")
    actions = cache.add_subparsers(required=True, metavar="ACTION")
    command(actions, "list", _list, "print them, those used last first", of="cache")
    command(
        actions, "clear", _clear, "remove them; they are compiled again when needed", of="cache"
    )


def _doctor(options: argparse.Namespace) -> Answer:
    from dataclasses import asdict

    from hierglm.engines.doctor import examine

    findings = examine()
    lines = []
    for finding in findings:
        mark = "ok" if finding.found else "--"
        lines.append(f"{mark}  {finding.what:<14} {finding.version or 'not found'}")
        if finding.advice:
            lines.append(f"    {'':<14} {finding.advice}")
    return Answer("\n".join(lines), lambda: {"findings": [asdict(f) for f in findings]})


def _show(options: argparse.Namespace) -> Answer:
    from hierglm.engines.installed import describe, find_stan

    said = describe(find_stan())
    return Answer(said, lambda: {"stan": said})


def _install(options: argparse.Namespace) -> Answer:
    from hierglm.engines.installed import describe, find_stan
    from hierglm.engines.toolchain_install import install_from_pypi

    if options.from_pypi:
        said = describe(install_from_pypi(lambda text: print(text, file=sys.stderr)))
        return Answer(f"installed {said}", lambda: {"stan": said})
    arguments = [sys.executable, "-m", "cmdstanpy.install_cmdstan", "--cores"]
    # Standard output is for the answer.
    done = subprocess.run([*arguments, str(os.cpu_count() or 1)], check=False, stdout=sys.stderr)
    if done.returncode:
        raise EngineMissing(
            "CmdStan could not be installed: see what was printed above; where GitHub cannot be "
            "reached, 'hierglm toolchain install --from-pypi' needs only the package registry"
        )
    said = describe(find_stan())
    return Answer(f"installed {said}", lambda: {"stan": said})


def _list(options: argparse.Namespace) -> Answer:
    from hierglm.engines.cache import list_cache, programs_folder

    entries, lines, programs = list_cache(), [], []
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        by, response = entry.facts.get("by", ""), entry.facts.get("response", "")
        name = entry.path.name
        lines.append(f"{name[:8]}  {entry.size / 1e6:6.1f} MB  {used}  {by:<14}  {response}")
        programs.append({"name": name, "bytes": entry.size, "used": entry.used, **entry.facts})
    total = sum(entry.size for entry in entries) / 1e6
    folder = programs_folder()
    lines.append(f"{_programs(len(entries))}, {total:.1f} MB in {folder}")
    return Answer("\n".join(lines), lambda: {"folder": str(folder), "programs": programs})


def _clear(options: argparse.Namespace) -> Answer:
    from hierglm.engines.cache import clear_cache, list_cache, programs_folder

    size = sum(entry.size for entry in list_cache())
    removed = clear_cache()
    return Answer(
        f"removed {_programs(removed)}, {size / 1e6:.1f} MB, from {programs_folder()}",
        lambda: {"folder": str(programs_folder()), "removed": removed, "bytes": size},
    )


def _programs(count: int) -> str:
    return f"{count} program{'' if count == 1 else 's'}"
