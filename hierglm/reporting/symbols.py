"""The symbols of a model: which letter stands for what, in every formula of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hierglm.covariances import covariance_of, sd_terms
from hierglm.design.design import Grouping
from hierglm.families.family import Family
from hierglm.models import Model, Part
from hierglm.names import parse_qualified
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
    bold,
    label,
    letter,
    listed,
    number,
    row,
    script,
    sign,
    symbol,
)

ROW, LEVEL = letter("i"), letter("j")
"""Of rows, and of levels of a grouping factor."""

SPELLED = 8
"""Columns whose coefficients are written one by one; more are a sum."""
FEW = 3
"""Effects of a level that are written one by one in a vector."""

_LETTERS = ("u", "v", "w", "r", "h", "q", "c", "d")
"""Of group terms, in order."""

_PARAMETERS: Mapping[str, Node] = {
    "sigma": symbol("sigma"), "nu": symbol("nu"), "phi": symbol("phi"), "zi": symbol("pi"),
    "hu": symbol("pi"), "shape": symbol("phi"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a formula: both sides of a relation, and words beside it.

    Attributes
    ----------
    left : Node
    relation : Node
        ``=``, ``~`` or a sign of proportion.
    terms : tuple of Node
        The right-hand side; between two of them a line may end.
    note : str
        For which indices it holds.
    """

    left: Node
    relation: Node
    terms: tuple[Node, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together.

    Attributes
    ----------
    title : str
    lines : tuple of Line
    """

    title: str
    lines: tuple[Line, ...]


WIDEST = 58
"""Characters of the right-hand side of a line, about: longer ones are broken between terms."""


def equals(left: Node, *terms: Node, note: str = "") -> Line:
    """Return a line with an equals sign."""
    return Line(left, sign("="), terms, note)


def distributed(left: Node, right: Node, note: str = "") -> Line:
    """Return a line that says how something is distributed."""
    return Line(left, sign("~"), (right,), note)


def tag(part: Part, family: Family) -> Node | None:
    """Return what tells a predictor's coefficients from those of others, or None."""
    parts: list[Node] = [label(part.response)] if part.response else []
    if part.dpar:
        category = label(part.dpar.removeprefix("mu"))
        parts.append(category if family.categories else base(part.dpar, family))
    return Fenced(tuple(parts)) if parts else None


def base(parameter: str, family: Family) -> Node:
    """Return the symbol of a family's parameter, without what tells responses apart."""
    if parameter == "shape" and family.name == "gamma":
        return symbol("alpha")
    return _PARAMETERS.get(parameter) or label(parameter)


def parameter(model: Model, name: str) -> Node:
    """Return a family's parameter: one number, or one a row where it has a formula.

    Parameters
    ----------
    model : Model
        Of the response's mean.
    name : str
        Such as ``"sigma"``.
    """
    of_row = ROW if name in model.part.modelled else None
    return script(base(name, model.family), of_row, _response(model.part))


def mean(model: Model) -> Node:
    """Return what the linear predictor of the mean is of: mu, or a probability p."""
    main = letter("p") if model.family.name in ("bernoulli", "binomial") else symbol("mu")
    if model.family.thresholds or model.family.categories:
        main = symbol("eta")
    return script(main, ROW, _response(model.part))


def _response(part: Part) -> Node | None:
    return Fenced((label(part.response),)) if part.response else None


def coefficient(place: int, of: Node | None) -> Node:
    """Return the coefficient of a column, counted from 1; 0 is the intercept."""
    return script(symbol("beta"), number(place), of)


def column(text: str) -> Node:
    """Return the value of a column in a row."""
    return script(label(text), ROW)


def column_mean(model: Model, place: int) -> Node:
    """Return the mean of a column, counted from 1."""
    labels = model.design.common.labels
    if len(labels) > FEW:
        return Bar(script(letter("x"), number(place)))
    return Bar(label(labels[place - 1]))


@dataclass(frozen=True, slots=True)
class Effects:
    """The symbols of one group term.

    Attributes
    ----------
    grouping : Grouping
    letter : Node
        Of its effects.
    numbers : tuple of (Node or None)
        The subscript of each effect; None of the only one.
    """

    grouping: Grouping
    letter: Leaf
    numbers: tuple[Node | None, ...]

    def effect(self, k: int, level: Node) -> Node:
        """Return the k-th effect of a level."""
        place = self.numbers[k]
        return script(self.letter, level if place is None else listed((place, level)))

    def vector(self, level: Node) -> Node:
        """Return the effects of a level as a vector in bold."""
        return script(bold(self.letter.text), level)

    def spelled(self, level: Node) -> Node:
        """Return the effects of a level in brackets: all of them, or the first and the last."""
        count = len(self.numbers)
        shown = [self.effect(k, level) for k in range(min(count, FEW))]
        if count > FEW:
            shown = [shown[0], sign("..."), self.effect(count - 1, level)]
        return Fenced(tuple(shown))

    def sd(self, k: int, stratum: Node | None = None) -> Node:
        """Return the k-th sd of a stratum: of an effect, or of all of them."""
        common = covariance_of(self.grouping).common_sd
        place = None if common else self.numbers[k]
        return script(symbol("sigma"), self.subscript(place, stratum))

    def sds(self, stratum: Node | None = None) -> tuple[Node, ...]:
        """Return all sds of one stratum."""
        count = len(sd_terms(self.grouping)) // max(1, len(self.grouping.relation.strata))
        return tuple(self.sd(k, stratum) for k in range(count))

    def of(
        self, name: Node, k: int | None = None, stratum: Node | None = None, sup: Node | None = None
    ) -> Node:
        """Return another symbol of the term: its matrices, correlations, degrees of freedom."""
        place = None if k is None else self.numbers[k]
        return script(name, self.subscript(place, stratum), sup)

    def subscript(self, *places: Node | None) -> Node:
        """Return the letter of the term and what else stands in a subscript."""
        return listed([p for p in (self.letter, *places) if p is not None])


def effects(model: Model) -> tuple[Effects, ...]:
    """Return the symbols of all group terms of a model."""
    return tuple(_effects(g, k, model.shares(k)) for k, g in enumerate(model.groups))


def _effects(grouping: Grouping, place: int, shared: bool) -> Effects:
    own = (
        letter(_LETTERS[place])
        if place < len(_LETTERS)
        else Leaf("letter", f"u({place + 1})", f"u^{{({place + 1})}}")
    )
    count = len(grouping.terms)
    if count == 1:
        return Effects(grouping, own, (None,))
    first = 0 if grouping.terms[0] == "Intercept" and not shared else 1
    return Effects(grouping, own, tuple(number(first + k) for k in range(count)))


def equal_shares(grouping: Grouping) -> bool:
    """Tell whether rows belong to all of their levels alike, whatever is written as weights."""
    shares = grouping.relation.shares
    return shares is None or bool((shares == 1 / len(shares)).all())


def at(factor: str) -> Node:
    """Return the level of a row: ``school[i]``."""
    return row(label(factor), Fenced((ROW,), ("[", "]")))


def column_of_effect(term: str, shared: bool) -> Node | None:
    """Return the column that an effect multiplies, or None of an intercept."""
    name = parse_qualified(term)[0] if shared else term
    return None if name == "Intercept" else column(name)


def broken(line: Line) -> tuple[tuple[Node, ...], ...]:
    """Return the terms of a line in rows that are not too wide, each term behind its plus."""
    rows: list[list[Node]] = [[]]
    used = 0
    for k, term in enumerate(line.terms):
        size = width_of(term)
        if rows[-1] and used + size > WIDEST:
            rows.append([])
            used = 0
        rows[-1] += [sign("+"), term] if k else [term]
        used += size + 3
    return tuple(map(tuple, rows))


def width_of(node: Node) -> int:
    """Return about how many characters wide a formula is."""
    match node:
        case Leaf():
            return len(node.text)
        case Row(parts):
            return sum(map(width_of, parts))
        case Script(base, sub, sup):
            scripts = [width_of(p) for p in (sub, sup) if p is not None]
            return width_of(base) + round(0.7 * max(scripts))
        case Fraction(one, other):
            return max(width_of(one), width_of(other))
        case Root(inside) | Bar(inside):
            return 1 + width_of(inside)
        case Fenced(parts, _):
            return 2 * len(parts) + sum(map(width_of, parts))
        case Cases(rows):
            return max(2 + width_of(a) + width_of(b) for a, b in rows)
