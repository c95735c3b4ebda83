"""The Python script that makes a fit again: the same numbers from the same data and versions.

Dependencies stand at its head as inline metadata (PEP 723), so that ``uv run script.py`` makes
an environment of just these versions. Data are not in the script: it says where they are read
from, and stops where their hash is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from hierglm.engines.engine import Settings
from hierglm.engines.methods import Optimize
from hierglm.errors import HierglmError
from hierglm.families import family
from hierglm.models import Model
from hierglm.priors.distributions import Prior
from hierglm.priors.given import as_given
from hierglm.reproducing.data import SAVED, Paths, own_functions, quoted, read_beside, read_data
from hierglm.reproducing.engine import read_engine
from hierglm.results.fitted import PACKAGES, Fitted
from hierglm.showing.width import printable

PINNED = (*PACKAGES, "stanli", "cmdstanpy")
"""Packages whose versions stand at the head of a script."""

_OWN_FAMILY = (
    "family = None",
    "if family is None:",
    '    raise SystemExit("put your family here: scripts keep no code")',
    "",
)


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
    engine, with_engine = read_engine(fitted)
    imports, reading, names = read_data(model, data)
    beside, further = read_beside(model, data2, str(data).endswith(SAVED))
    lines = [
        *_head(fitted),
        "",
        *sorted({"import hierglm as hg", *imports, *further}),
        "",
        *_functions(model),
        *(_OWN_FAMILY if own else ()),
        *engine,
        *reading,
        *beside,
        "",
        "model = hg.model(",
        *_model(fitted, names, own, with_engine),
        ")",
        *_checked(model),
        "",
        "fit = model.fit(",
        *(f"    {name}={text}," for name, text in _settings(fitted).items()),
        ")",
        "print(fit)",
    ]
    return Script("\n".join(lines) + "\n")


def _checked(model: Model) -> Iterator[str]:
    """Yield lines that stop where the data are others."""
    if model.design.reduced is not None:
        yield f"if model.model.design.rows != {model.design.rows}:"
        yield '    raise SystemExit("these are not the data of the fit: other numbers of rows")'
        return
    yield f'if model.data_hash != "{model.data_hash}":'
    yield '    raise SystemExit("these are not the data of the fit: their hash is another")'


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
    # A file of a stranger may say anything: what is not a version is left out.
    sound = {name: text for name, text in found.items() if re.fullmatch(r"[\w.+!-]+", text)}
    python = ".".join(sound.get("python", "").split(".")[:2])
    pinned = [f"{name}=={sound[name]}" for name in PINNED if name in sound]
    yield "# /// script"
    if python:
        yield f'# requires-python = "=={python}.*"'
    yield "# dependencies = ["
    yield from (f'#     "{each}",' for each in pinned)
    yield "# ]"
    yield "# ///"
    yield f'"""Fit again: {_in_docstring("; ".join(model.formulas))}.'
    yield ""
    used = ", ".join(f"{name} {text}" for name, text in sound.items())
    yield f"Made with {_in_docstring(used)}."
    yield "These versions give the same draws from the same data; others nearly the same answer."
    yield '"""'


def _in_docstring(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _functions(model: Model) -> Iterator[str]:
    for name in own_functions(model):
        yield ""
        yield f"def {name}(*columns):"
        yield f'    raise SystemExit("put your function {name} here: scripts keep no code")'
        yield ""
        yield ""


def _model(fitted: Fitted, names: Mapping[str, str], own: bool, engine: str) -> Iterator[str]:
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
        yield f"    {quoted(formulas[0] if len(formulas) == 1 else formulas)},"
        yield f"    {next(iter(names.values()))},"
        yield f"    {'family' if own else quoted(repr(model.family))},"
    given = as_given(model.priors)
    if isinstance(given, str):
        yield f"    priors={quoted(given)},"
    else:
        yield "    priors={"
        yield from (f"        {quoted(k)}: {_prior(p)}," for k, p in given.items())
        yield "    },"
    wanted = fitted.plan.wanted
    yield f"    plan={quoted(wanted)},"
    yield f"    engine={engine},"
    functions = own_functions(model)
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
    said = [quoted(formulas[0] if len(formulas) == 1 else formulas)]
    said.append("family" if own else quoted(repr(response.family)))
    if table:
        said.append(f"data={table}")
    if response.part.weight != 1.0:
        said.append(f"weight={response.part.weight!r}")
    if name != response.design.response.label:
        said.append(f"name={quoted(name)}")
    return f"hg.part({', '.join(said)})"


def _prior(prior: Prior) -> str:
    numbers = ", ".join(repr(int(x)) if x == int(x) else repr(x) for x in prior.numbers)
    return f"hg.prior.{prior.kind}({numbers})"


def _settings(fitted: Fitted) -> dict[str, str]:
    """Return the arguments of `PreparedModel.fit` as text, nothing left to be chosen."""
    s = fitted.settings
    if fitted.sampled:
        names = ("chains", "warmup", "draws", "seed", "adapt_delta", "max_treedepth")
        return {name: repr(getattr(s, name)) for name in names} | _threads(s)
    every = {o.name: (getattr(s.method, o.name), o.default) for o in fields(s.method)}
    own = {name: value for name, (value, default) in every.items() if value != default}
    said = {"method": quoted(s.method.name)}
    if own:
        said["method_options"] = repr(own)
    if not isinstance(s.method, Optimize):
        said["draws"] = repr(s.draws)
    return said | {"seed": repr(s.seed)} | _threads(s)


def _threads(settings: Settings) -> dict[str, str]:
    """Return how many threads were asked for; numbers do not depend on them."""
    return {} if settings.threads is None else {"threads": repr(settings.threads)}
