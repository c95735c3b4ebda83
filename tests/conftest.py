"""What tests of several folders need."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hierglm.engines.cache import cached
from hierglm.engines.toolchain import Toolchain, compile_commands
from hierglm.engines.toolchain_install import install_from_pypi
from hierglm.errors import EngineMissing


def pytest_configure() -> None:
    """Take Ctrl-C seriously: what a shell starts in the background is told to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put one test of the compiled engine first, and the others last.

    The first installs the toolchain, which takes some minutes, while other processes do the
    tests that need no compiler.
    """

    def compiles(item: pytest.Item) -> bool:
        return "toolchain" in getattr(item, "fixturenames", ())

    first = [item for item in items if compiles(item)][:1]
    items.sort(key=lambda item: (item not in first, compiles(item)))


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """Stan from the package registry, installed into the cache folder if it is not there yet.

    It takes some minutes the first time. Processes of pytest-xdist wait for each other.
    """
    try:
        return install_from_pypi()
    except EngineMissing as error:  # no compiler, no pip, no network
        pytest.skip(f"no toolchain: {error}")


@pytest.fixture(scope="session")
def compiled(toolchain: Toolchain) -> Callable[..., Path]:
    """Compiles a Stan file, with a header of its own or without, and returns the executable.

    It is kept in the cache, as a user's is: tests and processes share it.
    """

    def compile_file(source: Path, header: Path | None = None) -> Path:
        texts = [source.read_text(), header.read_text() if header else ""]

        def build(folder: Path) -> None:
            steps = compile_commands(toolchain, source, folder / "m", header=header).steps
            with ThreadPoolExecutor() as pool:
                for commands in steps:
                    for done in pool.map(_run, commands):
                        assert done.returncode == 0, done.stderr

        return cached("\n".join([toolchain.path.name, *texts]), build, {"by": "tests"}) / "m"

    return compile_file


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
