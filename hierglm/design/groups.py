"""Grouping factors as integer codes; nothing is ever of size rows x levels."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.table import Column
from hierglm.errors import DataError
from hierglm.formula.terms import Factor

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Codes:
    """The levels of a grouping factor in order, and each row's position among them."""

    levels: NDArray[Any]
    index: Ints


def code(name: str, column: Column) -> Codes:
    """Return levels and index of one column without missing values.

    Numbers sort as numbers, text by code point, categories as declared; levels keep their
    type.

    Parameters
    ----------
    name : str
        For messages.
    column : Column
        Without missing values, and without unused levels.
    """
    import pandas as pd

    if column.kind == "category" and column.levels is not None:
        levels: NDArray[Any] = _objects(column.levels)
        return Codes(levels, column.values)
    values = column.values
    if column.kind == "boolean":
        values = values.astype(bool)
    elif column.kind == "number":
        if np.isinf(values).any():
            raise DataError(f"grouping factor {name!r} has infinite values")
        values = as_integers(values)
    index, levels = pd.factorize(values, sort=True)
    return Codes(np.asarray(levels), index.astype(np.int64))


def as_integers(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers as integers: the levels of a factor are 1 and 2, not 1.0 and 2.0.

    Missing values make floats of integers in some tables and not in others; what stands in a
    column decides, not how it came.
    """
    if values.dtype.kind != "f":
        return values
    whole = bool((values == np.floor(values)).all()) and bool((np.abs(values) < 2**53).all())
    return values.astype(np.int64) if whole else values


def with_whole_levels(values: Any) -> Any:
    """Return ``C(round(x))``, as formulaic has it, with the levels 1 and 2, not 1.0 and 2.0."""
    found = getattr(values, "__formulaic_metadata__", None)
    inner = getattr(values, "__wrapped__", None)
    if found is None or found.kind.value != "categorical" or not _holds_floats(inner):
        return values
    return type(values)(as_integers(np.asarray(inner)), metadata=found)


def _holds_floats(values: Any) -> bool:
    dtype = getattr(values, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "f"


def uncoded(factor: Factor) -> Factor:
    """Return what ``factor(g)`` groups by: ``g``, however its levels would be coded."""
    if factor.kind != "call":
        return factor
    call = ast.parse(factor.expr, mode="eval").body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "C"):
        return factor
    if isinstance(call.args[0], ast.Name):
        return replace(factor, expr=factor.names[0], kind="name")
    return replace(factor, expr=ast.unparse(call.args[0]))


def cross(parts: Sequence[Codes]) -> Codes:
    """Return the combinations of levels that occur, in order, labelled ``"A:1"``.

    Parameters
    ----------
    parts : sequence of Codes
        Of the same rows.
    """
    if len(parts) == 1:
        return parts[0]
    key = parts[0].index
    for part in parts[1:]:
        # Compressed at every step, so that the product of sizes never overflows.
        _, key = np.unique(key * len(part.levels) + part.index, return_inverse=True)
    first = np.zeros(int(key.max()) + 1, dtype=np.int64)
    first[key[::-1]] = np.arange(len(key))[::-1]
    labels = [[_text(x) for x in part.levels[part.index[first]]] for part in parts]
    levels = [":".join(row) for row in zip(*labels, strict=True)]
    return Codes(_objects(levels), key.astype(np.int64))


def find(codes: Codes, levels: NDArray[Any]) -> Ints:
    """Return the position in `levels` of each row of `codes`, -1 where it is not there."""
    place = {level: i for i, level in enumerate(levels.tolist())}
    known = np.array([place.get(level, -1) for level in codes.levels.tolist()], dtype=np.int64)
    return known[codes.index]


def extended(levels: NDArray[Any], codes: Codes) -> NDArray[Any]:
    """Return `levels`, followed by those of `codes` that are not among them.

    Levels keep their type; where the new ones have another, all become objects.
    """
    known = set(levels.tolist())
    new = [i for i, level in enumerate(codes.levels.tolist()) if level not in known]
    added = codes.levels[new]
    if added.dtype != levels.dtype:
        return _objects([*levels.tolist(), *added.tolist()])
    return np.concatenate([levels, added])


def _text(level: Any) -> str:
    if isinstance(level, np.datetime64):
        # Midnight without a clock, as people write dates.
        text = str(level.astype("datetime64[s]")).removesuffix("T00:00:00")
    elif isinstance(level, float) and level.is_integer() and abs(level) < 1e15:
        # 1 and 1.0 are one level, whether or not a missing value made the column floats.
        text = str(int(level))
    else:
        text = str(level)
    # Colons of the levels are marked: "a:b" with "c" is not "a" with "b:c".
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    out = np.empty(len(values), dtype=object)
    out[:] = list(values)
    return out
