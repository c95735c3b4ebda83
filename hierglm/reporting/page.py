"""A report as one HTML file: no scripts, nothing fetched, light or dark, to be printed on A4."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

from hierglm.reporting.document import (
    Block,
    Bullets,
    Callout,
    Document,
    Formula,
    Listing,
    Meanings,
    Paragraph,
    Picture,
    Section,
    Table,
)
from hierglm.reporting.mathml import mathml_block, to_mathml
from hierglm.reporting.stylesheet import STYLE
from hierglm.showing.html import html_grids, safe

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Whatever the page holds, a browser runs nothing in it and fetches nothing for it."""


def set_page(document: Document, unfolded: bool = False) -> str:
    """Return a report as an HTML page that holds all it shows.

    Parameters
    ----------
    document : Document
    unfolded : bool
        Whether the program and the sources' BibTeX are open, as on paper they must be.

    Returns
    -------
    str
        Headings in order, tables with scopes, pictures with alternative texts; MathML for
        formulas. All labels are escaped.
    """
    links = "".join(f'<li><a href="#{s.name}">{safe(s.title)}</a></li>' for s in document.sections)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="generator" content="hierglm">',
        f"<title>{safe(document.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<header>",
        f'<h1 dir="auto">{safe(document.title)}</h1>',
        *(_block(block) for block in document.lead),
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>',
        "</header>",
        "<main>",
        *(line for section in document.sections for line in _section(section)),
        "</main>",
        "</body>",
        "</html>",
    ]
    page = "\n".join(parts) + "\n"
    # Only our own tags have this text: labels are escaped.
    return page.replace("<details>", "<details open>") if unfolded else page


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.name}">'
    yield f"<h2>{safe(section.title)}</h2>"
    yield from map(_block, section.blocks)
    yield "</section>"


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f'<p dir="auto">{safe(text)}</p>'
        case Callout(sentences, healthy):
            kind = "good" if healthy else "trouble"
            inside = "".join(f"<p>{safe(s)}</p>" for s in sentences)
            return f'<div class="callout {kind}">{inside}</div>'
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{safe(item)}</li>' for item in items)}</ul>"
        case Formula(lines):
            title = f'<h3 dir="auto">{safe(lines.title)}</h3>'
            return f'{title}<div class="formula" tabindex="0">{mathml_block(lines)}</div>'
        case Meanings(pairs):
            rows = "".join(
                f"<div><dt><math>{to_mathml(node)}</math></dt><dd>{safe(text)}</dd></div>"
                for node, text in pairs
            )
            return f'<dl class="meanings">{rows}</dl>'
        case Table(caption, grids):
            told = f"<figcaption>{safe(caption)}</figcaption>"
            return f'<figure class="table">{told}{html_grids(grids, styled=False)}</figure>'
        case Picture():
            return _picture(block)
        case Listing():
            return _listing(block)


def _picture(picture: Picture) -> str:
    data = b64encode(picture.png).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{safe(picture.alt)}" '
        f'width="{picture.width}" height="{picture.height}">'
        f"<figcaption>{safe(picture.caption)}</figcaption></figure>"
    )


def _listing(listing: Listing) -> str:
    # Line by line: the ends of lines are ours, whatever else stands there.
    lines = "\n".join(safe(line) for line in listing.text.rstrip("\n").split("\n"))
    code = f'<pre dir="ltr" tabindex="0"><code>{lines}</code></pre>'
    if not listing.title:
        return code
    return f"<details><summary>{safe(listing.title)}</summary>{code}</details>"
