"""A report as one Markdown file: formulas stay LaTeX, pictures stand in the file itself."""

from __future__ import annotations

import re
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
    Table,
)
from hierglm.reporting.latex import latex_block, to_latex
from hierglm.showing.markdown import markdown_grid, safe_markdown
from hierglm.showing.width import printable


def set_document(document: Document) -> str:
    """Return a report as Markdown, as pandoc, GitHub and Jupyter read it.

    Parameters
    ----------
    document : Document
    """
    parts = [f"# {safe_markdown(document.title)}"]
    parts += [text for block in document.lead for text in _block(block)]
    for section in document.sections:
        parts.append(f"## {safe_markdown(section.title)}")
        parts += [text for block in section.blocks for text in _block(block)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield safe_markdown(text)
        case Callout(sentences, _):
            yield "\n>\n".join(f"> {safe_markdown(s)}" for s in sentences)
        case Bullets(items):
            yield "\n".join(f"- {safe_markdown(item)}" for item in items)
        case Formula(lines):
            yield f"### {safe_markdown(lines.title)}"
            yield f"$$\n{latex_block(lines)}\n$$"
        case Meanings(pairs):
            yield "\n".join(f"- ${to_latex(node)}$: {safe_markdown(text)}" for node, text in pairs)
        case Table(caption, grids):
            yield safe_markdown(caption)
            yield from map(markdown_grid, grids)
        case Picture():
            data = b64encode(block.png).decode()
            yield f"![{safe_markdown(block.alt)}](data:image/png;base64,{data})"
            yield safe_markdown(block.caption)
        case Listing():
            if block.title:
                yield safe_markdown(block.title)
            yield _fenced(block)


def _fenced(listing: Listing) -> str:
    lines = [printable(line) for line in listing.text.rstrip("\n").split("\n")]
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{listing.language}\n{text}\n{fence}"
