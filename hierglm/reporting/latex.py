r"""Formulas as LaTeX, with amsmath.

>>> from hierglm.reporting.notation import label, letter, row, script, sign, symbol
>>> print(to_latex(row(script(symbol("mu"), letter("i")), sign("="), label("a_b"))))
\mu_{i} = \text{a\_b}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from hierglm.reporting.symbols import Block, Line, broken
from hierglm.showing.latex import escape_latex


def to_latex(node: Node) -> str:
    """Return a formula as LaTeX (amsmath)."""
    match node:
        case Leaf():
            return node.latex
        case Row(parts):
            return "".join(_joined(parts))
        case Script(base, sub, sup):
            below = f"_{{{to_latex(sub)}}}" if sub is not None else ""
            above = f"^{{{to_latex(sup)}}}" if sup is not None else ""
            return to_latex(base) + below + above
        case Fraction(above_, below_):
            return f"\\frac{{{to_latex(above_)}}}{{{to_latex(below_)}}}"
        case Root(inside):
            return f"\\sqrt{{{to_latex(inside)}}}"
        case Bar(inside):
            return f"\\overline{{{to_latex(inside)}}}"
        case Fenced(parts, (left, right)):
            inner = ", ".join(map(to_latex, parts))
            if any(tall(p) for p in parts):
                return f"\\left{left} {inner} \\right{right}"
            return f"{left}{inner}{right}"
        case Cases(rows):
            lines = " \\\\ ".join(f"{to_latex(a)} & {to_latex(b)}" for a, b in rows)
            return f"\\begin{{cases}} {lines} \\end{{cases}}"


def _joined(parts: Sequence[Node]) -> Iterator[str]:
    """Yield pieces with blanks between, but before commas and behind the sign of a number."""
    for k, part in enumerate(parts):
        comma = isinstance(part, Leaf) and part.latex == ","
        negative = k == 1 and isinstance(parts[0], Leaf) and parts[0].latex == "-"
        yield ("" if not k or comma or negative else " ") + to_latex(part)


def latex_line(line: Line) -> tuple[str, ...]:
    """Return the rows of a line as LaTeX, aligned at the relation."""
    note = f" && \\text{{{escape_latex(line.note)}}}" if line.note else ""
    out = []
    for k, terms in enumerate(broken(line)):
        right = " ".join(map(to_latex, terms))
        head = f"{to_latex(line.left)} &{to_latex(line.relation)} " if not k else r"&\quad "
        out.append(head + right + (note if not k else ""))
    return tuple(out)


def latex_block(block: Block) -> str:
    """Return a block as LaTeX: one ``aligned`` environment."""
    rows = [text for line in block.lines for text in latex_line(line)]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
