"""From a formula and a table to a model that can be fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from hierglm.design.encode import encode
from hierglm.design.level_weights import weigh
from hierglm.design.reading import as_table
from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Engine
from hierglm.errors import SettingsError
from hierglm.families import Family
from hierglm.families import family as family_of
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.parts import ResponsePart, notes_of, part, specify_parts
from hierglm.prepared import PreparedModel, prepare
from hierglm.priors.distributions import Prior
from hierglm.streaming.counting import tally
from hierglm.streaming.feasible import refuse_rows
from hierglm.streaming.passes import check, read
from hierglm.streaming.sources import source_of

Formula = str | Sequence[str] | Sequence[ResponsePart]
Priors = str | Mapping[str, Prior] | None
Functions = Mapping[str, Callable[..., Any]]


def model(
    formula: Formula,
    data: Any,
    family: str | Family = "gaussian",
    *,
    priors: Priors = None,
    plan: str | Mapping[str, str] = "auto",
    engine: str | Engine = "auto",
    missing: Literal["drop", "error"] = "drop",
    functions: Functions | None = None,
    data2: Mapping[str, Any] | None = None,
    weights: Mapping[Any, Any] | None = None,
) -> PreparedModel:
    """Return a model, checked and written but not fitted.

    The arguments are those of `hierglm.fit`.

    Examples
    --------
    >>> import hierglm as hg
    >>> m = hg.model("y | se(se) ~ 1 + (1 | school)", hg.datasets.eight_schools())
    >>> print(m.priors()["prior"].to_list())
    ['student_t(3, 7.5, 11.1)', 'student_t(3, 0, 11.1)']
    """
    engine_for(engine)  # a wrong name is told first
    if not isinstance(formula, str) and len(formula) == 1 and isinstance(formula[0], str):
        formula = formula[0]
    if not isinstance(formula, str) or family_of(family).categories:
        if source_of(data) is not None:
            raise SettingsError(
                "several linear predictors need their rows in memory: read a sample"
            )
        specified = specify_parts(
            _parts(formula, family), data, priors,
            missing=missing, functions=functions, data2=data2, weights=weights,
        )  # fmt: skip
        return prepare(specified, engine, plan, notes=notes_of(specified))
    source = source_of(data)
    if source is not None:
        refuse_rows(source, family_of(family), plan, data2)
        parsed = parse(formula, source.columns, tuple(functions or ()))
        check(parsed, source)
        reading = read if family_of(family).name == "gaussian" else tally
        design = reading(parsed, source, missing=missing, functions=functions, weights=weights)
        model = specify(design, family, priors)
        return prepare(model, engine, plan, notes=model.design.notes)
    table = as_table(data)
    parsed = parse(formula, table.columns, tuple(functions or ()))
    design = encode(parsed, table, missing=missing, functions=functions, data2=data2)
    if weights is not None:
        design = weigh(design, weights)
    model = specify(design, family, priors)
    return prepare(model, engine, plan, notes=model.design.notes)


def _parts(formula: Formula, family: str | Family) -> Sequence[ResponsePart]:
    """Return the responses of a model: one, unless parts are given."""
    if isinstance(formula, str):
        return (part(formula, family),)
    given = [f for f in formula if isinstance(f, ResponsePart)]
    texts = [f for f in formula if not isinstance(f, ResponsePart)]
    if not given:
        return (part(texts, family),)
    if texts:
        raise SettingsError("formulas of a joint model stand in its parts: hg.part('y ~ x')")
    if family != "gaussian":
        raise SettingsError(f"each part has its family: hg.part({given[0].formulas[0]!r}, ...)")
    return given
