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
    if family.exponential is not None and not data2:
        if asked == "textbook":
            raise SettingsError(
                f"plan={plan!r} is written by rows, and those of {source.name} are read in "
                "batches: leave the plan to 'auto'"
            )
        return
    raise infeasible(source.name, source.count(), f"family {family!r}")


def infeasible(source: str, rows: int | None, what: str) -> SettingsError:
    """Return the error that says what would fit in the place of something that needs all rows.

    Parameters
    ----------
    source : str
        Where the rows are.
    rows : int or None
        How many, where that is known.
    what : str
        What needs them.
    """
    many = f"the rows of {source}" if rows is None else f"all {rows:,} rows of {source}"
    size = "" if rows is None else f", about {rows * _BYTES_A_ROW / 2**30:,.2g} GB"
    if rows is not None and rows <= _ROWS:
        size += "; so many can be read, and the table be given in place of its source"
    share = ""
    if rows is not None and rows > _ROWS:
        width = (rows / _ROWS) ** 0.5
        share = f" (of {_ROWS:,} rows intervals are {width:,.1f} times as wide)"
    return SettingsError(
        f"{what} needs {many} in memory{size}. It becomes infeasible at about {_ROWS:,}. What "
        f"fits: family='gaussian', which needs sums only; a sample of the rows{share}; or, of "
        "'bernoulli', 'binomial' and 'poisson', columns of few values (round them), so that equal "
        "rows are counted"
    )
