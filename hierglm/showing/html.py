"""Results as HTML for notebooks and reports: no scripts, every label escaped, light or dark.

Colours come from the page: ``currentColor`` and translucent grey read well on any background.
Styles stand on the elements themselves, so that none leaks into a notebook.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from hierglm.showing.said import Fold, Grid, Said
from hierglm.showing.width import printable

_BELOW = "vertical-align:bottom;border-bottom:1px solid rgba(128,128,128,.5)"
_STYLES = {
    "table": "border-collapse:collapse;margin:.6em 0;font-variant-numeric:tabular-nums",
    "number": "text-align:right;padding:.1em .7em;white-space:pre;font-weight:normal",
    "label": "text-align:left;padding:.1em .7em .1em 0;font-weight:normal",
    "inset": "text-align:left;padding:.1em .7em .1em 1.6em;font-weight:normal",
    "head": f"text-align:left;padding:.1em .7em .1em 0;{_BELOW}",
    "title": f"text-align:left;padding:.7em .7em .1em 0;{_BELOW}",
    "column": f"text-align:right;padding:.1em .7em;{_BELOW}",
    "wide": "overflow-x:auto",
    "trouble": "border-left:3px solid #d55e00;padding-left:.7em",
    "code": "white-space:pre;overflow-x:auto;margin:.4em 0",
}


def safe(text: object) -> str:
    r"""Return text that a page shows as it is: markup escaped, control characters written out.

    Examples
    --------
    >>> safe('<b> & "c"\n')
    '&lt;b&gt; &amp; &quot;c&quot;\\n'
    """
    return escape(printable(text), quote=True)


def html_grids(grids: Sequence[Grid], *, styled: bool = True) -> str:
    """Return tables of texts as HTML; those with the same columns align in one table.

    Parameters
    ----------
    grids : sequence of Grid
        Of data frames see `hierglm.showing.said.grid`.
    styled : bool
        Styles on the elements; without, classes alone (hierglm-table, -head, -title, -column,
        -label, -inset, -number, -wide), for a page that has a style sheet.

    Returns
    -------
    str
        Each ``<table>...</table>`` within a ``<div>`` that scrolls where it is too wide.

    Examples
    --------
    >>> page = html_grids([Grid(("level", "n"), (("<A>",), ("3",)), (False, True))], styled=False)
    >>> '<th scope="row" dir="auto" class="hierglm-label">&lt;A&gt;</th>' in page
    True
    """
    tables = []
    # A table without a title begins anew: its first column has a name of its own.
    for _, some in groupby(grids, key=lambda g: g.names[1:] if g.title else object()):
        rows = "".join(row for k, g in enumerate(some) for row in _rows(g, not k, styled))
        table = f"<table{_look('table', styled)}><tbody>{rows}</tbody></table>"
        tables.append(f"<div{_look('wide', styled)}>{table}</div>")
    return "".join(tables)


def set_html(said: Said) -> str:
    """Return what an object says of itself as HTML.

    Parameters
    ----------
    said : Said
    """
    tag = "code" if said.formula else "strong"
    facts = "".join(f"<div>{safe(fact)}</div>" for fact in said.facts)
    legend = f"<div><small>{safe(said.legend)}</small></div>" if said.legend else ""
    words = "".join(f"<div>{safe(sentence)}</div>" for sentence in said.words)
    if words:
        words = f"<div{'' if said.healthy else _look('trouble', True)}>{words}</div>"
    notes = "".join(f"<div>Note: {safe(note)}</div>" for note in said.notes)
    folds = "".join(map(_fold, said.folds))
    return (
        f'<div class="hierglm"><div><{tag}>{safe(said.head)}</{tag}></div>{facts}'
        f"{html_grids(said.grids)}{legend}{words}{notes}{folds}</div>"
    )


def _rows(of: Grid, first: bool, styled: bool) -> Iterator[str]:
    columns = list(zip(of.names, of.numeric, strict=True))
    if first:
        kinds = [("column" if numeric else "head") for _, numeric in columns]
        heads = [safe(name) for name, _ in columns]
        if of.title:
            kinds[0], heads[0] = "title", safe(of.title)
        cells = (
            f'<th scope="col"{_look(kind, styled)}>{head}</th>'
            for kind, head in zip(kinds, heads, strict=True)
        )
        yield f"<tr>{''.join(cells)}</tr>"
    elif of.title:
        yield (
            f'<tr><th scope="rowgroup" colspan="{len(columns)}"'
            f"{_look('title', styled)}>{safe(of.title)}</th></tr>"
        )
    stub = "inset" if of.title else "label"
    for row in of.rows:
        cells = (
            _cell(text, numeric, stub if not k else "label", k == 0, styled)
            for k, (text, (_, numeric)) in enumerate(zip(row, columns, strict=True))
        )
        yield f"<tr>{''.join(cells)}</tr>"
    if of.more:
        yield (f'<tr><td colspan="{len(columns)}"{_look(stub, styled)}>({safe(of.more)})</td></tr>')


def _cell(text: str, numeric: bool, kind: str, first: bool, styled: bool) -> str:
    if numeric:
        # Padding behind is as wide as digits, so that points stay in line.
        shown = safe(text.lstrip(" ")).replace(" ", "&#8199;")
        return f"<td{_look('number', styled)}>{shown}</td>"
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    return f'<{tag}{scope} dir="auto"{_look(kind, styled)}>{safe(text)}</{tag}>'


def _fold(fold: Fold) -> str:
    if isinstance(fold.content, Grid):
        inside = html_grids([fold.content])
    else:
        # Line by line: here, and here alone, the ends of lines are ours.
        lines = "\n".join(safe(line) for line in fold.content.split("\n"))
        inside = f"<pre{_look('code', True)}>{lines}</pre>"
    return f"<details><summary>{safe(fold.title)}</summary>{inside}</details>"


def _look(kind: str, styled: bool) -> str:
    return f' style="{_STYLES[kind]}"' if styled else f' class="hierglm-{kind}"'
