"""An analysis file read: its data and its steps, checked against each other."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hierglm.analysing.check import check
from hierglm.analysing.keys import SECTIONS
from hierglm.errors import AnalysisError, DataError, FileError, suggest
from hierglm.publishing.files import ENDINGS as MODEL_TABLES
from hierglm.reading import reader_of
from hierglm.showing.width import printable
from hierglm.writing import refuse_ending

MAX_BYTES = 1_000_000
"""Of an analysis file."""

ENDINGS = {
    "models": (".hglm",),
    "comparisons": (".csv",),
    "predictions": (".csv",),
    "tables": (".csv",),
    "model_tables": (".md", *(ending for ending in MODEL_TABLES if ending != ".md")),
    "plots": (".png", ".pdf", ".svg"),
    "reports": (".html", ".md", ".pdf"),
}
"""Of what a step writes, by section; the first where nothing is said."""

SEVERAL = ("comparisons", "model_tables")
"""Sections whose steps are of several models."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes
    ----------
    section, name : str
        ``[section.name]`` of the file.
    keys : mapping
        What stands there, with what is understood.
    data : tuple of str
        The tables of [data] that it reads.
    needs : tuple of str
        Steps that come before, by `Step.id`.
    outputs : tuple of Path
        What it writes, the main file first.
    """

    section: str
    name: str
    keys: Mapping[str, Any]
    data: tuple[str, ...]
    needs: tuple[str, ...]
    outputs: tuple[Path, ...]

    @property
    def id(self) -> str:
        """``"models.counties"``."""
        return f"{self.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis file.

    Attributes
    ----------
    path : Path
        The file; what it reads is beside it.
    title : str
    output : Path
        The folder of all that is written.
    data : mapping of str to mapping
        The tables of [data], as they stand there.
    steps : mapping of str to Step
        By id, in an order in which they can be done.
    """

    path: Path
    title: str
    output: Path
    data: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, Step]

    def beside(self, file: str) -> Path:
        """Return the path of a file that the analysis names."""
        return self.path.parent / file


def read(path: str | Path, *, outside: bool = False) -> Analysis:
    """Return an analysis file, read and checked; nothing is run.

    Parameters
    ----------
    path : str or Path
        TOML. `hierglm.analysing.keys` has all keys.
    outside : bool
        Whether the file may write outside of its own folder. That is for whoever runs it to say,
        not for the file: it may be a stranger's.

    Raises
    ------
    AnalysisError
        A file that is not there or no TOML, a key that there is not, a value that cannot be;
        names the key.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise AnalysisError("", f"{str(path)!r} has more than {MAX_BYTES:,} bytes")
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise AnalysisError("", f"no file {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError("", f"cannot read {str(path)!r}: {error}") from error
    except (RecursionError, ValueError) as error:
        # Brackets by the hundred, and numbers of more digits than Python reads, among them.
        raise AnalysisError("", f"{str(path)!r} is not TOML: {printable(error)}") from error
    check(found)
    if not found.get("models"):
        raise AnalysisError("models", "an analysis has at least one model: [models.NAME]")
    output = file.parent / found.get("output", f"{file.stem}-output")
    written = str(found.get("output", output.name))
    _check_place("output", written, output, None if outside else file.parent)
    data = found.get("data", {})
    for name, table in data.items():
        _as_key(f"data.{name}.file", reader_of, table["file"])
    steps = {step.id: step for step in _steps(found, output, outside)}
    _refuse_same_outputs(steps)
    return Analysis(file, found.get("title", ""), output, data, steps)


def _steps(found: Mapping[str, Any], output: Path, outside: bool) -> Iterator[Step]:
    names = {section: list(found.get(section, {})) for section in SECTIONS}
    settings = {"seed": found.get("seed", 1), **found.get("settings", {})}
    for section in list(SECTIONS)[1:]:
        for name, own in found.get(section, {}).items():
            place = f"{section}.{name}"
            keys = {**settings, **own} if section == "models" else dict(own)
            main = _output(place, section, name, keys, output, outside)
            # Beside a fit and a comparison what they say.
            beside = (main.with_suffix(".txt"),) if section in ("models", "comparisons") else ()
            data = _rows(place, keys, names)
            needs: tuple[str, ...] = ()
            if section == "models":
                data = _read_by(place, keys, names)
            else:
                needs = _needs(place, section, keys, names, found)
            yield Step(section, name, keys, data, needs, (main, *beside))


def _needs(
    place: str,
    section: str,
    keys: dict[str, Any],
    names: Mapping[str, list[str]],
    found: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return the steps that one on models needs, and write down what is understood."""
    if "comparison" in keys:
        if "model" in keys:
            raise AnalysisError(place, "it is on a model, or on a comparison; both are there")
        name = _one_of(f"{place}.comparison", keys["comparison"], names["comparisons"])
        models = found["comparisons"][name].get("models", names["models"])
        return (f"comparisons.{name}", *(f"models.{model}" for model in models))
    if section in SEVERAL:
        models = keys.setdefault("models", names["models"])
        if section == "comparisons" and len(set(models)) < 2:
            raise AnalysisError(f"{place}.models", "a comparison is of at least two models")
        for model in models:
            _one_of(f"{place}.models", model, names["models"])
    else:
        models = [_chosen(f"{place}.model", keys, "model", names["models"])]
    return tuple(f"models.{model}" for model in models)


def _rows(place: str, keys: Mapping[str, Any], names: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the table of new rows that a step reads, if it reads one."""
    if "data" not in keys:
        return ()
    return (_one_of(f"{place}.data", keys["data"], names["data"]),)


def _read_by(place: str, keys: dict[str, Any], names: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the tables that a model reads, that of the whole model first."""
    own = [p["data"] for p in keys.get("parts", ()) if "data" in p]
    for name in own:
        _one_of(f"{place}.parts", name, names["data"])
    if "parts" in keys and len(own) == len(keys["parts"]):
        return tuple(dict.fromkeys(own))
    return tuple(dict.fromkeys([_chosen(f"{place}.data", keys, "data", names["data"]), *own]))


def _chosen(place: str, keys: dict[str, Any], key: str, names: list[str]) -> str:
    """Return what is chosen, the only one where nothing is said, and write it down."""
    if key not in keys:
        if len(names) != 1:
            raise AnalysisError(place, f"say which{suggest('', names)}")
        keys[key] = names[0]
    return _one_of(place, keys[key], names)


def _one_of(place: str, name: str, names: list[str]) -> str:
    if name not in names:
        raise AnalysisError(place, f"there is no {name!r}{suggest(name, names)}")
    return name


def _output(
    place: str, section: str, name: str, keys: Mapping[str, Any], output: Path, outside: bool
) -> Path:
    endings = ENDINGS[section]
    out = str(keys.get("out", f"{section}/{name}{endings[0]}"))
    if section in ("comparisons", "predictions", "tables"):
        _as_key(f"{place}.out", refuse_ending, out)
    elif not out.lower().endswith(endings):
        raise AnalysisError(f"{place}.out", f"{out!r} must end in {' or '.join(endings)}")
    path = output / out
    _check_place(f"{place}.out", out, path, None if outside else output)
    return path


def _check_place(place: str, written: str, path: Path, folder: Path | None) -> None:
    """Refuse a path that no file can have, or that leads out of a folder."""
    if "\0" in written:
        raise AnalysisError(place, f"{written!r} is no path: it has a NUL character")
    if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
        raise AnalysisError(
            place,
            f"{written!r} leads out of the folder {str(folder)!r}; where that is meant, run the "
            "file with --outside",
        )


def _as_key(place: str, check_path: Callable[[str], object], path: str) -> None:
    """Check a path, and tell of what is wrong as of the key that has it."""
    try:
        check_path(path)
    except (DataError, FileError) as error:
        raise AnalysisError(place, str(error)) from error


def _refuse_same_outputs(steps: Mapping[str, Step]) -> None:
    """Refuse files that two steps would write; on some systems "A" and "a" are one."""
    taken: dict[str, str] = {}
    for step in steps.values():
        for path in step.outputs:
            known = taken.setdefault(str(path.resolve()).casefold(), step.id)
            if known != step.id:
                raise AnalysisError(f"{step.id}.out", f"{str(path)!r} is written by {known} too")
