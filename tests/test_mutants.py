"""The mistakes that the tests are tried with are still mistakes in what stands in the tree."""

import shlex
from pathlib import Path

import pytest

from benchmarks.mutation import ROOT, mutants


@pytest.mark.parametrize("mutant", mutants(), ids=lambda m: f"{Path(m.file).name}: {m.breaks}")
def test_what_a_mutant_changes_stands_there_once(mutant):
    assert (ROOT / mutant.file).read_text().count(mutant.text) == 1
    assert mutant.mistake != mutant.text
    files = [test.partition("::")[0] for test in shlex.split(mutant.tests)]
    assert files
    assert [x for x in files if not (ROOT / x).exists()] == []
