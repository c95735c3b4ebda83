"""What is said and what is left where disks are full, or may not be written.

Run by `tests.faults.test_disks` as ``python -m tests.faults.disks WHAT FOLDER``; prints what came
of it.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path
from typing import Any

DATA = {"y": [1.0, 2.5, 2.0, 4.0, 3.0, 0.5], "x": [0.1, 0.7, 0.3, 1.9, 1.2, -0.4]}
CALL: dict[str, Any] = {"chains": 1, "warmup": 50, "draws": 20, "seed": 3, "progress": False}


def fit_at_home(home: Path) -> None:
    """Fit with a home that may be read and not written, and try to save there."""
    import hierglm as hg

    fit = hg.fit("y ~ x", DATA, **CALL)
    print(fit.draws["b"].values.tobytes().hex())
    try:
        fit.save(home / "fit.hglm")
    except hg.errors.FileError as error:
        print(error)
    try:
        hg.fit("y ~ x", DATA, engine="cmdstan", **CALL)
    except hg.errors.HierglmError as error:
        print(type(error).__name__, error)


def save_to_full_disk(folder: Path) -> None:
    """Save a fit, a report and a picture where there is no room."""
    import hierglm as hg

    fit = hg.fit("y ~ x", DATA, **{**CALL, "draws": 2000, "chains": 4})
    small = hg.fit("y ~ x", DATA, **CALL).save(folder / "fit.hglm")
    before = small.read_bytes()
    for write in (fit.save, lambda path: fit.report(path.with_suffix(".html"))):
        try:
            write(folder / "fit.hglm")
        except hg.errors.HierglmError as error:
            print(type(error).__name__, error)
    assert (folder / "fit.hglm").read_bytes() == before


def checkpoint_on_full_disk(folder: Path) -> None:
    """Keep chains where there is room for one of them."""
    import warnings

    import hierglm as hg

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit = hg.fit("y ~ x", DATA, checkpoint=folder / "run.hglm", threads=1,
                     **{**CALL, "chains": 4, "draws": 8000})  # fmt: skip
    print(fit.draws["b"].values.shape[0], "chains")
    for warning in said:
        print(type(warning.message).__name__, warning.message)


if __name__ == "__main__":
    # A file that is too large is an error of the write, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    what, place = sys.argv[1], Path(sys.argv[2])
    if what == "limited":
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        save_to_full_disk(place)
    elif what == "full":
        save_to_full_disk(place)
    elif what == "checkpoint":
        checkpoint_on_full_disk(place)
    else:
        fit_at_home(place)
