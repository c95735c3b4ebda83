"""What an object says of itself as text, for terminals and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hierglm.showing.said import Grid, Said
from hierglm.showing.width import left, printable, shorten, width, wrap

COLUMNS = 80
_GAP = "  "
_LEAST = 8
"""So many columns are left of a label, however little room there is."""


def set_text(said: Said, columns: int = COLUMNS) -> str:
    """Return what an object says of itself as text; parts to unfold are left out.

    Parameters
    ----------
    said : Said
    columns : int
        Width to fit into.

    Examples
    --------
    >>> print(set_text(Said("two fits", ("of 10 rows",), words=("Both are well.",))))
    two fits
      of 10 rows
    <BLANKLINE>
    Both are well.
    """
    blocks = [[*wrap(printable(said.head), columns, indent="  ")]]
    for fact in said.facts:
        first, *rest = wrap(printable(fact), columns - 2)
        blocks[0] += [f"  {first}", *(f"    {line}" for line in rest)]
    blocks += [list(grid_lines(grid, columns)) for grid in said.grids]
    if said.legend:
        blocks[-1] += wrap(said.legend, columns)
    words = [*said.words, *(f"Note: {note}" for note in said.notes)]
    blocks.append([line for w in words for line in wrap(printable(w), columns, indent="  ")])
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def grid_lines(grid: Grid, columns: int = COLUMNS) -> Iterator[str]:
    """Yield the lines of a table: labels to the left, numbers to the right.

    Parameters
    ----------
    grid : Grid
    columns : int
        Labels are shortened in the middle until the table fits into so many.
    """
    heads = [printable(name) for name in grid.names]
    cells = [[printable(text) for text in column] for column in grid.columns]
    rooms = [max(map(width, [h, *c])) for h, c in zip(heads, cells, strict=True)]
    rooms = _fitted(rooms, grid.numeric, columns)
    if grid.title:
        yield printable(grid.title)
    for line in (heads, *zip(*cells, strict=True)):
        texts = [
            _right(text, room) if numeric else left(text, room)
            for text, room, numeric in zip(line, rooms, grid.numeric, strict=True)
        ]
        yield _GAP.join(texts).rstrip()
    if grid.more:
        yield f"({printable(grid.more)})"


def _fitted(rooms: Sequence[int], numeric: Sequence[bool], columns: int) -> list[int]:
    """Return the rooms of columns, the widest labels narrowed first."""
    rooms = list(rooms)
    labels = [k for k, n in enumerate(numeric) if not n]
    over = sum(rooms) + len(_GAP) * (len(rooms) - 1) - columns
    while over > 0 and labels:
        widest = max(labels, key=lambda k: rooms[k])
        if rooms[widest] <= _LEAST:
            break
        rooms[widest] -= 1
        over -= 1
    return rooms


def _right(text: str, room: int) -> str:
    short = shorten(text, room)
    return " " * (room - width(short)) + short
