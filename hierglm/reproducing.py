"""The Python script that makes a fit again: the same numbers from the same data and versions.

Dependencies stand at its head as inline metadata (PEP 723), so that ``uv run script.py`` makes
an environment of just these versions. Data are not in the script: it says where they are read
from, and stops where their hash is another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hierglm.design.given import GivenMatrix
from hierglm.design.table import Column
from hierglm.engines.methods import Optimize
from hierglm.errors import HierglmError, SettingsError, suggest
from hierglm.families import family
from hierglm.models import Model
from hierglm.priors.distributions import Prior
from hierglm.priors.given import as_given
from hierglm.reading import reader_of
from hierglm.results.fitted import PACKAGES, Fitted

SAVED = ".hglm"
"""The ending of saved fits, which hold their data."""

Paths = str | Path | Mapping[str, str | Path] | None


class Script(str):
    """A script as text, which shows itself as it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def reproduce(
    fitted: Fitted, data: Paths = None, data2: Mapping[str, str | Path] | None = None
) -> Script:
    """Return the Python script that makes a fit again.

    Parameters
    ----------
    fitted : Fitted
    data : path, or mapping of str to path, optional
        Where the script is to read the data: a table, or the saved fit itself (``"fit.hglm"``),
        which holds what it used. Of several responses with tables of their own one for each,
        by name. By default a place to be filled in.
    data2 : mapping of str to path, optional
        Likewise CSV files of the matrices and edges that the formula wants beside the table.

    Raises
    ------
    DataError
        A file type that cannot be read.
    SettingsError
        A response, or a name of data2, that there is not.
    """
    model = fitted.plan.model
    own = _own_family(model)
    imports, reading, names = _data(model, data)
    beside, further = _beside(model, data2, str(data).endswith(SAVED))
    lines = [
        *_head(fitted),
        "",
        *sorted({"import hierglm as hg", *imports, *further}),
        "",
        *_functions(model),
        *(["family = None  # put your family here: scripts keep no code", ""] if own else []),
        *reading,
        *beside,
        "",
        "model = hg.model(",
        *_model(fitted, names, own),
        ")",
        f'if model.data_hash != "{model.data_hash}":',
        '    raise SystemExit("these are not the data of the fit: their hash is another")',
        "",
        "fit = model.fit(",
        *(f"    {name}={value!r}," for name, value in _settings(fitted).items()),
        ")",
        "print(fit)",
    ]
    return Script("\n".join(lines) + "\n")


def _own_family(model: Model) -> bool:
    """Return whether a family is the user's own, of which no script knows."""
    for response in model.responses:
        try:
            if family(repr(response.family)) is not response.family:
                return True
        except HierglmError:
            return True
    return False


def _head(fitted: Fitted) -> Iterator[str]:
    """Yield the metadata and the docstring."""
    found, model = fitted.versions, fitted.plan.model
    python = ".".join(found.get("python", "").split(".")[:2])
    pinned = [f"{name}=={found[name]}" for name in (*PACKAGES, "stanli", "cmdstanpy")
              if name in found]  # fmt: skip
    yield "# /// script"
    if python:
        yield f'# requires-python = "=={python}.*"'
    yield "# dependencies = ["
    yield from (f'#     "{each}",' for each in pinned)
    yield "# ]"
    yield "# ///"
    said = "; ".join(model.formulas).replace("\\", "\\\\").replace('"', '\\"')
    yield f'"""Fit again: {said}.'
    yield ""
    used = ", ".join(f"{name} {value}" for name, value in found.items())
    yield f"Made with {used}."
    yield "These versions give the same draws from the same data; others nearly the same answer."
    yield '"""'


def _data(model: Model, data: Paths) -> tuple[set[str], list[str], dict[str, str]]:
    """Return imports, the lines that read the data, and the name of each response's table."""
    responses = {m.part.response or m.design.response.label: m for m in model.responses}
    if isinstance(data, Mapping):
        for name in data:
            if name not in responses:
                raise SettingsError(f"data: no response {name!r}{suggest(name, responses)}")
    elif str(data).endswith(SAVED):
        lines = [f"saved = hg.load({_path(str(data), SAVED)}{_loading(model)})"]
        several = len(responses) > 1
        calls = {n: f"saved.data({n!r})" if several else "saved.data()" for n in responses}
        return set(), lines, calls
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
    listed = ", ".join(columns)
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
    own = _own_functions(model)
    return f", functions={{{', '.join(f'{n!r}: {n}' for n in own)}}}" if own else ""


def _own_functions(model: Model) -> list[str]:
    return list(dict.fromkeys(f for m in model.parts or (model,) for f in m.design.functions))


def _functions(model: Model) -> Iterator[str]:
    for name in _own_functions(model):
        yield ""
        yield f"def {name}(*columns):"
        yield f'    raise SystemExit("put your function {name} here: scripts keep no code")'
        yield ""
        yield ""


def _beside(
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


def _model(fitted: Fitted, names: Mapping[str, str], own: bool) -> Iterator[str]:
    """Yield the arguments of `hierglm.model`, a line each."""
    model = fitted.plan.model
    several = len(model.responses) > 1
    one_table = len(set(names.values())) == 1
    if several:
        yield "    ["
        for (name, table), m in zip(names.items(), model.responses, strict=True):
            yield f"        {_part(model, m, name, '' if one_table else table, own)},"
        yield "    ],"
        yield f"    {next(iter(names.values())) if one_table else None},"
    else:
        formulas = list(model.formulas)
        yield f"    {_quoted(formulas[0] if len(formulas) == 1 else formulas)},"
        yield f"    {next(iter(names.values()))},"
        yield f"    {'family' if own else _quoted(repr(model.family))},"
    given = as_given(model.priors)
    if isinstance(given, str):
        yield f"    priors={_quoted(given)},"
    else:
        yield "    priors={"
        yield from (f"        {_quoted(k)}: {_prior(p)}," for k, p in given.items())
        yield "    },"
    wanted = fitted.plan.wanted
    yield f"    plan={_quoted(wanted)},"
    yield f"    engine={_quoted(fitted.engine)},"
    functions = _own_functions(model)
    if functions:
        yield f"    functions={{{', '.join(f'{n!r}: {n}' for n in functions)}}},"
    if model.given_beside:
        yield "    data2=data2,"
    if model.design.level_weights:
        weights = {g: dict(w) for g, w in model.design.level_weights.items()}
        yield f"    weights={weights!r},"


def _part(model: Model, response: Model, name: str, table: str, own: bool) -> str:
    formulas = [m.design.formula.source for m in model.predictors(response)]
    if response.family.categories:
        formulas = formulas[:1]
    said = [_quoted(formulas[0] if len(formulas) == 1 else formulas)]
    said.append("family" if own else _quoted(repr(response.family)))
    if table:
        said.append(f"data={table}")
    if response.part.weight != 1.0:
        said.append(f"weight={response.part.weight!r}")
    if name != response.design.response.label:
        said.append(f"name={_quoted(name)}")
    return f"hg.part({', '.join(said)})"


def _prior(prior: Prior) -> str:
    numbers = ", ".join(repr(int(x)) if x == int(x) else repr(x) for x in prior.numbers)
    return f"hg.prior.{prior.kind}({numbers})"


def _settings(fitted: Fitted) -> dict[str, Any]:
    """Return the arguments of `PreparedModel.fit`, nothing left to be chosen."""
    s = fitted.settings
    if not fitted.sampled:
        own = {o.name: getattr(s.method, o.name) for o in fields(s.method)
               if getattr(s.method, o.name) != o.default}  # fmt: skip
        said: dict[str, Any] = {"method": s.method.name}
        if own:
            said["method_options"] = own
        return (
            said | ({} if isinstance(s.method, Optimize) else {"draws": s.draws}) | {"seed": s.seed}
        )
    return {
        "chains": s.chains, "warmup": s.warmup, "draws": s.draws, "seed": s.seed,
        "adapt_delta": s.adapt_delta, "max_treedepth": s.max_treedepth,
    }  # fmt: skip


def _path(path: str | Path | None, place: str) -> str:
    """Return a path as a script has it, or what stands in its place."""
    return _quoted(place if path is None else Path(path).as_posix())


def _quoted(value: Any) -> str:
    """Return text, lists and mappings of text with the quotes that formatters like."""
    return json.dumps(value, ensure_ascii=False)
