"""Units of work whose answers a folder keeps, so that a run goes on from those that it has."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from functools import partial
from os import PathLike
from typing import Any, TypeVar, cast

from hierglm.checkpointing.folder import Facts, Folder, open_folder
from hierglm.checkpointing.identity import text_hash
from hierglm.errors import CheckpointError, FileError
from hierglm.executing import perform
from hierglm.results.archive import read_archive, read_json, to_array, write_archive
from hierglm.results.pack import Packer, unpack
from hierglm.results.vetting import vetted
from hierglm.version import __version__
from hierglm.writing import sweep

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_ENDING = ".part"
_ANSWER = "answer.json"


@dataclass(frozen=True, slots=True)
class Answers:
    """Where the answers of a run's units are.

    Attributes
    ----------
    folder : Folder
    run : str
        Tells it from all others; each file says of which run and unit it is.
    kind : type
        The dataclass that an answer is, of numbers, text, arrays and containers of these.
    """

    folder: Folder
    run: str
    kind: type[Any]

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.folder.seed

    def read(self, number: int) -> Any | None:
        """Return the answer of a unit, counted from 1; None where it is not there yet.

        Raises
        ------
        CheckpointError
            If the file is of another unit or run.
        FileError
            If it is damaged.
        """
        file = self.folder.file(number, _ENDING)
        if not file.exists():
            return None
        try:
            members = read_archive(file, max(1, file.stat().st_size))
            said = read_json(members[_ANSWER], _ANSWER)
            of = (said["run"], said["unit"])
            held = unpack(said["answer"], lambda name: to_array(members[name], name))
            known = vetted(self.kind, {f.name: held[f.name] for f in fields(self.kind)})
        except (FileError, LookupError, TypeError, ValueError) as error:
            raise FileError(
                f"{str(file)!r} is damaged, or no part of a checkpoint; remove it, and it is made "
                "again"
            ) from error
        if of != (self.run, number):
            raise CheckpointError(
                f"{str(file)!r} is of another run, or of another part; remove it, and it is made "
                "again"
            )
        return self.kind(**known)

    def keep(self, number: int, answer: Any) -> None:
        """Write the answer of a unit, counted from 1.

        Raises
        ------
        FileError
            If that cannot be done.
        """
        file, packer = self.folder.file(number, _ENDING), Packer()
        held = packer.pack({f.name: getattr(answer, f.name) for f in fields(self.kind)})
        said = {"run": self.run, "unit": number, "answer": held}
        # A run is by itself at its checkpoint: nobody else is writing there.
        sweep(file, 0.0)
        write_archive(file, [(_ANSWER, json.dumps(said).encode()), *packer.arrays.items()])


def open_answers(
    path: str | PathLike[str],
    kind: type[Any],
    task: str,
    facts: Facts,
    given: int | None,
    seed: int,
) -> Answers:
    """Return where the answers of a run are, in a folder that is made where there is none.

    Parameters
    ----------
    path, task, facts, given, seed
        See `hierglm.checkpointing.folder.open_folder`; the version of hierglm is added.
    kind : type
        The dataclass that an answer is.

    Raises
    ------
    CheckpointError, FileError
        As of `open_folder`.
    """
    facts = {**facts, "hierglm": __version__}
    folder = open_folder(path, task, facts, given, seed)
    return Answers(folder, text_hash(json.dumps([task, folder.seed, facts])), kind)


def perform_kept(
    answers: Answers | None,
    task: Callable[[Item], Answer],
    items: Iterable[Item],
    executor: Executor | None = None,
    unit: str = "unit",
    told: Callable[[int], None] | None = None,
) -> Iterator[Answer]:
    """Yield what `hierglm.executing.perform` does; answers that are kept are read, not made.

    A worker writes its answer as soon as it has it. Where that cannot be done, such as on a full
    disk, the run goes on, with a warning.

    Parameters
    ----------
    answers : Answers or None
        None keeps nothing.
    task, items, executor, unit, told
        See `perform`.
    """
    if answers is None:
        yield from perform(task, items, executor, unit, told)
        return
    numbered = enumerate(items, start=1)
    for answer, words in perform(partial(_kept, answers, task), numbered, executor, unit, told):
        if words:
            warnings.warn(f"a {unit} is not in the checkpoint: {words}", RuntimeWarning, 2)
        yield answer


def _kept(
    answers: Answers, task: Callable[[Item], Answer], call: tuple[int, Item]
) -> tuple[Answer, str]:
    """Return the answer of a unit, and why it could not be kept, if so."""
    number, item = call
    found = cast("Answer | None", answers.read(number))
    if found is not None:
        return found, ""
    found = task(item)
    if getattr(found, "failure", ""):
        # It may be the machine's: the next call tries again.
        return found, ""
    try:
        answers.keep(number, found)
    except FileError as error:
        return found, str(error)
    return found, ""
