"""Whether a model made again from its table is the one that was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hierglm.design.design import Design
from hierglm.errors import FileError, clipped
from hierglm.models import Model
from hierglm.showing.width import printable


def identities(model: Model) -> dict[str, Any]:
    """Return what must come back the same of each linear predictor.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict
        Labels, levels, and sums that betray any change, by what they are of.
    """
    if not model.parts:
        return _identity(model.design)
    return {
        f"{k} of predictor {number}": value
        for number, m in enumerate(model.parts, start=1)
        for k, value in _identity(m.design).items()
    }


def _identity(design: Design) -> dict[str, Any]:
    # Of rows that were read in batches some are here.
    weight = np.cos(np.arange(len(design.kept)))
    parts: dict[str, Any] = {
        "response": (design.response.label, design.response.levels),
        "response values": _sums(weight, design.response.values[:, None]),
        "common columns": design.common.labels,
        "common values": _sums(weight, design.common.matrix),
    }
    for k, g in enumerate(design.groups, start=1):
        parts[f"group {k}"] = (g.group, g.terms, g.correlated)
        parts[f"levels of {g.group}, group {k}"] = g.levels
        parts[f"rows of {g.group}, group {k}"] = _sums(weight, g.index[:, None].astype(float))
        parts[f"values of group {k}"] = _sums(weight, g.effects.matrix)
    return parts


def _sums(weight: Any, matrix: Any) -> tuple[float, ...]:
    return tuple(map(float, weight @ matrix))


def compare(found: Mapping[str, Any], stored: Mapping[str, Any], shown: str) -> None:
    """Refuse a design made again that is not the one that was fitted.

    Parameters
    ----------
    found, stored : mapping
        What `identities` returned, now and when the fit was saved.
    shown : str
        The file, as messages call it.

    Raises
    ------
    FileError
        Names the first part that differs.
    """
    for part in {**stored, **found}:
        if part not in found or part not in stored or not _equal(found[part], stored[part]):
            raise FileError(
                f"{shown} cannot be restored: the {clipped(printable(part))} made from its table "
                "differ from those that were fitted; open it with the versions that wrote it"
            )


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        same = isinstance(other, np.ndarray) and one.dtype == other.dtype
        return same and np.array_equal(one, other)
    if isinstance(one, tuple) and one and isinstance(one[0], float):
        # Other processors add in another order.
        return len(one) == len(other) and np.allclose(one, other, rtol=1e-7, atol=1e-7)
    return bool(one == other)
