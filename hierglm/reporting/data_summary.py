"""What the data of a fit look like: responses, predictors, grouping factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.models import Model
from hierglm.showing.numbers import fixed, significant
from hierglm.showing.said import Grid

Floats = NDArray[np.float64]

_MOST = 12
"""Categories whose rows are counted one by one."""
_NUMBERS = ("mean", "sd", "min", "median", "max")


def numeric_columns(model: Model) -> Grid:
    """Return response and numeric columns of one response's rows: mean, sd, quantiles.

    Parameters
    ----------
    model : Model
        Of the response, the first of its predictors.
    """
    response, found = model.design.response, {}
    if response.levels is None:
        found[response.label] = response.values
        if response.trials is not None:
            found[f"trials of {response.label}"] = response.trials
    table = model.design.table
    groups = {name for g in model.design.formula.groups for f in g.by for name in f.names}
    for name in table.columns:
        column = table.column(name)
        if name not in found and name not in groups and column.kind in ("number", "boolean"):
            found[name] = np.asarray(column.values, dtype=np.float64)
    return _summaries(list(found), list(found.values()))


def _summaries(names: Sequence[str], columns: Sequence[Floats]) -> Grid:
    rows = [
        (x.mean(), x.std(ddof=1) if len(x) > 1 else np.nan, x.min(), np.median(x), x.max())
        for x in columns
    ]
    texts: list[tuple[str, ...]] = [tuple(names)]
    for k in range(len(_NUMBERS)):
        values = [float(row[k]) for row in rows]
        texts.append(tuple(fixed(values, [significant(v) for v in values])))
    return Grid(("column", *_NUMBERS), tuple(texts), (False, *(True for _ in _NUMBERS)))


def category_columns(model: Model) -> Iterator[Grid]:
    """Yield how many rows each category has: of the response, and of other columns.

    Parameters
    ----------
    model : Model
        Of the response, the first of its predictors.
    """
    response = model.design.response
    if response.levels is not None:
        yield _counts(response.label, response.levels, response.values.astype(np.int64))
    table = model.design.table
    groups = {name for g in model.design.formula.groups for f in g.by for name in f.names}
    for name in table.columns:
        column = table.column(name)
        if column.levels is not None and name not in groups and name != response.label:
            yield _counts(name, column.levels, column.values)


def _counts(name: str, levels: Sequence[object], places: NDArray[np.int64]) -> Grid:
    counts = np.bincount(places, minlength=len(levels))[:_MOST]
    texts = [f"{n:,}" for n in counts]
    shares = [f"{100 * n / len(places):.1f}%" for n in counts]
    room = max(map(len, texts), default=0), max(map(len, shares), default=0)
    columns = (
        tuple(map(str, levels[:_MOST])),
        tuple(t.rjust(room[0]) for t in texts),
        tuple(s.rjust(room[1]) for s in shares),
    )
    more = f"{len(levels) - _MOST:,} more categories" if len(levels) > _MOST else ""
    return Grid(("", "rows", "share"), columns, (False, True, True), name, more)


def grouping_factors(model: Model) -> Grid:
    """Return how many levels each grouping factor has, and how many rows these have.

    Parameters
    ----------
    model : Model
        All that is fitted together.
    """
    found: dict[str, NDArray[np.int64]] = {}
    for each in model.parts or (model,):
        if each.part.dpar:
            continue
        for grouping in each.design.groups:
            counts = rows_of_levels(grouping)
            name = grouping.group
            found[name] = counts if name not in found else np.maximum(counts, found[name])
    numbers = [(len(c), c.min(), float(np.median(c)), c.max()) for c in found.values()]
    columns = [tuple(found)]
    for k in range(4):
        texts = [f"{row[k]:,.10g}" for row in numbers]
        columns.append(tuple(t.rjust(max(map(len, texts))) for t in texts))
    names = ("grouping factor", "levels", "fewest rows", "median", "most rows")
    return Grid(names, tuple(columns), (False, True, True, True, True))


def rows_of_levels(grouping: Grouping) -> NDArray[np.int64]:
    """Return how many rows each level has, shape (levels,)."""
    members = grouping.relation.members
    index = grouping.index if members is None else members.ravel()
    return np.bincount(index[index >= 0], minlength=len(grouping.levels))


def kept(model: Model) -> str:
    """Return how many rows of a response were used, in words."""
    design, name = model.design, model.part.response
    before = f"{name}: " if name else ""
    dropped = design.total - design.rows
    left = f"; {dropped:,} of {design.total:,} were left out" if dropped else ", all that there are"
    return f"{before}{design.rows:,} rows{left}."
