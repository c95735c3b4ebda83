"""Each kind of step of an analysis, done."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import hierglm as hg
from hierglm.analysing.analysis import Analysis, Step
from hierglm.analysing.keys import SETTINGS
from hierglm.analysing.tables import read_data
from hierglm.errors import (
    AnalysisError,
    DataError,
    FormulaError,
    HierglmError,
    PriorError,
    ResponseError,
)
from hierglm.priors.distributions import read_prior
from hierglm.reading import TableFile, read_table
from hierglm.writing import make_folder, replacing, write_table, write_text

if TYPE_CHECKING:
    import pandas as pd

    from hierglm.comparing.compare import Comparison
    from hierglm.posterior import Fit

_KEYS: Mapping[type[HierglmError], str] = {
    FormulaError: "formula",
    ResponseError: "formula",
    DataError: "data",
    PriorError: "priors",
}
"""The key of a model that an error is about."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What steps read, each read once.

    Attributes
    ----------
    analysis : Analysis
    progress : bool or None
        As of `hierglm.fit`.
    """

    analysis: Analysis
    progress: bool | None = None
    _fits: dict[str, Fit] = field(default_factory=dict)
    _tables: dict[str, Any] = field(default_factory=dict)

    def fit(self, model: str) -> Fit:
        """Return the fit of a model that has been done."""
        if model not in self._fits:
            self._fits[model] = hg.load(self.analysis.steps[f"models.{model}"].outputs[0])
        return self._fits[model]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of [data]."""
        if name not in self._tables:
            keys = self.analysis.data[name]
            file = self.analysis.beside(keys["file"])
            self._tables[name] = read_data(f"data.{name}", keys, file)
        found: pd.DataFrame = self._tables[name]
        return found

    def keep(self, model: str, fit: Fit) -> None:
        """Keep a fit for the steps that need it."""
        self._fits[model] = fit


def perform(step: Step, inputs: Inputs) -> Fit | None:
    """Do one step; of a model return the fit.

    Raises
    ------
    AnalysisError
        What the step cannot do; names its key.
    """
    try:
        for path in step.outputs:
            make_folder(path.parent)
        found: Fit | None = _DO[step.section](step, inputs)
    except AnalysisError:
        raise
    except HierglmError as error:
        key = next((k for kind, k in _KEYS.items() if isinstance(error, kind)), "")
        exact = step.section == "models" and key in step.keys
        place = f"{step.id}.{key}" if exact else step.id
        raise AnalysisError(place, str(error)) from error
    return found


def _fit(step: Step, inputs: Inputs) -> Fit:
    keys = step.keys
    data = inputs.table(keys["data"]) if "data" in keys else None
    if "parts" in keys:
        formula: Any = [_part(part, inputs) for part in keys["parts"]]
        family = "gaussian"
    else:
        formula, family = keys["formula"], keys.get("family", "gaussian")
    model = hg.model(
        formula,
        data,
        family,
        priors=_priors(step),
        plan=keys.get("plan", "auto"),
        engine=keys.get("engine", "auto"),
        missing=keys.get("missing", "drop"),
        data2={name: _beside(inputs, file) for name, file in keys.get("data2", {}).items()},
        weights=_weights(keys.get("weights"), data),
    )
    fit = model.fit(
        **{name: keys[name] for name in SETTINGS if name in keys}, progress=inputs.progress
    )
    fit.save(step.outputs[0])
    write_text(step.outputs[1], f"{fit}\n")
    inputs.keep(step.name, fit)
    return fit


def _part(keys: Mapping[str, Any], inputs: Inputs) -> Any:
    own = {name: keys[name] for name in ("weight", "name") if name in keys}
    data = inputs.table(keys["data"]) if "data" in keys else None
    return hg.part(keys["formula"], keys.get("family", "gaussian"), data=data, **own)


def _priors(step: Step) -> Any:
    given = step.keys.get("priors", "default")
    if isinstance(given, str):
        return given
    found = {}
    for name, text in given.items():
        try:
            found[name] = read_prior(text)
        except PriorError as error:
            raise AnalysisError(f"{step.id}.priors.{name}", str(error)) from error
    return found


def _beside(inputs: Inputs, file: str) -> pd.DataFrame:
    """Return a table of edges, or a matrix: one whose columns are the levels of its first."""
    found = read_table(inputs.analysis.beside(file))
    labels = found.iloc[:, 0]
    if list(map(str, labels)) != list(map(str, found.columns[1:])):
        return found
    matrix = found.iloc[:, 1:].set_axis(labels.to_list(), axis=0)
    return matrix.set_axis(labels.to_list(), axis=1)


def _weights(given: Mapping[str, Any] | None, data: Any) -> Mapping[str, Any] | None:
    """Return weights by level, whole numbers for levels that are: keys of TOML are text."""
    if given is None:
        return None

    def level(factor: str, text: str) -> Any:
        number = data is not None and factor in data and data[factor].dtype.kind in "iu"
        return int(text) if number and text.lstrip("-").isdecimal() else text

    return {
        factor: {level(factor, name): weight for name, weight in held.items()}
        for factor, held in given.items()
    }


def _compare(step: Step, inputs: Inputs) -> None:
    found = _compared(step, inputs)
    write_table(found.table, step.outputs[0])
    write_text(step.outputs[1], f"{found}\n")


def _compared(step: Step, inputs: Inputs) -> Comparison:
    fits = {name: inputs.fit(name) for name in step.keys["models"]}
    return hg.compare(fits, unit=step.keys.get("unit"))


def _predict(step: Step, inputs: Inputs) -> None:
    new = inputs.table(step.keys["data"]) if "data" in step.keys else None
    options = _but(step, "model", "data", "out")
    found: Any = inputs.fit(step.keys["model"]).predict(new, **options)
    write_table(found, step.outputs[0])


def _table(step: Step, inputs: Inputs) -> None:
    made = getattr(inputs.fit(step.keys["model"]), step.keys.get("kind", "tidy"))
    write_table(made(**_but(step, "model", "kind", "out")), step.outputs[0])


def _model_table(step: Step, inputs: Inputs) -> None:
    fits = {name: inputs.fit(name) for name in step.keys["models"]}
    found = hg.table(fits, **{"title": inputs.analysis.title, **_but(step, "models", "out")})
    found.save(step.outputs[0])


def _plot(step: Step, inputs: Inputs) -> None:
    fit, kind = inputs.fit(step.keys["model"]), step.keys.get("kind", "intervals")
    draw: Callable[..., Any] = fit.ppc if kind == "ppc" else getattr(fit.plot, kind)
    options = step.keys.get("options", {})
    try:
        inspect.signature(draw).bind(**options)
        figure = draw(**options)
    except TypeError as error:
        raise AnalysisError(f"{step.id}.options", str(error)) from error
    with replacing(step.outputs[0]) as beside:
        figure.savefig(beside)


def _report(step: Step, inputs: Inputs) -> None:
    keys = step.keys
    options = {"title": inputs.analysis.title, **_but(step, "model", "comparison", "out")}
    if "comparison" in keys:
        of = inputs.analysis.steps[f"comparisons.{keys['comparison']}"]
        files = {name: _files(name, inputs) for name in of.keys["models"]}
        _compared(of, inputs).report(step.outputs[0], **options, data=files)
    else:
        data2 = inputs.analysis.steps[f"models.{keys['model']}"].keys.get("data2")
        files = _files(keys["model"], inputs)
        inputs.fit(keys["model"]).report(step.outputs[0], **options, data=files, data2=data2)


def _files(model: str, inputs: Inputs) -> Any:
    """Return what the script of a model reads, from the folder of the analysis file."""
    keys = inputs.analysis.steps[f"models.{model}"].keys

    def file(name: str) -> TableFile:
        held = inputs.analysis.data[name]
        return TableFile(held["file"], **{k: v for k, v in held.items() if k != "file"})

    parts = keys.get("parts", ())
    if not any("data" in part for part in parts):
        return file(keys["data"])
    responses = [m.part.response for m in inputs.fit(model).plan.model.responses]
    names = [part.get("data", keys.get("data")) for part in parts]
    return {r: file(name) for r, name in zip(responses, names, strict=True)}


def _but(step: Step, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in step.keys.items() if name not in left_out}


_DO: Mapping[str, Callable[[Step, Inputs], Any]] = {
    "models": _fit,
    "comparisons": _compare,
    "predictions": _predict,
    "tables": _table,
    "model_tables": _model_table,
    "plots": _plot,
    "reports": _report,
}
