"""What is left out together: single rows, or all rows of a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.table import Column
from hierglm.errors import DataError, SettingsError, suggest

Ints = NDArray[np.int64]

ROW = "row"


@dataclass(frozen=True, slots=True)
class Units:
    """The units of a design.

    Attributes
    ----------
    name : str
        "row", or the grouping factor or column whose levels they are.
    labels : ndarray, shape (units,)
        The positions of rows in the caller's table, or the levels.
    of_rows : ndarray of int, shape (rows,)
        The unit of each row.
    """

    name: str
    labels: NDArray[Any]
    of_rows: Ints

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def single(self) -> bool:
        """Whether each row is a unit."""
        return self.name == ROW

    @property
    def noun(self) -> str:
        """What they are called, several of them."""
        return "rows" if self.single else f"levels of {self.name}"

    def rows(self) -> list[Ints]:
        """Return the rows of each unit."""
        order = np.argsort(self.of_rows, kind="stable")
        ends = np.cumsum(np.bincount(self.of_rows, minlength=len(self)))
        return np.split(order, ends[:-1])


def units_of(design: Design, name: str | None, argument: str = "unit") -> Units:
    """Return the units of some name.

    Parameters
    ----------
    design : Design
    name : str or None
        A grouping factor, or a column that the fit has used; None for rows.
    argument : str
        What the caller calls it, for messages.

    Raises
    ------
    SettingsError
        A name that there is not.
    DataError
        Rows that belong to several levels.
    """
    if name is None or name == ROW:
        return Units(ROW, design.kept, np.arange(design.rows))
    groupings = {g.group: g for g in reversed(design.groups)}
    if name in groupings:
        found = groupings[name]
        if found.relation.members is not None:
            raise DataError(
                f"{argument}={name!r}: rows belong to several of its levels ({found.source}), so "
                "that no level can be left out alone; leave rows out, or give a column"
            )
        return _named(name, found.levels, found.index)
    known = [*groupings, *(n for n in design.table.columns if n not in groupings)]
    if name not in known:
        raise SettingsError(
            f"{argument}: the fit has no grouping factor or column {name!r}{suggest(name, known)}"
        )
    return _named(name, *_levels(design.table.column(name)))


def united(of: Sequence[Units]) -> list[Units]:
    """Return units of several responses on the levels of all, which are then the same units."""
    labels = list(dict.fromkeys(label for units in of for label in units.labels.tolist()))
    every = np.empty(len(labels), dtype=object)
    every[:] = labels
    place = {label: k for k, label in enumerate(labels)}
    moved = [np.array([place[x] for x in units.labels.tolist()], np.int64) for units in of]
    return [
        Units(units.name, every, at[units.of_rows]) for units, at in zip(of, moved, strict=True)
    ]


def _named(name: str, levels: NDArray[Any], index: Ints) -> Units:
    """Return units without those that have no rows."""
    used, of_rows = np.unique(index, return_inverse=True)
    return Units(name, levels[used], of_rows.reshape(-1))


def _levels(column: Column) -> tuple[NDArray[Any], Ints]:
    if column.levels is not None:
        levels = np.empty(len(column.levels), dtype=object)
        levels[:] = column.levels
        return levels, column.values.astype(np.int64)
    values, index = np.unique(column.values, return_inverse=True)
    return values.astype(np.int64) if column.whole else values, index.reshape(-1)
