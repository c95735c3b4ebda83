"""Units of work on processes of MPI: mpi4py's executors, where mpi4py and mpiexec are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("mpiexec") is None or importlib.util.find_spec("mpi4py") is None,
        reason="needs mpi4py and mpiexec",
    ),
]

COMMON = """
import sys
from functools import partial
from pathlib import Path
import numpy as np
import hierglm as hg
from hierglm.executing import perform
from tests.test_executing import SQUARES, Shared, die, fit_schools

def same(pool):
    log = Path(sys.argv[1])
    told = []
    found = list(perform(Shared(log), range(6), pool, told=told.append))
    assert found == [2**20 + k for k in range(6)], found
    assert told[-1] == 6
    loads = log.read_text().split()
    assert len(loads) == len(set(loads)) <= 2, loads
    here, there = fit_schools(), fit_schools(executor=pool)
    for v in here.draws:
        assert np.array_equal(v.values, there.draws[v.name].values)
    folds = {"k": 2, "by": "school", "seed": 2}
    one, other = here.kfold(**folds), here.kfold(**folds, executor=pool)
    assert one.pointwise().equals(other.pointwise())
    print("the same")
"""

POOL = """
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        same(pool)
"""

COMMUNICATOR = """
from mpi4py import MPI
from mpi4py.futures import MPICommExecutor
if __name__ == "__main__":
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as pool:
        if pool is not None:
            same(pool)
"""

DYING = """
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        list(perform(partial(die, Path(sys.argv[1]), 3, 1), range(7), pool))
        print("went on")
"""


def run(tmp_path: Path, script: str, *options: str, argument: Path) -> subprocess.CompletedProcess:
    file = tmp_path / "script.py"
    file.write_text(COMMON + script)
    root = Path(__file__).parents[1]
    # Open MPI's words for: as root, and with more processes than processors.
    allowed = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "PYTHONPATH": str(root),
    }
    return subprocess.run(
        ["mpiexec", "-n", "3", sys.executable, *options, str(file), str(argument)],
        capture_output=True, text=True, env=os.environ | allowed, timeout=600, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["pool", "communicator"])
def test_numbers_are_the_same(kind: str, tmp_path: Path) -> None:
    script, options = (POOL, ("-m", "mpi4py.futures")) if kind == "pool" else (COMMUNICATOR, ())
    done = run(tmp_path, script, *options, argument=tmp_path / "log")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\n"


def test_mpi_ends_all_when_one_process_dies(tmp_path: Path) -> None:
    """What MPI itself does: nothing goes on, and nothing hangs; checkpoints are for that."""
    folder = tmp_path / "deaths"
    folder.mkdir()
    done = run(tmp_path, DYING, "-m", "mpi4py.futures", argument=folder)
    assert done.returncode != 0
    assert "went on" not in done.stdout
    assert len(list(folder.iterdir())) == 1
