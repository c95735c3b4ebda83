"""The summary of a fit for notebooks: the same content as the text, as plain HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hierglm.results.fitted import Fitted
from hierglm.results.sections import Label, Section, Summary, summarise
from hierglm.results.width import printable

# Colours come from the page: "currentColor" and translucent grey read well on light and dark.
_TABLE = "border-collapse:collapse;margin:0.6em 0;font-variant-numeric:tabular-nums"
_NUMBER = "text-align:right;padding:0.1em 0.7em;white-space:pre"
_LABEL = "text-align:left;padding:0.1em 0.7em 0.1em 1.6em;font-weight:normal"
_TITLE = "text-align:left;padding:0.7em 0.7em 0.1em 0;border-bottom:1px solid rgba(128,128,128,.5)"
_TROUBLE = "border-left:3px solid #d55e00;padding-left:0.7em"


def html(fitted: Fitted) -> str:
    """Return the summary of a fit as HTML: no scripts, no styles outside, all labels escaped.

    Parameters
    ----------
    fitted : Fitted
    """
    return set_html(summarise(fitted))


def set_html(said: Summary) -> str:
    """Return what a summary says as HTML."""
    facts = "".join(f"<div>{_safe(fact)}</div>" for fact in said.facts)
    rows = "".join(row for section in said.sections for row in _rows(section))
    words = "".join(f"<div>{_safe(sentence)}</div>" for sentence in said.diagnostics)
    trouble = "" if said.healthy else f' style="{_TROUBLE}"'
    notes = "".join(f"<div>Note: {_safe(note)}</div>" for note in said.notes)
    return (
        f'<div class="hierglm"><div><code>{_safe(said.formula)}</code></div>{facts}'
        f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>'
        f"<div><small>{_safe(said.legend)}</small></div>"
        f"<div{trouble}>{words}</div>{notes}</div>"
    )


def _rows(section: Section) -> Iterator[str]:
    head = "".join(f'<th scope="col" style="{_NUMBER}">{_safe(n)}</th>' for n in section.names)
    yield f'<tr><th scope="rowgroup" style="{_TITLE}">{_safe(section.title)}</th>{head}</tr>'
    for i, label in enumerate(section.labels):
        cells = "".join(f'<td style="{_NUMBER}">{_number(c[i])}</td>' for c in section.columns)
        yield f'<tr><th scope="row" style="{_LABEL}">{_safe(_name(label))}</th>{cells}</tr>'
    if section.more:
        more = _safe(section.more)
        yield f'<tr><td style="{_LABEL}" colspan="{len(section.names) + 1}">{more}</td></tr>'


def _number(text: str) -> str:
    """Return a number whose padding is as wide as digits, so that points stay in line."""
    return _safe(text).replace(" ", "&#8199;")


def _name(label: Label) -> str:
    kind, terms = label
    return f"{kind}({', '.join(terms)})" if kind else terms[0]


def _safe(text: str) -> str:
    return escape(printable(text), quote=True)
