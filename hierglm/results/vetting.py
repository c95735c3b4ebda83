"""What a file says, held against what our values may hold: types, shapes, sizes."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.stored import StoredVariable
from hierglm.errors import FileError
from hierglm.plan.forms import Plan

_KINDS = {"number": "fi", "boolean": "f", "category": "i", "datetime": "i"}
"""Kinds of columns, and what NumPy calls the numbers that hold them."""


def vetted(kind: Any, held: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to become a record of ours, if each field holds what it may.

    Parameters
    ----------
    kind : type
        A dataclass.
    held : mapping
        Values by name of field, not necessarily of all fields.

    Raises
    ------
    FileError
        A field that there is not, or a value of another type than its annotation.
    """
    hints = _hints(kind)
    for name, value in held.items():
        if name not in hints:
            raise FileError(f"damaged file: {kind.__name__} has no {str(name)[:40]!r}")
        if not fits(value, hints[name]):
            raise FileError(f"damaged file: {name} of {kind.__name__} cannot be {_shown(value)}")
    return dict(held)


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value is as an annotation says.

    Parameters
    ----------
    value : object
    hint : object
        Of the kinds that our records are annotated with; of others everything fits.

    Examples
    --------
    >>> fits(("a", 1), tuple[str, int]), fits((1, "a"), tuple[str, ...])
    (True, False)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, str):
        return True
    if (alias := getattr(origin, "__value__", None)) is not None:
        # Since NumPy 2.5 NDArray is a name for a type, not the type.
        return fits(value, alias[arguments])
    if isinstance(hint, TypeVar):
        return not hint.__constraints__ or isinstance(value, hint.__constraints__)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str | int) and value in arguments
    if origin is np.ndarray or hint is np.ndarray:
        return isinstance(value, np.ndarray) and _numbers_fit(value, arguments)
    if origin is tuple:
        return isinstance(value, tuple) and _items_fit(value, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(k, arguments[0]) and fits(v, arguments[1]) for k, v in value.items()
        )
    if isinstance(origin, type) and issubclass(origin, Iterable):
        whole = isinstance(value, tuple | list | np.ndarray)
        return whole and (arguments[0] is Any or all(fits(v, arguments[0]) for v in value))
    return _simple(value, origin or hint)


def check_draws(draws: Draws) -> None:
    """Refuse draws whose arrays have not the shapes that chains, draws and labels ask for.

    Raises
    ------
    FileError
        Names the quantity.
    """
    shapes = {np.shape(s) for s in draws.stats.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes)):
        raise FileError("damaged file: the statistics of the chains are of different sizes")
    (shape,) = shapes
    for name, variable in draws.variables.items():
        if name != variable.name:
            raise FileError(f"damaged file: draws of {_shown(variable.name)} under another name")
        _check_variable(variable, shape)


def check_plan(plan: Plan) -> None:
    """Refuse a plan with more or fewer group terms, or linear predictors, than its model.

    Raises
    ------
    FileError
    """
    groups, parts = len(plan.model.design.groups), len(plan.model.parts)
    wanted = groups if not parts else len(plan.groups)
    if len(plan.groups) != wanted or len(plan.parts) != parts:
        raise FileError(
            f"damaged file: its plan is for {len(plan.groups)} group terms, its model has {groups}"
        )


def check_table(description: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Refuse a table whose columns are not all of its length and of their kind.

    Parameters
    ----------
    description, arrays : mapping
        What `hierglm.design.table.Table.to_arrays` returned.

    Raises
    ------
    FileError
        Names the column.
    """
    rows = description["rows"]
    for item in description["columns"]:
        values, levels = arrays[item["array"]], item["levels"]
        name = item["name"]
        right = (
            isinstance(name, str)
            and not any("\ud800" <= c <= "\udfff" for c in name)
            and isinstance(values, np.ndarray)
            and values.shape == (rows,)
            and values.dtype.kind in _KINDS.get(item["kind"], "")
            and (levels is not None) == (item["kind"] == "category")
            and (item["unit"] is not None) == (item["kind"] == "datetime")
        )
        if right and levels is not None and rows:
            right = int(values.min()) >= -1 and int(values.max()) < len(levels)
        if not right:
            raise FileError(f"damaged file: its column {_shown(name)} is no column of {rows} rows")


def check_seconds(seconds: float) -> None:
    """Refuse a time that no fit takes.

    Raises
    ------
    FileError
    """
    if not 0 <= seconds < math.inf:
        raise FileError(f"damaged file: a fit that took {seconds} s")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {name: found[name] for name in kind.__dataclass_fields__}


def _check_variable(variable: Variable, shape: tuple[int, ...]) -> None:
    values = _shape(variable, shape)
    if values != (*shape, *variable.shape):
        raise FileError(
            f"damaged file: the draws of {_shown(variable.name)} have shape {values}, "
            f"and their labels ask for {(*shape, *variable.shape)}"
        )
    dims = _DIMENSIONS.get(variable.effect, len(variable.dims))
    pairs = variable.effect in ("ran_cor", "ran_loading")
    if len(variable.dims) < dims or (pairs and not all(map(_is_pair, variable.dims[0][1]))):
        raise FileError(f"damaged file: the labels of {_shown(variable.name)} name no terms")


_DIMENSIONS = {"fixed": 1, "ran_sd": 1, "ran_cor": 1, "ran_loading": 1, "ran_vals": 2,
               "ran_coefs": 2}  # fmt: skip
"""How many dimensions with labels variables have at least, by effect."""


def _is_pair(label: Any) -> bool:
    return fits(label, tuple[str, str])


def _shape(variable: Variable, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the draws; those on disk were checked when they were found."""
    if isinstance(variable, StoredVariable):
        return (*shape, *variable.shape)
    return np.shape(variable.values)


def _items_fit(value: Sequence[Any], arguments: tuple[Any, ...]) -> bool:
    if len(arguments) == 2 and arguments[1] is ...:
        return arguments[0] is Any or all(fits(v, arguments[0]) for v in value)
    return len(value) == len(arguments) and all(map(fits, value, arguments))


def _numbers_fit(value: Any, arguments: tuple[Any, ...]) -> bool:
    wanted = get_args(arguments[1])[0] if len(arguments) > 1 and get_args(arguments[1]) else Any
    return wanted is Any or value.dtype.kind == np.dtype(wanted).kind


def _simple(value: Any, hint: Any) -> bool:
    if hint is None or hint is types.NoneType:
        return value is None
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"
