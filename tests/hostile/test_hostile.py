"""A short run of every fuzz target, the same each time; and what once failed, again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.hostile.fuzz import TARGETS, kept, target

CASES = {"parse": 120, "load": 40, "names": 150, "toml": 100, "labels": 15}
KEPT = [(name, case) for name in TARGETS for case in kept(name)]


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_in_what_comes_out_is_known(name: str) -> None:
    module = target(name)

    @settings(
        max_examples=CASES[name],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(module.STRATEGY)
    def run(case: Any) -> None:
        module.check(case)

    run()


@pytest.mark.parametrize(("name", "case"), KEPT, ids=[f"{n}-{i}" for i, (n, _) in enumerate(KEPT)])
def test_what_once_failed(name: str, case: Any) -> None:
    target(name).check(case)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Files of the targets go where pytest clears up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path_factory.mktemp(prefix)))
        yield Path
