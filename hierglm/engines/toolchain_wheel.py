"""Stan's C++ as it comes: the wheel of httpstan, fetched by pip and unpacked."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from hierglm.errors import EngineError, EngineMissing

HTTPSTAN = "4.17.0"
"""The version of httpstan, which decides that of Stan; see `toolchain.STAN`."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel for one kind of machine: pip's name of the platform, and its checksum."""

    platform: str
    sha256: str


WHEELS = {
    ("Linux", "x86_64"): Wheel(
        "manylinux2014_x86_64",
        "7f73e29a415718ddc45e4703c0253a9d4adc6a21aa7110ccf36821a0f94202cd",
    ),
    ("Darwin", "arm64"): Wheel(
        "macosx_14_0_arm64",
        "ce276d71c7bfe82f1c3f84f19a472dbccbbd3f23b265f7d09b68dd611457fad3",
    ),
}
"""What there is for Python 3.12, by system and machine.

No Python code of the wheel is used, so that any Python may fetch it.
"""

_PARTS = ("httpstan/include/", "httpstan/lib/", "httpstan/stanc")
_UNUSED = "httpstan/include/pybind11/"
_OTHERWISE = "CmdStan itself would do: hierglm toolchain install"


def this_wheel() -> Wheel:
    """Return the wheel for this machine.

    Raises
    ------
    EngineMissing
        If there is none.
    """
    system, machine = platform.system(), platform.machine()
    if wheel := WHEELS.get((system, machine)):
        return wheel
    known = " and ".join(f"{s} {m}" for s, m in WHEELS)
    raise EngineMissing(
        f"httpstan {HTTPSTAN} has wheels for {known}, not for {system} {machine}; {_OTHERWISE}"
    )


def download_wheel(wheel: Wheel, into: Path) -> Path:
    """Return the wheel's file, fetched from the index that pip is set up for.

    Parameters
    ----------
    wheel : Wheel
        Which one; pip refuses a file with another checksum.
    into : Path
        A folder that exists.

    Raises
    ------
    EngineError
        If it is not the one expected, or there is no room for it.
    EngineMissing
        If it cannot be fetched, or there is no pip; quotes pip.
    """
    wanted = into / "httpstan.txt"
    wanted.write_text(f"httpstan=={HTTPSTAN} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    python = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"]
    exactly = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--platform"]
    command = [*_pip(), "download", *exactly, wheel.platform, *python]
    command += ["--no-input", "--progress-bar=off", "--quiet", "--disable-pip-version-check"]
    command += ["--dest", str(into), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    files = list(into.glob("*.whl"))
    if done.returncode or len(files) != 1:
        raise _refusal((done.stderr or done.stdout).strip())
    return files[0]


def unpack_wheel(file: Path, into: Path) -> None:
    """Unpack Stan's headers, libraries and compiler, without the Python around them.

    Raises
    ------
    EngineError
        If the file is not a wheel of httpstan.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                name = member.filename
                if name.startswith(_PARTS) and not name.startswith(_UNUSED):
                    member.filename = name.removeprefix("httpstan/")
                    archive.extract(member, into)
    except zipfile.BadZipFile as error:
        raise EngineError(f"{file.name} cannot be unpacked: {error}") from error
    stanc = into / "stanc"
    if not stanc.is_file():
        raise EngineError(f"{file.name} is not a wheel of httpstan: there is no stanc in it")
    stanc.chmod(0o755)


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):  # environments made by uv have no pip, but uv can run one
        return [uv, "tool", "run", "pip"]
    raise EngineMissing(
        f"neither pip nor uv is here to fetch httpstan: python -m ensurepip; or else {_OTHERWISE}"
    )


def _refusal(words: str) -> EngineError:
    """Return the error for what pip said."""
    tail = "\n".join(words.splitlines()[-12:])
    if "DO NOT MATCH THE HASHES" in words:
        return EngineError(
            f"this wheel of httpstan {HTTPSTAN} is not the one known, so it is not used:\n{tail}"
        )
    if "No space left" in words:
        return EngineError(f"there is no space left to download httpstan:\n{tail}")
    return EngineMissing(
        f"pip could not fetch httpstan {HTTPSTAN}: is the package index reached "
        f"(pip config list; PIP_INDEX_URL)? {_OTHERWISE}. pip said:\n{tail}"
    )
