"""The programs that are compared: how each is called, and on which model.

The programs themselves are in ``programs/``. Each takes one argument, a JSON object with the
formula, family, seed and file (CSV) of one fit, prints its summary, and ends with a line of
JSON: seconds from data frame to summary, least bulk ESS, largest R-hat, divergences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from benchmarks.cases import Case

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True, slots=True)
class Peer:
    """A program.

    Attributes
    ----------
    language : {"hierglm", "python", "r"}
        What runs it: this Python, the peers' Python, or Rscript.
    script : str
        In ``programs/``.
    options : mapping of str to str
        What it is told beside the model.
    """

    language: Literal["hierglm", "python", "r"]
    script: str
    options: Mapping[str, str] = field(default_factory=dict)


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "auto": Peer("hierglm", "fit_hierglm.py", {"plan": "auto"}),
        "textbook": Peer("hierglm", "fit_hierglm.py", {"plan": "textbook"}),
        "lme4": Peer("r", "fit_lme4.R"),
        "rstanarm": Peer("r", "fit_rstanarm.R"),
        "brms": Peer("r", "fit_brms.R"),
        "bambi": Peer("python", "fit_bambi.py", {"sampler": ""}),
        "bambi-nutpie": Peer("python", "fit_bambi.py", {"sampler": "nutpie"}),
    }
)


@dataclass(frozen=True, slots=True)
class Runners:
    """The commands that run programs."""

    python: str = sys.executable
    rscript: str = "Rscript"


def command(name: str, case: Case, table: Path, seed: int, runners: Runners) -> list[str]:
    """Return the command that fits a case.

    Parameters
    ----------
    name : str
        The program, a key of `PEERS`.
    case : Case
        The model.
    table : Path
        Its data, a CSV file.
    seed : int
        Of the draws.
    runners : Runners
        The peers' Python and R.
    """
    peer = PEERS[name]
    formula = case.dialects.get(name, case.formula)
    order = {
        "file": str(table.resolve()),
        "formula": formula,
        "family": case.family,
        "factors": list(case.factors),
        "seed": seed,
        "scripts": str(PROGRAMS),
        **peer.options,
    }
    script = PROGRAMS / peer.script
    start = {
        # As a module, so that hierglm is the one that this process sees.
        "hierglm": [sys.executable, "-m", f"benchmarks.programs.{script.stem}"],
        "python": [runners.python, str(script)],
        "r": [runners.rscript, "--no-save", "--no-restore", str(script)],
    }[peer.language]
    return [*start, json.dumps(order)]
