"""What the data of a fit look like: responses, predictors, grouping factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.design.reduced import Counted, Reduced, counted_median
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
        Of the response, the first of its predictors. Of rows that were summed and not kept there
        are means and sds alone; of equal rows that were counted each is as many as it stands for.
    """
    if isinstance(model.design.reduced, Reduced):
        return _summed(model.design, model.design.reduced)
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
    counts = _frequency(model.design)
    if counts is not None:
        return _numbers(list(found), [_of_counted(x, counts) for x in found.values()])
    rows = [
        (x.mean(), x.std(ddof=1) if len(x) > 1 else np.nan, x.min(), np.median(x), x.max())
        for x in found.values()
    ]
    return _numbers(list(found), rows)


def _summed(design: Design, sums: Reduced) -> Grid:
    names = [design.response.label, *design.common.labels]
    means, sds = [sums.mean_y, *sums.means], [sums.sd_y, *sums.sds]
    return _numbers(names, list(zip(means, sds, strict=True)))


def _of_counted(x: Floats, counts: Floats) -> tuple[float, ...]:
    rows, mean = counts.sum(), float(np.average(x, weights=counts))
    sd = np.sqrt(counts @ (x - mean) ** 2 / (rows - 1)) if rows > 1 else np.nan
    return mean, float(sd), float(x.min()), counted_median(x, counts), float(x.max())


def _frequency(design: Design) -> Floats | None:
    """Return how many rows each of the rows stands for, where equal ones were counted."""
    return design.reduced.frequency if isinstance(design.reduced, Counted) else None


def _numbers(names: Sequence[str], rows: Sequence[Sequence[float]]) -> Grid:
    """Return a table with as many of mean, sd, ... as each of the rows has."""
    texts: list[tuple[str, ...]] = [tuple(names)]
    titles = _NUMBERS[: len(rows[0])] if rows else _NUMBERS
    for k in range(len(titles)):
        values = [float(row[k]) for row in rows]
        texts.append(tuple(fixed(values, [significant(v) for v in values])))
    return Grid(("column", *titles), tuple(texts), (False, *(True for _ in titles)))


def category_columns(model: Model) -> Iterator[Grid]:
    """Yield how many rows each category has: of the response, and of other columns.

    Parameters
    ----------
    model : Model
        Of the response, the first of its predictors; of rows that were summed and not kept
        there are no such counts.
    """
    if isinstance(model.design.reduced, Reduced):
        return
    response, many = model.design.response, _frequency(model.design)
    if response.levels is not None:
        yield _counts(response.label, response.levels, response.values.astype(np.int64), many)
    table = model.design.table
    groups = {name for g in model.design.formula.groups for f in g.by for name in f.names}
    for name in table.columns:
        column = table.column(name)
        if column.levels is not None and name not in groups and name != response.label:
            yield _counts(name, column.levels, column.values, many)


def _counts(
    name: str, levels: Sequence[object], places: NDArray[np.int64], many: Floats | None
) -> Grid:
    whole = np.bincount(places, weights=many, minlength=len(levels)).astype(np.int64)
    counts = whole[:_MOST]
    texts = [f"{n:,}" for n in counts]
    shares = [f"{100 * n / whole.sum():.1f}%" for n in counts]
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
        for k, grouping in enumerate(each.design.groups):
            counts = _rows_within(each.design, k)
            name = grouping.group
            found[name] = counts if name not in found else np.maximum(counts, found[name])
    numbers = [(len(c), c.min(), float(np.median(c)), c.max()) for c in found.values()]
    columns = [tuple(found)]
    for k in range(4):
        texts = [f"{row[k]:,.10g}" for row in numbers]
        columns.append(tuple(t.rjust(max(map(len, texts))) for t in texts))
    names = ("grouping factor", "levels", "fewest rows", "median", "most rows")
    return Grid(names, tuple(columns), (False, True, True, True, True))


def _rows_within(design: Design, k: int) -> NDArray[np.int64]:
    """Return how many rows each level of a group term has, of all rows that were read."""
    grouping, reduced = design.groups[k], design.reduced
    if isinstance(reduced, Reduced):
        return reduced.groups[k].rows
    if isinstance(reduced, Counted):
        found = np.bincount(grouping.index, reduced.frequency, len(grouping.levels))
        return found.astype(np.int64)
    return rows_of_levels(grouping)


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
