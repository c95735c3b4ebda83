r"""Mathematics as a tree, which `latex` and `mathml` write down.

Formulas are made of few kinds of pieces, and of labels that come from someone's data. As a tree,
no label can be read as a command or as markup, and each piece is what it should be in both
languages. (latex2mathml 3.81.1 was tried: it writes ``\sim`` as a letter, the ``&`` of an aligned
block as it is, and reads none of LaTeX's escapes inside ``\text``.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hierglm.showing.latex import escape_latex
from hierglm.showing.width import printable, shorten

LONGEST = 30
"""Columns of a label in a formula; a longer one is shortened in its middle."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A piece that is not made of others.

    Attributes
    ----------
    kind : {"letter", "word", "bold", "label", "words", "number", "sign"}
        A letter is a variable, a word the name of a distribution or a function, a label what
        the user calls something, words are English beside a formula.
    text : str
        As it is read.
    latex : str
        As LaTeX writes it.
    """

    kind: Literal["letter", "word", "bold", "label", "words", "number", "sign"]
    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces beside each other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A piece with a subscript, a superscript, or both."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None


@dataclass(frozen=True, slots=True)
class Fraction:
    """One piece over another."""

    above: Node
    below: Node


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    inside: Node


@dataclass(frozen=True, slots=True)
class Bar:
    """A mean: a piece with a bar above."""

    inside: Node


@dataclass(frozen=True, slots=True)
class Fenced:
    """Pieces in brackets that grow with what is tall, commas between."""

    parts: tuple[Node, ...]
    brackets: tuple[str, str] = ("(", ")")


@dataclass(frozen=True, slots=True)
class Cases:
    """Alternatives behind a brace, each with its condition."""

    rows: tuple[tuple[Node, Node], ...]


Node = Leaf | Row | Script | Fraction | Root | Bar | Fenced | Cases

_GREEK: Mapping[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "eta": "η", "theta": "θ", "lambda": "λ", "mu": "μ",
    "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω",
    "chi": "χ", "Phi": "Φ",
}  # fmt: skip
_BOLD: Mapping[str, str] = {"Sigma": "Σ", "Lambda": "Λ", "beta": "β"}
_SIGNS: Mapping[str, str] = {
    "=": "=", "~": r"\sim", "+": "+", "-": "-", "<": "<", ">": ">", "<=": r"\le", "in": r"\in",
    "prop": r"\propto", "*": r"\,", "...": r"\dots", ",": ",", "sum": r"\sum", "prod": r"\prod",
    "times": r"\otimes", "T": r"\top", "|": r"\mid", "!=": r"\ne", "'": r"\prime",
}  # fmt: skip
_SHOWN: Mapping[str, str] = {
    "~": "∼", "-": "−", "<=": "≤", "in": "∈", "prop": "∝", "*": "\u2062", "...": "…", "sum": "∑",
    "prod": "∏", "times": "⊗", "T": "⊤", "|": "∣", "!=": "≠", "'": "′",
}  # fmt: skip


def symbol(name: str) -> Leaf:
    """Return a Greek letter by its name."""
    return Leaf("letter", _GREEK[name], f"\\{name}")


def letter(text: str) -> Leaf:
    """Return a Latin letter that stands for a quantity."""
    return Leaf("letter", text, text)


def bold(name: str) -> Leaf:
    """Return a vector or a matrix: a letter, or a Greek one by its name, in bold."""
    if name in _BOLD:
        return Leaf("bold", _BOLD[name], f"\\boldsymbol{{\\{name}}}")
    return Leaf("bold", name, f"\\mathbf{{{name}}}")


def word(text: str) -> Leaf:
    """Return the name of a distribution or of a function."""
    return Leaf("word", text, f"\\operatorname{{{text}}}")


def label(text: object) -> Leaf:
    """Return what the user calls something: on one line, and not too long."""
    short = shorten(printable(text), LONGEST)
    return Leaf("label", short, "\\text{" + escape_latex(short) + "}")


def words(text: str) -> Leaf:
    """Return English beside a formula."""
    return Leaf("words", text, "\\text{" + escape_latex(text) + "}")


def number(value: float) -> Node:
    """Return a number: a whole one as it is, others with four digits or a power of ten."""
    whole = float(value).is_integer() and abs(value) < 10**9
    text = f"{abs(value):.0f}" if whole else f"{abs(value):.4g}"
    leaf: Node
    if "e" in text:
        digits, power = text.split("e")
        ten = Script(Leaf("number", "10", "10"), sup=number(int(power)))
        leaf = ten if digits == "1" else row(Leaf("number", digits, digits), _TIMES, ten)
    else:
        leaf = Leaf("number", text, text)
    return row(sign("-"), leaf) if value < 0 else leaf


_TIMES = Leaf("sign", "×", r"\times")


def sign(name: str) -> Leaf:
    """Return an operator or a relation; ``"*"`` is a product without a sign."""
    return Leaf("sign", _SHOWN.get(name, name), _SIGNS[name])


def row(*parts: Node) -> Node:
    """Return pieces beside each other; one alone is itself."""
    flat = [p for part in parts for p in (part.parts if isinstance(part, Row) else (part,))]
    return flat[0] if len(flat) == 1 else Row(tuple(flat))


def script(base: Node, sub: Node | None = None, sup: Node | None = None) -> Node:
    """Return a piece with sub- and superscript, where there are any."""
    return base if sub is None and sup is None else Script(base, sub, sup)


def listed(parts: Sequence[Node]) -> Node:
    """Return pieces with commas between."""
    out: list[Node] = []
    for part in parts:
        out += [sign(","), part] if out else [part]
    return row(*out)


def call(function: Node, *arguments: Node) -> Node:
    """Return a function of arguments."""
    return row(function, Fenced(arguments))


def tall(node: Node) -> bool:
    """Tell whether brackets about a piece have to grow."""
    match node:
        case Fraction() | Cases() | Root():
            return True
        case Row(parts) | Fenced(parts, _):
            return any(map(tall, parts))
        case Script(base, _, _):
            return (isinstance(base, Leaf) and base.latex in (r"\sum", r"\prod")) or tall(base)
    return False
