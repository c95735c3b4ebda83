"""The responses of a model with several linear predictors as data of a file, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hierglm.design.table import Table
from hierglm.models import Model
from hierglm.parts import ResponsePart, specify_parts
from hierglm.results.pack import Packer, unpack
from hierglm.results.vetting import check_table

Functions = Mapping[str, Callable[..., Any]]


def pack_responses(model: Model, packer: Packer) -> list[dict[str, Any]]:
    """Return what each response of a model is made from, as JSON.

    Parameters
    ----------
    model : Model
        With several linear predictors.
    packer : Packer
        Takes the tables.
    """
    return [_packed(model, response, packer) for response in model.responses]


def _packed(model: Model, response: Model, packer: Packer) -> dict[str, Any]:
    designs = [m.design for m in model.predictors(response)]
    formulas = [d.formula.source for d in designs]
    return {
        # Categories share one formula.
        "formulas": formulas[:1] if response.family.categories else formulas,
        "family": repr(response.family),
        "name": response.part.response,
        "weight": response.part.weight,
        "table": packer.pack(model.table(response).to_arrays()),
        "weights": packer.pack(designs[0].level_weights),
        "rows": packer.pack({"kept": designs[0].kept, "total": designs[0].total}),
        "notes": [list(d.notes) for d in designs],
        "given": packer.pack({name: x for d in designs for name, x in d.given.items()}),
    }


def unpack_table(said: Any, arrays: Callable[[str], Any]) -> Table:
    """Return a table that a file holds.

    Raises
    ------
    FileError
        For columns of other lengths or kinds than it says.
    """
    description, values = unpack(said, arrays)
    check_table(description, values)
    return Table.from_arrays(description, values)


def unpack_model(
    said: Mapping[str, Any], functions: Functions, arrays: Callable[[str], Any]
) -> Model:
    """Return the model, read and encoded again.

    Parameters
    ----------
    said : mapping
        With "responses", "priors" and "functions".
    functions : mapping
        Functions of the caller's that the formulas may call.
    arrays : callable
        Returns an array by the name of its member.
    """
    asked = [
        ResponsePart(
            tuple(r["formulas"]),
            r["family"],
            unpack_table(r["table"], arrays),
            float(r["weight"]),
            r["name"],
        )
        for r in said["responses"]
    ]
    used = {name: functions[name] for name in said["functions"]}
    given = {n: x for r in said["responses"] for n, x in unpack(r["given"], arrays).items()}
    priors = unpack(said["priors"], arrays)
    weights = unpack(said["responses"][0]["weights"], arrays)
    model = specify_parts(asked, None, priors, functions=used, data2=given, weights=weights or None)
    parts = []
    for response, r in zip(model.responses, said["responses"], strict=True):
        rows = unpack(r["rows"], arrays)
        for m, notes in zip(model.predictors(response), r["notes"], strict=True):
            # Positions and notes are those of the table that the user gave.
            answer = replace(m.design.response, rows=rows["kept"])
            design = replace(m.design, response=answer, notes=tuple(notes), **rows)
            parts.append(replace(m, design=design))
    return replace(model, design=parts[0].design, parts=tuple(parts))
