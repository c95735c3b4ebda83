"""Which models can be fitted without their rows; the others say so before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hierglm.errors import SettingsError
from hierglm.families import Family
from hierglm.streaming.sources import Source

_BYTES_A_ROW = 300
"""Of a fit by rows, with some ten columns: table, design, program's data and autodiff."""
_ROWS = 10_000_000
"""Rows from which a gradient by rows takes about a second, and a fit hours."""


def refuse_rows(source: Source, family: Family, plan: Any, data2: Mapping[str, Any] | None) -> None:
    """Refuse a model whose program needs rows.

    Parameters
    ----------
    source : Source
    family : Family
    plan : str or mapping
        As it was asked for.
    data2 : mapping or None
        What the caller gave beside the table.

    Raises
    ------
    SettingsError
        Says what would fit.
    """
    asked = plan.get("response") if isinstance(plan, Mapping) else plan
    if family.name == "gaussian" and family.link.name == "identity":
        if asked in ("textbook", "rows"):
            raise SettingsError(
                f"plan={plan!r} is written by rows, and those of {source.name} are read in "
                "batches: leave the plan to 'auto'"
            )
        if data2:
            raise SettingsError("data2 is for levels that depend on each other, which need rows "
                                "in memory")  # fmt: skip
        return
    rows = source.count()
    many = "its rows" if rows is None else f"all {rows:,} rows"
    size = "" if rows is None else f", about {rows * _BYTES_A_ROW / 2**30:,.1f} GB"
    share = ""
    if rows is not None and rows > _ROWS:
        width = (rows / _ROWS) ** 0.5
        share = f" (of {_ROWS:,} rows intervals are {width:,.1f} times as wide)"
    raise SettingsError(
        f"family {family!r} needs {many} in memory{size}; it becomes infeasible at about "
        f"{_ROWS:,}. What fits: family='gaussian', which needs sums only; a sample of the "
        f"rows{share}; or equal rows counted beforehand (round continuous columns): "
        "y | weights(n), or successes | trials(n)"
    )
