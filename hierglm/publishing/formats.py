"""Publication tables as text, Markdown, HTML and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hierglm.publishing.model_table import ModelTable
from hierglm.showing.html import safe
from hierglm.showing.latex import escape_latex
from hierglm.showing.markdown import safe_markdown
from hierglm.showing.width import left, printable, shorten, width, wrap

_LINE = "1px solid currentColor"
_STYLES = {
    "table": f"border-collapse:collapse;margin:.6em 0;border-top:{_LINE};"
    f"border-bottom:{_LINE};font-variant-numeric:tabular-nums",
    "head": f"text-align:center;padding:.2em .9em;border-bottom:{_LINE}",
    "title": "text-align:left;padding:.4em .9em .1em 0;font-weight:normal;font-style:italic",
    "label": "text-align:left;padding:.05em .9em .05em 1em;font-weight:normal",
    "foot": "text-align:left;padding:.05em .9em .05em 0;font-weight:normal",
    "cell": "text-align:center;padding:.05em .9em;white-space:nowrap",
    "note": "font-size:smaller",
    "caption": "caption-side:top;text-align:left;padding:.2em 0",
}
_LONGEST = 40
"""Columns that a label has of a text table."""
NEGATIVE = re.compile(r"(?<![\w.])-(?=[\d.])")
"""The hyphen of a negative number, which print sets as a minus sign."""


def as_text(table: ModelTable) -> str:
    """Return the table with its columns aligned by blanks."""
    every = [("", "", table.models), *rows(table)]
    stub = min(_LONGEST, max(width(_indented(kind, label)) for kind, label, _ in every))
    rooms = [
        max(width(printable(cells[j])) for _, _, cells in every if cells)
        for j in range(len(table.models))
    ]
    total = stub + sum(room + 2 for room in rooms)
    out = [*wrap(printable(table.title), total)] if table.title else []
    for number, (kind, label, cells) in enumerate(every):
        if kind == "rule":
            out.append("-" * total)
            continue
        texts = [left(_indented(kind, label), stub)]
        texts += [_centred(printable(c), r) for c, r in zip(cells, rooms, strict=False)]
        out.append("  ".join(texts).rstrip())
        if not number:
            out.append("-" * total)
    out.append("-" * total)
    return "\n".join([*out, *(line for n in table.notes for line in wrap(printable(n), total))])


def as_markdown(table: ModelTable) -> str:
    """Return the table with pipes."""
    heads = " | ".join(map(safe_markdown, table.models))
    out = [f"**{safe_markdown(table.title)}**\n"] if table.title else []
    out += [f"| | {heads} |", f"|:---|{':---:|' * len(table.models)}"]
    for kind, label, cells in rows(table):
        if kind == "rule":
            continue
        stub = f"*{safe_markdown(label)}*" if not cells else safe_markdown(label)
        texts = cells or ("",) * len(table.models)
        out.append(f"| {stub} | {' | '.join(map(safe_markdown, texts))} |")
    return "\n".join([*out, "", *(f"{safe_markdown(note)}\n" for note in table.notes)]).rstrip()


def as_html(table: ModelTable) -> str:
    """Return the table as HTML that reads on light and dark: no scripts, every label escaped."""
    span = f' colspan="{len(table.models) + 1}"'
    heads = "".join(f'<th scope="col"{_look("head")}>{safe(name)}</th>' for name in table.models)
    body, ruled = [], ""
    for kind, label, cells in rows(table):
        if kind == "rule":
            ruled = f";border-top:{_LINE}"
            continue
        if not cells:
            cell = f'<th scope="rowgroup"{span}{_look("title")}>{safe(label)}</th>'
            body.append(f"<tr>{cell}</tr>")
            continue
        look = _look("label" if kind == "line" else "foot", ruled)
        stub = f'<th scope="row" dir="auto"{look}>{safe(label)}</th>'
        texts = (f"<td{_look('cell', ruled)}>{NEGATIVE.sub('−', safe(c))}</td>" for c in cells)
        body.append(f"<tr>{stub}{''.join(texts)}</tr>")
        ruled = ""
    caption = f"<caption{_look('caption')}>{safe(table.title)}</caption>" if table.title else ""
    notes = "".join(f"<div{_look('note')}>{safe(note)}</div>" for note in table.notes)
    return (
        f'<div class="hierglm" style="overflow-x:auto"><table{_look("table")}>{caption}'
        f"<thead><tr><th{_look('head')}></th>{heads}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
        f"{notes}</div>"
    )


def as_latex(table: ModelTable) -> str:
    r"""Return the table for LaTeX with ``\usepackage{booktabs}``.

    Labels outside Latin alphabets need XeLaTeX or LuaLaTeX.
    """
    count = len(table.models) + 1
    out = ["\\begin{table}", "\\centering"]
    out += [f"\\caption{{{_tex(table.title)}}}"] if table.title else []
    out += [f"\\begin{{tabular}}{{l{'c' * (count - 1)}}}", "\\toprule"]
    heads = " & ".join(map(_tex, ("", *table.models)))
    out += [f"{heads} \\\\", "\\midrule"]
    for kind, label, cells in rows(table):
        if kind == "rule":
            out.append("\\midrule")
        elif cells:
            # A line that began with a bracket would be read as an argument of the one before.
            indent = "\\quad " if kind == "line" and label else ""
            texts = " & ".join(NEGATIVE.sub("$-$", _tex(cell)) for cell in cells)
            out.append(f"{indent}{_tex(label)} & {texts} \\\\")
        else:
            out.append(f"\\multicolumn{{{count}}}{{l}}{{\\emph{{{_tex(label)}}}}} \\\\")
    out += ["\\bottomrule", "\\end{tabular}"]
    out += [f"\n\\smallskip\n{{\\footnotesize {_tex(note)}\\par}}" for note in table.notes]
    return "\n".join([*out, "\\end{table}"])


FORMATS: Mapping[str, Callable[[ModelTable], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
    "latex": as_latex,
}


def rows(table: ModelTable) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield kind ("title", "line", "rule", "foot"), label and texts; a heading has no texts."""
    for block in table.blocks:
        yield "title", block.title, ()
        yield from (("line", label, cells) for label, cells in block.lines)
    yield "rule", "", ()
    yield from (("foot", label, cells) for label, cells in table.foot.lines)


def _indented(kind: str, label: str) -> str:
    return "  " * (kind == "line") + printable(label)


def _centred(text: str, room: int) -> str:
    short = shorten(text, room)
    before = (room - width(short)) // 2
    return " " * before + short + " " * (room - width(short) - before)


def _look(kind: str, more: str = "") -> str:
    return f' style="{_STYLES[kind]}{more}"'


def _tex(text: str) -> str:
    return escape_latex(printable(text))
