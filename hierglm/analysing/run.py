"""An analysis, done as far as it is not up to date."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hierglm.analysing.analysis import Analysis, Step, read
from hierglm.analysing.perform import Inputs, perform
from hierglm.analysing.record import (
    Entry,
    hash_file,
    hash_values,
    load_record,
    save_record,
    why_anew,
)
from hierglm.engines.cache import alone
from hierglm.errors import AnalysisError, EngineMissing, suggest
from hierglm.results.fitted import PACKAGES
from hierglm.writing import make_folder


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a step.

    Attributes
    ----------
    step : Step
    state : {"done", "up to date", "to do"}
        "to do" where only what would be done was asked for.
    why : str
        Why it is done: "new", "its data changed", ...; "" where it is up to date.
    healthy : bool
        Whether a model's diagnostics passed.
    said : tuple of str
        What they found.
    seconds : float
        How long it took, this time or before.
    """

    step: Step
    state: str
    why: str
    healthy: bool = True
    said: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        time_taken = f", {self.seconds:.1f} s" if self.state == "done" else ""
        why = f" ({self.why}{time_taken})" if self.why else ""
        trouble = "" if self.healthy else "; DIAGNOSTICS FAILED"
        return f"{self.step.id:<28} {self.state}{why}{trouble}"


def run(
    path: str | Path,
    *,
    only: Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    outside: bool = False,
    progress: bool | None = None,
    say: Callable[[Ran], None] = lambda ran: None,
) -> list[Ran]:
    """Do what an analysis file says, as far as it is not up to date, and return what was done.

    A step is up to date where its keys, the content of its data, the versions of the packages,
    the steps that it needs and its outputs are as they were when it was done.

    Parameters
    ----------
    path : str or Path
        The analysis file.
    only : sequence of str
        Steps, ``"models.counties"`` or ``"counties"``; they and what they need are done. All by
        default.
    force : bool
        Do it all again, up to date or not.
    dry_run : bool
        Do nothing, and say what would be done.
    outside : bool
        Whether the file may write outside of its own folder.
    progress : bool or None
        As of `hierglm.fit`.
    say : callable
        Takes what became of each step, as it ends.

    Returns
    -------
    list of Ran
        In the order in which steps are done.

    Raises
    ------
    AnalysisError
        The file, or what one of its steps cannot do; what was done before that is kept.
    FileError
        The output folder or the record in it cannot be written or read.
    """
    analysis = read(path, outside=outside)
    wanted = _wanted(analysis, only)
    if dry_run:
        return list(_run(analysis, wanted, force, None, say))
    make_folder(analysis.output)
    with alone(analysis.output / ".lock"):
        return list(_run(analysis, wanted, force, Inputs(analysis, progress), say))


def _run(
    analysis: Analysis,
    wanted: Sequence[Step],
    force: bool,
    inputs: Inputs | None,
    say: Callable[[Ran], None],
) -> Iterator[Ran]:
    record = load_record(analysis.output)
    found = _hashes_of_data(analysis, wanted)
    versions = _versions()
    keys: dict[str, str] = {}
    for step in wanted:
        made_from = _made_from(analysis, step, found, versions, keys)
        keys[step.id] = hash_values(made_from)
        names = {_shown(analysis, p): p for p in step.outputs}
        before = record.get(step.id)
        why = why_anew(before, made_from, {n: hash_file(p) for n, p in names.items()})
        if not why and force:
            why = "asked for"
        if not why and before is not None:
            ran = Ran(step, "up to date", "", before.healthy, before.said, before.seconds)
        elif inputs is None:
            ran = Ran(step, "to do", why)
        else:
            start = time.monotonic()
            fit = perform(step, inputs)
            ran = Ran(step, "done", why, seconds=time.monotonic() - start)
            if fit is not None:
                ran = replace(ran, healthy=fit.healthy, said=tuple(map(str, fit.check())))
            outputs = {n: hash_file(p) for n, p in names.items()}
            record[step.id] = Entry(made_from, outputs, ran.healthy, ran.said, ran.seconds)
            # After each step: what is done stays done, whatever comes next.
            save_record(analysis.output, record)
        say(ran)
        yield ran


def _wanted(analysis: Analysis, only: Sequence[str]) -> list[Step]:
    """Return the steps that are asked for, and what they need, in order."""
    if not only:
        return list(analysis.steps.values())
    chosen: set[str] = set()
    for name in only:
        found = [s.id for s in analysis.steps.values() if name in (s.id, s.name)]
        if not found:
            known = [*analysis.steps, *(s.name for s in analysis.steps.values())]
            raise AnalysisError("", f"--only: there is no {name!r}{suggest(name, known)}")
        chosen.update(found)
    needed = {need for step in chosen for need in analysis.steps[step].needs}
    return [step for step in analysis.steps.values() if step.id in chosen | needed]


def _hashes_of_data(analysis: Analysis, steps: Sequence[Step]) -> dict[str, str]:
    """Return the hash of each table's file and of what is made of it, by name."""
    names = dict.fromkeys(name for step in steps for name in step.data)
    found = {}
    for name in names:
        keys = analysis.data[name]
        content = hash_file(analysis.beside(keys["file"]))
        if not content:
            file = str(analysis.beside(keys["file"]))
            raise AnalysisError(f"data.{name}.file", f"no file {file!r}")
        found[name] = hash_values({**keys, "file": content})
    return found


def _made_from(
    analysis: Analysis,
    step: Step,
    data: Mapping[str, str],
    versions: Mapping[str, str],
    keys: Mapping[str, str],
) -> dict[str, str]:
    """Return the hashes of all that decides what a step gives."""
    own: dict[str, Any] = {k: v for k, v in step.keys.items() if k not in ("out", "threads")}
    beside = {name: hash_file(analysis.beside(f)) for name, f in own.get("data2", {}).items()}
    if step.section in ("reports", "model_tables"):
        own.setdefault("title", analysis.title)
    return {
        "data": hash_values([*(data[name] for name in step.data), beside]),
        "settings": hash_values(own),
        "versions": hash_values([versions, _compiled_by(own)]),
        "needs": hash_values([keys[need] for need in step.needs]),
    }


def _versions() -> dict[str, str]:
    """Return the versions of what decides the numbers of a fit, as far as it is here."""
    found = {"python": platform.python_version()}
    for name in (*PACKAGES, "stanli", "cmdstanpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _compiled_by(keys: Mapping[str, Any]) -> str:
    """Return which Stan compiles a model that asks for it, "" of others or where there is none."""
    if keys.get("engine") != "cmdstan" and keys.get("method", "sample") == "sample":
        return ""
    from hierglm.engines.installed import describe, find_stan

    try:
        return describe(find_stan())
    except EngineMissing:
        return ""


def _shown(analysis: Analysis, path: Path) -> str:
    """Return a path as the record has it: within the output folder, the same on every system."""
    if path.is_relative_to(analysis.output):
        return path.relative_to(analysis.output).as_posix()
    return path.as_posix()
