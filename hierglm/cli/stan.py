"""Commands about Stan itself: what is here, how to get it, what is kept of it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import Any

from hierglm.errors import EngineMissing

GOOD = 0


def add_commands(commands: Any) -> None:
    """Add the commands ``doctor``, ``toolchain`` and ``cache`` to a parser's subparsers."""
    doctor = commands.add_parser("doctor", help="which engines and compilers there are")
    doctor.set_defaults(run=_doctor)
    _add_toolchain(commands)
    _add_cache(commands)


def _add_toolchain(commands: Any) -> None:
    toolchain = commands.add_parser("toolchain", help="get Stan's compiler (engine='cmdstan')")
    actions = toolchain.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print which compiled Stan is used")
    show.set_defaults(run=_show)
    install = actions.add_parser(
        "install", help="get CmdStan from GitHub, or Stan from the package registry"
    )
    install.add_argument(
        "--from-pypi",
        action="store_true",
        help="take Stan from the wheel of httpstan, where only a package registry can be reached",
    )
    install.set_defaults(run=_install)


def _add_cache(commands: Any) -> None:
    cache = commands.add_parser("cache", help="compiled programs")
    actions = cache.add_subparsers(required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="print them, those used last first")
    listed.set_defaults(run=_list)
    clear = actions.add_parser("clear", help="remove them; they are compiled again when needed")
    clear.set_defaults(run=_clear)


def _doctor(options: argparse.Namespace) -> int:
    from hierglm.engines.doctor import examine

    for finding in examine():
        mark = "ok" if finding.found else "--"
        print(f"{mark}  {finding.what:<14} {finding.version or 'not found'}")
        if finding.advice:
            print(f"    {'':<14} {finding.advice}")
    return GOOD


def _show(options: argparse.Namespace) -> int:
    from hierglm.engines.installed import describe, find_stan

    print(describe(find_stan()))
    return GOOD


def _install(options: argparse.Namespace) -> int:
    from hierglm.engines.installed import describe
    from hierglm.engines.toolchain_install import install_from_pypi

    if options.from_pypi:
        print(f"installed {describe(install_from_pypi(print))}")
        return GOOD
    command = [sys.executable, "-m", "cmdstanpy.install_cmdstan", "--cores"]
    if subprocess.run([*command, str(os.cpu_count() or 1)], check=False).returncode:
        raise EngineMissing(
            "CmdStan could not be installed: see what was printed above; where GitHub cannot be "
            "reached, 'hierglm toolchain install --from-pypi' needs only the package registry"
        )
    return GOOD


def _list(options: argparse.Namespace) -> int:
    from hierglm.engines.cache import list_cache, programs_folder

    entries = list_cache()
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        by, response = entry.facts.get("by", ""), entry.facts.get("response", "")
        print(f"{entry.path.name[:8]}  {entry.size / 1e6:6.1f} MB  {used}  {by:<14}  {response}")
    total = sum(entry.size for entry in entries) / 1e6
    print(f"{_programs(len(entries))}, {total:.1f} MB in {programs_folder()}")
    return GOOD


def _clear(options: argparse.Namespace) -> int:
    from hierglm.engines.cache import clear_cache, list_cache, programs_folder

    size = sum(entry.size for entry in list_cache()) / 1e6
    print(f"removed {_programs(clear_cache())}, {size:.1f} MB, from {programs_folder()}")
    return GOOD


def _programs(count: int) -> str:
    return f"{count} program{'' if count == 1 else 's'}"
