"""A checkpoint's file: complete chains while a run lasts, the saved fit after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hierglm.draws.draws import STATS
from hierglm.engines.run import Run
from hierglm.errors import CheckpointError, FileError, clipped
from hierglm.paths import path_of
from hierglm.results.archive import read_archive, read_json, to_array, write_archive
from hierglm.results.fitted import Fitted
from hierglm.results.pack import Packer, unpack
from hierglm.results.store import CHECKPOINT, load, save

Steps = Mapping[str, Mapping[int, Run]]
"""Chains by number, of each step of a run: `hierglm.sampling.sample` may take several."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a file keeps of a run.

    Attributes
    ----------
    path : Path
        It need not be there yet.
    facts : mapping of str to str
        Which run, see `hierglm.checkpointing.identity.identity`; empty where there is no file.
    steps : mapping
        Its complete chains.
    finished : bool
        Whether the file is the saved fit.
    """

    path: Path
    facts: Mapping[str, str] = field(default_factory=dict)
    steps: Steps = field(default_factory=dict)
    finished: bool = False

    @property
    def seed(self) -> int | None:
        """The seed that the run has taken."""
        with suppress(ValueError):
            return int(self.facts["seed"]) if "seed" in self.facts else None
        return None

    def of(self, facts: Mapping[str, str]) -> Checkpoint:
        """Return it as that of this run.

        Raises
        ------
        CheckpointError
            If the file is of another run; says what differs.
        """
        there = {name: self.facts.get(name, "none") for name in facts}
        other = [name for name in facts if self.facts and there[name] != facts[name]]
        if other:
            said = "".join(
                f"\n  {name}: {clipped(there[name])} there, {clipped(facts[name])} here"
                for name in other
            )
            raise CheckpointError(
                f"{str(self.path)!r} is the checkpoint of another run:{said}\n  "
                "Take another file name, or remove the file if its chains are not wanted."
            )
        return replace(self, facts=facts)

    def fit(self, functions: Mapping[str, Any]) -> Fitted:
        """Return the saved fit of a run that has ended."""
        return load(self.path, functions, max(1, self.path.stat().st_size))

    def keep(self, steps: Steps) -> None:
        """Write these chains in place of those that the file has.

        Raises
        ------
        FileError
            If that cannot be done; the file is as it was.
        """
        packer = Packer()
        said = {
            name: {str(chain): packer.pack(_held(run)) for chain, run in chains.items()}
            for name, chains in steps.items()
        }
        text = json.dumps({"facts": dict(self.facts), "steps": said}).encode()
        write_archive(self.path, [(CHECKPOINT, text), *packer.arrays.items()])

    def finish(self, fitted: Fitted) -> None:
        """Write the fit in place of the chains.

        Raises
        ------
        FileError
            If that cannot be done; the chains are still there.
        """
        save(fitted, self.path, {CHECKPOINT: json.dumps({"facts": dict(self.facts)}).encode()})


def read_checkpoint(path: str | PathLike[str]) -> Checkpoint:
    """Return what a file keeps of a run; an empty checkpoint where there is none.

    Raises
    ------
    CheckpointError
        A saved fit that no checkpoint became: it is not overwritten.
    FileError
        A file that is damaged or something else.
    """
    target = path_of(path, "checkpoint").absolute()  # the working folder may change meanwhile
    shown = repr(str(path))
    if not target.exists():
        return Checkpoint(target)
    members = read_archive(target, max(1, target.stat().st_size))
    if CHECKPOINT not in members:
        raise CheckpointError(
            f"{shown} is a saved fit that is no checkpoint; take another file name for the "
            "checkpoint, which would overwrite it"
        )
    with _as_damage(shown):
        said = read_json(members[CHECKPOINT], CHECKPOINT)
        facts = {str(name): str(value) for name, value in said["facts"].items()}
        if "steps" not in said:
            return Checkpoint(target, facts, finished=True)
        steps = {
            str(name): {int(chain): _run(held, members) for chain, held in chains.items()}
            for name, chains in said["steps"].items()
        }
        return Checkpoint(target, facts, steps)


def _held(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("values", "stats", "step_size", "seconds")}


def _run(held: Any, members: Mapping[str, bytes]) -> Run:
    found = unpack(held, lambda name: to_array(members[name], name))
    values, stats = dict(found["values"]), dict(found["stats"])
    arrays = [*values.values(), *stats.values()]
    shape = np.shape(stats[STATS[0]])
    if len(shape) != 2 or any(np.shape(a)[:2] != shape for a in arrays):
        raise ValueError("its chains are not of one length")
    seconds = tuple(float(s) for s in found["seconds"])
    return Run(values, stats, np.asarray(found["step_size"]), None, seconds)


@contextmanager
def _as_damage(shown: str) -> Iterator[None]:
    try:
        yield
    except FileError as error:
        raise FileError(f"{shown}: {error}") from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{shown} is damaged: {type(error).__name__}: {error}") from error
