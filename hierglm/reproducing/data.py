"""Lines of a script that read the data of a fit, with the types that it saw."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hierglm.design.given import GivenMatrix
from hierglm.design.table import Column
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.reading import TableFile, reader_of
from hierglm.showing.width import printable

SAVED = ".hglm"
"""The ending of saved fits, which hold their data."""

File = str | Path | TableFile
"""A file as a whole, or what is made of it."""
Paths = File | Mapping[str, File] | None


def read_data(model: Model, data: Paths) -> tuple[set[str], list[str], dict[str, str]]:
    """Return imports, the lines that read the data, and the name of each response's table."""
    responses = {m.part.response or m.design.response.label: m for m in model.responses}
    if model.design.reduced is not None:
        return (
            set(),
            list(_in_batches(model, model.design.reduced.source, data)),
            dict.fromkeys(responses, "data"),
        )
    if isinstance(data, Mapping):
        for name in data:
            if name not in responses:
                raise SettingsError(f"data: no response {name!r}{suggest(name, responses)}")
    elif not isinstance(data, TableFile) and str(data).endswith(SAVED):
        several = len(responses) > 1
        calls = {n: f"saved.data({quoted(n)})" if several else "saved.data()" for n in responses}
        return set(), [f"saved = hg.load({_path(str(data), SAVED)}{_loading(model)})"], calls
    # Tables of as many rows are taken to be one, unless they are said to be several.
    apart = isinstance(data, Mapping) or len({m.design.total for m in responses.values()}) > 1
    names: dict[str, str] = {}
    lines: list[str] = []
    if not apart:
        columns: dict[str, Column] = {}
        for m in responses.values():
            table = model.table(m)
            columns |= {name: table.column(name) for name in table.columns}
        path = None if isinstance(data, Mapping) else data
        total = next(iter(responses.values())).design.total
        used = {m.design.rows for m in responses.values()}
        return (
            _imports([path]),
            _read("data", path, columns, total, sorted(used)),
            dict.fromkeys(responses, "data"),
        )
    paths = data if isinstance(data, Mapping) else {}
    for number, (name, m) in enumerate(responses.items(), start=1):
        variable = f"data_{number}"
        table = model.table(m)
        columns = {c: table.column(c) for c in table.columns}
        lines += _read(variable, paths.get(name), columns, m.design.total, [m.design.rows])
        names[name] = variable
    return _imports([paths.get(name) for name in responses]), lines, names


def _in_batches(model: Model, source: str, data: Paths) -> Iterator[str]:
    """Yield the lines that say which table is read in batches."""
    if data is not None and not isinstance(data, str | Path):
        raise SettingsError("data: rows that were read in batches are those of one file or folder")
    design = model.design
    yield f"# {design.rows:,} of {design.total:,} rows of {printable(source)} are used"
    if str(data).endswith(SAVED):
        data = None  # it has sums over the rows; these are where they were
    path = source if data is None and Path(source).exists() else data
    yield f"data = {_path(path, 'PUT THE PATH OF YOUR PARQUET FILES HERE')}"


def _imports(files: Sequence[File | None]) -> set[str]:
    """Return what reads files; all that is made of them is made by hierglm."""
    return set() if all(isinstance(f, TableFile) for f in files) else {"import pandas as pd"}


def _read(
    name: str,
    path: File | None,
    columns: Mapping[str, Column],
    total: int,
    used: Sequence[int],
) -> list[str]:
    """Return the lines that read one table, and give its columns the types that the fit saw."""
    rows = " and ".join(f"{n:,}" for n in used)
    listed = ", ".join(map(printable, columns))
    said = f"# {rows} of {total:,} rows are used, and of the columns: {listed}"
    if isinstance(path, TableFile):
        return [said, *_made(name, path)]
    function, options = reader_of("x.csv" if path is None else path)
    options = dict(options)
    numbers = [c for c, x in columns.items() if x.levels and _reads_as_number(x.levels)]
    if function == "read_csv" and numbers:
        options["dtype"] = dict.fromkeys(numbers, "str")
    shown = _path(path, "PUT THE PATH OF YOUR DATA HERE.csv")
    more = "".join(f", {key}={value!r}" for key, value in options.items())
    lines = [said, f"{name} = pd.{function}({shown}{more})"]
    for column, found in columns.items():
        place = f"{name}[{column!r}]"
        if found.kind == "datetime":
            lines.append(f"{place} = pd.to_datetime({place})")
        elif found.levels is not None and not _plain(found.levels):
            lines.append(f"{place} = pd.Categorical({place}, categories={list(found.levels)!r})")
    return lines


def _made(name: str, file: TableFile) -> list[str]:
    """Return the lines that read a file, and make of it what was made."""
    given = {
        "factors": list(file.factors),
        "levels": {column: list(levels) for column, levels in file.levels.items()},
        "columns": dict(file.columns),
        "where": file.where if isinstance(file.where, str) else list(file.where),
    }
    more = [f"    {key}={_text(value)}," for key, value in given.items() if value]
    return [f"{name} = hg.read_table(", f"    {quoted(Path(file.path).as_posix())},", *more, ")"]


def _text(value: Any) -> str:
    """Return a value of TOML as Python has it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{quoted(k)}: {_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return quoted(value) if isinstance(value, str) else repr(value)


def _plain(levels: Sequence[Any]) -> bool:
    """Return whether text in a table would be read as just these levels in this order."""
    return all(isinstance(x, str) for x in levels) and list(levels) == sorted(levels)


def _reads_as_number(levels: Sequence[Any]) -> bool:
    """Return whether text levels would be read from a CSV file as numbers or truth values."""

    def number(text: Any) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    texts = all(isinstance(x, str) for x in levels)
    return texts and (all(map(number, levels)) or {x.lower() for x in levels} <= {"true", "false"})


def _loading(model: Model) -> str:
    """Return what `hierglm.load` needs beside the path."""
    own = own_functions(model)
    return f", functions={{{', '.join(f'{n!r}: {n}' for n in own)}}}" if own else ""


def own_functions(model: Model) -> list[str]:
    """Return the names of the user's own functions that formulas call."""
    return list(dict.fromkeys(f for m in model.parts or (model,) for f in m.design.functions))


def read_beside(
    model: Model, paths: Mapping[str, str | Path] | None, saved: bool
) -> tuple[list[str], set[str]]:
    """Return the lines that read matrices and graphs, and their imports."""
    given = model.given_beside
    for name in paths or {}:
        if name not in given:
            raise SettingsError(f"data2: the formula has no {name!r}{suggest(name, given)}")
    if not given:
        return [], set()
    if saved:
        return ["data2 = saved.data2"], set()
    lines, imports = ["data2 = {}"], set()
    for name, value in given.items():
        path = (paths or {}).get(name)
        shown = _path(path, f"PUT THE PATH OF {name} HERE.csv")
        place = f"data2[{name!r}]"
        if isinstance(value, GivenMatrix) and value.labels is None:
            imports.add("import numpy as np")
            lines.append(f'{place} = np.loadtxt({shown}, delimiter=",", ndmin=2)')
        elif isinstance(value, GivenMatrix):
            imports.add("import pandas as pd")
            lines.append(f"{place} = pd.read_csv({shown}, index_col=0)")
            # Heads of columns are text, whatever the levels are.
            lines.append(f"{place}.columns = {place}.index")
        else:
            imports.add("import pandas as pd")
            lines.append(f"{place} = pd.read_csv({shown})")
    return lines, imports


def _path(path: str | Path | None, place: str) -> str:
    """Return a path as a script has it, or what stands in its place."""
    return quoted(place if path is None else Path(path).as_posix())


def quoted(value: Any) -> str:
    """Return text, lists and mappings of text with the quotes that formatters like."""
    text = json.dumps(value, ensure_ascii=False)
    # What would not be seen, or would turn the text around, is written out.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
