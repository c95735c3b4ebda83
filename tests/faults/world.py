"""A fit as a user would make it, in a process of its own; prints what decides it.

Run by `tests.faults.test_worlds` as ``python -m tests.faults.world WORLD FOLDER``.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

DATA = {"y": [1.0, 2.5, 2.0, 4.0, 3.0, 0.5], "x": [0.1, 0.7, 0.3, 1.9, 1.2, -0.4]}
CALL: dict[str, Any] = {"chains": 2, "warmup": 50, "draws": 20, "seed": 3, "progress": False}


def numbers(place: Path) -> str:
    """Return a hash of the draws and the tables of a fit that went through a file."""
    import hierglm as hg

    fit = hg.fit("y ~ x", DATA, **CALL)
    path = fit.save(place / "fit.hglm")
    again = hg.load(path)
    text = fit.tidy().to_csv() + str(again.predict(DATA).to_csv())
    return hashlib.sha256(again.draws["b"].values.tobytes() + text.encode()).hexdigest()


def clock_that_jumps() -> None:
    """Let the clock on the wall go back an hour with every look at it."""
    start, looked = time.time(), iter(range(10**9))
    time.time = lambda: start - 3600.0 * next(looked)


def decimal_commas(name: str) -> None:
    """Let C's library write decimal commas, as R or a plotting window may have done.

    Raises
    ------
    locale.Error
        Where there is no such locale.
    """
    import locale

    locale.setlocale(locale.LC_ALL, name)
    assert locale.str(1.5) == "1,5"


def folder_that_changes(folder: Path) -> None:
    """Change the working folder back and forth all the time."""
    (folder / "other").mkdir()

    def change() -> None:
        here = str(folder)
        while True:
            os.chdir(f"{here}/other")
            time.sleep(0.001)
            os.chdir(here)
            time.sleep(0.001)

    threading.Thread(target=change, daemon=True).start()


if __name__ == "__main__":
    world, place = sys.argv[1], Path(sys.argv[2])
    os.chdir(place)
    if world == "clock":
        clock_that_jumps()
    elif world.startswith("locale="):
        decimal_commas(world.removeprefix("locale="))
    elif world == "folder":
        folder_that_changes(place)
    print(numbers(place))
