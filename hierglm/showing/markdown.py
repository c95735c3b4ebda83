r"""What an object says of itself as Markdown: tables with pipes, as GitHub and pandoc read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hierglm.showing.said import Grid, Said
from hierglm.showing.width import printable

_SPECIAL = re.compile(r"([\\`*{}\[\]|~$^]|(?<!\w)_|_(?!\w))")
_FIRST = re.compile(r"^(\d*)([-+#=.)])(?=[-#=\s]|$)")
"""What begins something in one of the dialects, anywhere and at the beginning of a line; a
backslash makes each of them itself."""


def safe_markdown(text: object) -> str:
    r"""Return text that Markdown shows as it is.

    Examples
    --------
    >>> print(safe_markdown("a_b | _c_ <i>"))
    a_b \| \_c\_ &lt;i&gt;
    """
    shown = _FIRST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", printable(text)))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def set_markdown(said: Said) -> str:
    """Return what an object says of itself as Markdown; parts to unfold are left out.

    Parameters
    ----------
    said : Said
    """
    parts = [code(said.head) if said.formula else f"**{safe_markdown(said.head)}**"]
    parts += ["\n".join(f"- {safe_markdown(fact)}" for fact in said.facts)]
    parts += [markdown_grid(grid) for grid in said.grids]
    parts += [safe_markdown(said.legend), *map(safe_markdown, said.words)]
    parts += [f"Note: {safe_markdown(note)}" for note in said.notes]
    return "\n\n".join(part for part in parts if part)


def markdown_grid(grid: Grid) -> str:
    """Return a table of texts as Markdown.

    Parameters
    ----------
    grid : Grid

    Examples
    --------
    >>> print(markdown_grid(Grid(("term", "n"), (("x",), ("3",)), (False, True))))
    | term | n |
    |:---|---:|
    | x | 3 |
    """
    return "\n\n".join(_parts(grid))


def code(text: str) -> str:
    """Return text as code within a line: between as many backticks as it takes."""
    shown = printable(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    # A blank on either side is not shown, and keeps backticks at the ends apart.
    room = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{room}{shown}{room}{fence}"


def _parts(grid: Grid) -> Iterator[str]:
    if grid.title:
        yield f"**{safe_markdown(grid.title)}**"
    lines = [
        _line(grid.names),
        "|" + "|".join("---:" if n else ":---" for n in grid.numeric) + "|",
        *map(_line, grid.rows),
    ]
    yield "\n".join(lines)
    if grid.more:
        yield f"({safe_markdown(grid.more)})"


def _line(texts: tuple[str, ...]) -> str:
    return f"| {' | '.join(safe_markdown(text.strip()) for text in texts)} |"
