"""Lines of a script that read the data of a fit, with the types that it saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hierglm.design.given import GivenMatrix
from hierglm.design.table import Column
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.reading import reader_of
from hierglm.showing.width import printable

SAVED = ".hglm"
"""The ending of saved fits, which hold their data."""

Paths = str | Path | Mapping[str, str | Path] | None


def read_data(model: Model, data: Paths) -> tuple[set[str], list[str], dict[str, str]]:
    """Return imports, the lines that read the data, and the name of each response's table."""
    responses = {m.part.response or m.design.response.label: m for m in model.responses}
    if isinstance(data, Mapping):
        for name in data:
            if name not in responses:
                raise SettingsError(f"data: no response {name!r}{suggest(name, responses)}")
    elif str(data).endswith(SAVED):
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
        path = data if isinstance(data, str | Path) else None
        total = next(iter(responses.values())).design.total
        used = {m.design.rows for m in responses.values()}
        return (
            {"import pandas as pd"},
            _read("data", path, columns, total, sorted(used)),
            dict.fromkeys(responses, "data"),
        )
    for number, (name, m) in enumerate(responses.items(), start=1):
        variable = f"data_{number}"
        path = data.get(name) if isinstance(data, Mapping) else None
        table = model.table(m)
        columns = {c: table.column(c) for c in table.columns}
        lines += _read(variable, path, columns, m.design.total, [m.design.rows])
        names[name] = variable
    return {"import pandas as pd"}, lines, names


def _read(
    name: str,
    path: str | Path | None,
    columns: Mapping[str, Column],
    total: int,
    used: Sequence[int],
) -> list[str]:
    """Return the lines that read one table, and give its columns the types that the fit saw."""
    function, options = reader_of("x.csv" if path is None else path)
    options = dict(options)
    numbers = [c for c, x in columns.items() if x.levels and _reads_as_number(x.levels)]
    if function == "read_csv" and numbers:
        options["dtype"] = dict.fromkeys(numbers, "str")
    shown = _path(path, "PUT THE PATH OF YOUR DATA HERE.csv")
    more = "".join(f", {key}={value!r}" for key, value in options.items())
    rows = " and ".join(f"{n:,}" for n in used)
    listed = ", ".join(map(printable, columns))
    lines = [
        f"# {rows} of {total:,} rows are used, and of the columns: {listed}",
        f"{name} = pd.{function}({shown}{more})",
    ]
    for column, found in columns.items():
        place = f"{name}[{column!r}]"
        if found.kind == "datetime":
            lines.append(f"{place} = pd.to_datetime({place})")
        elif found.levels is not None and not _plain(found.levels):
            lines.append(f"{place} = pd.Categorical({place}, categories={list(found.levels)!r})")
    return lines


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
