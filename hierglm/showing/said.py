"""What an object says of itself, as values: sentences, tables of texts, parts to unfold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hierglm.showing.numbers import ess, fixed, places, rhat, significant

if TYPE_CHECKING:
    import pandas as pd

Format = str | Callable[[Any], str]

_INTERVAL = ("estimate", "std_error", "conf_low", "conf_high", "mean")
"""Columns that are worth as many decimals as the row's standard error tells."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts.

    Attributes
    ----------
    names : tuple of str
        Heads of the columns.
    columns : tuple of tuple of str
        One for each name, all of one length; numbers are padded so that their points align.
    numeric : tuple of bool
        Which columns hold numbers.
    title : str
        What it is about, or "".
    more : str
        What is said below of rows left out, or "".
    """

    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    title: str = ""
    more: str = ""

    @property
    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows, one after the other."""
        return zip(*self.columns, strict=True)


@dataclass(frozen=True, slots=True)
class Fold:
    """A long part that a page unfolds when asked, and a text leaves out.

    Attributes
    ----------
    title : str
        What it is.
    content : Grid or str
        A table; or lines, such as those of a program.
    """

    title: str
    content: Grid | str


@dataclass(frozen=True, slots=True)
class Said:
    """All that an object says of itself.

    Attributes
    ----------
    head : str
        What it is, in a line.
    facts : tuple of str
        A line each.
    grids : tuple of Grid
        Tables.
    legend : str
        What their columns are.
    words : tuple of str
        Sentences about the numbers.
    healthy : bool
        Whether the numbers can be trusted.
    notes : tuple of str
        What was done without being asked.
    folds : tuple of Fold
        What only pages show.
    formula : bool
        Whether the head is a formula, which is set as code.
    """

    head: str
    facts: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    legend: str = ""
    words: tuple[str, ...] = ()
    healthy: bool = True
    notes: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()
    formula: bool = False


def grid(
    frame: pd.DataFrame,
    *,
    title: str = "",
    formats: Mapping[str, Format] | None = None,
    rows: int | None = None,
    more: str = "",
) -> Grid:
    """Return a data frame as texts: as many digits as its numbers are worth.

    Estimates and ends of intervals have the decimals that the row's std_error gives them
    (`hierglm.showing.numbers.places`); R-hat has three, rounded up; other numbers have three
    significant digits. Columns with nothing but "" are left out, and so is the index.

    Parameters
    ----------
    frame : DataFrame
    title : str
        See `Grid`.
    formats : mapping of str to str or callable, optional
        By column, in place of the above: ``{"weight": ".2f"}``.
    rows : int, optional
        Show at most so many.
    more : str
        Where to read those left out.

    Returns
    -------
    Grid

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"term": ["x", "z"], "estimate": [1.2345, 10], "std_error": [0.1, 2]})
    >>> grid(frame).columns
    (('x', 'z'), (' 1.23', '10.0 '), ('0.10', '2.0 '))
    """
    left = len(frame) - rows if rows is not None and len(frame) > rows else 0
    if left:
        frame = frame.iloc[:rows]
    formats = formats or {}
    decimals = _decimals(frame)
    names, columns, numeric = [], [], []
    for place, name in enumerate(map(str, frame.columns)):
        values = frame.iloc[:, place].tolist()
        if values and all(isinstance(v, str) and not v for v in values):
            continue
        names.append(name)
        columns.append(_texts(name, values, formats.get(name), decimals))
        numeric.append(all(_number(v) for v in values))
    said = f"{left:,} more: {more}" if more else f"{left:,} more"
    return Grid(tuple(names), tuple(columns), tuple(numeric), title, said if left else "")


def _decimals(frame: pd.DataFrame) -> Sequence[int] | None:
    """Return how many decimals each row is worth, where its standard error is known."""
    if "std_error" not in frame or not all(map(_number, frame["std_error"])):
        return None
    count = len(frame)
    worth = frame["ess_bulk"].tolist() if "ess_bulk" in frame else [np.inf] * count
    errors = frame["std_error"].tolist()
    # Draws of no chain have no effective sample size.
    return [places(s, e if np.isfinite(e) else np.inf) for s, e in zip(errors, worth, strict=True)]


def _texts(
    name: str, values: list[Any], own: Format | None, decimals: Sequence[int] | None
) -> tuple[str, ...]:
    numeric = all(map(_number, values))
    if own is not None:
        return _flush([own(v) if callable(own) else format(v, own) for v in values], numeric)
    if not numeric or all(isinstance(v, int) for v in values):
        return _flush(["" if v is None else str(v) for v in values], numeric)
    if name == "rhat" or name.startswith("ess"):
        return tuple(map(rhat if name == "rhat" else ess, values))
    if name in _INTERVAL and decimals is not None:
        return tuple(fixed(values, decimals))
    return tuple(fixed(values, [significant(v) for v in values]))


def _flush(texts: list[str], numeric: bool) -> tuple[str, ...]:
    room = max(map(len, texts), default=0)
    return tuple(t.rjust(room) for t in texts) if numeric else tuple(texts)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
