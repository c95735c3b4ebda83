"""Formulas as MathML Core, which browsers set without any script; labels are escaped.

>>> from hierglm.reporting.notation import letter, script, symbol
>>> to_mathml(script(symbol("mu"), letter("i")))
'<msub><mi>μ</mi><mi>i</mi></msub>'
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hierglm.reporting.notation import (
    Bar,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Node,
    Root,
    Row,
    Script,
    tall,
)
from hierglm.reporting.symbols import Block, broken


def to_mathml(node: Node) -> str:
    """Return a formula as MathML Core, without the ``<math>`` around it; labels are escaped."""
    match node:
        case Leaf():
            return _leaf(node)
        case Row(parts):
            return f"<mrow>{''.join(_beside(parts))}</mrow>"
        case Script(base, sub, sup):
            pieces = "".join(to_mathml(p) for p in (base, sub, sup) if p is not None)
            name = "msubsup" if sub and sup else "msub" if sub else "msup"
            if isinstance(base, Leaf) and base.latex in (r"\sum", r"\prod"):
                name = name.replace("msubsup", "munderover").replace("msub", "munder")
            return f"<{name}>{pieces}</{name}>"
        case Fraction(above, below):
            return f"<mfrac>{to_mathml(above)}{to_mathml(below)}</mfrac>"
        case Root(inside):
            return f"<msqrt>{to_mathml(inside)}</msqrt>"
        case Bar(inside):
            # Fonts rarely stretch the accent over a word: it is there to be read aloud, and the
            # style sheet draws a line.
            drawn = f'<mrow class="bar">{to_mathml(inside)}</mrow>'
            return f'<mover accent="true">{drawn}<mo class="unseen">‾</mo></mover>'
        case Fenced(parts, (left, right)):
            grows = "true" if any(tall(p) for p in parts) else "false"
            ends = [f'<mo stretchy="{grows}">{escape(end)}</mo>' for end in (left, right)]
            return f"<mrow>{ends[0]}{'<mo>,</mo>'.join(map(to_mathml, parts))}{ends[1]}</mrow>"
        case Cases(rows):
            lines = "".join(
                f"<mtr><mtd>{to_mathml(a)}</mtd><mtd>{to_mathml(b)}</mtd></mtr>" for a, b in rows
            )
            return f'<mrow><mo stretchy="true">{{</mo><mtable>{lines}</mtable></mrow>'


def _beside(parts: tuple[Node, ...]) -> Iterator[str]:
    """Yield pieces with a little room between a function's name and what has no brackets."""
    for k, part in enumerate(parts):
        before = parts[k - 1] if k else None
        if isinstance(before, Leaf) and before.kind == "word" and not isinstance(part, Fenced):
            yield _ROOM
        yield to_mathml(part)


_ROOM = '<mspace width="0.15em"></mspace>'


def _leaf(leaf: Leaf) -> str:
    text = escape(leaf.text)
    match leaf.kind:
        case "letter":
            return f"<mi>{text}</mi>"
        case "word":
            # Words of several letters are upright; one letter alone would be a variable.
            upright = ' mathvariant="normal"' if len(leaf.text) == 1 else ""
            return f"<mi{upright}>{text}</mi>"
        case "bold":
            return f'<mi mathvariant="normal" class="bold">{text}</mi>'
        case "number":
            return f"<mn>{text}</mn>"
        case "sign":
            # A product without a sign shows a little room.
            room = _ROOM if leaf.text == "\u2062" else ""
            return f"<mo>{text}</mo>{room}"
    # A text that runs from right to left stays on its own.
    return f'<mtext dir="auto">{text}</mtext>'


def mathml_block(block: Block) -> str:
    """Return a block as one ``<math>`` element whose lines are aligned at their relations."""
    rows = []
    for line in block.lines:
        for k, terms in enumerate(broken(line)):
            right = "".join(map(to_mathml, terms))
            left = to_mathml(line.left) if not k else ""
            relation = _relation(line.relation) if not k else '<mspace width="1em"></mspace>'
            note = f"<mtext>{escape(line.note)}</mtext>" if line.note and not k else ""
            rows.append(
                f'<mtr><mtd class="left">{left}</mtd>'
                f'<mtd class="right"><mrow>{relation}{right}</mrow></mtd>'
                f'<mtd class="note">{note}</mtd></mtr>'
            )
    return f'<math display="block"><mtable class="lines">{"".join(rows)}</mtable></math>'


def _relation(node: Node) -> str:
    """Return the sign between both sides with room about it, though it begins a cell."""
    assert isinstance(node, Leaf)
    return f'<mo form="infix" lspace="0.28em" rspace="0.28em">{escape(node.text)}</mo>'
