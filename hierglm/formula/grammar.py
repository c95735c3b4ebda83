"""The only door to formulaic's parser: sums, products and powers of terms become term sets.

Tokenising, group terms and the response are read before this module is asked, so what arrives
here are operators, brackets and operands. formulaic never sees the user's text.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hierglm.errors import FormulaError
from hierglm.formula.limits import MAX_ORDER, MAX_PRODUCTS
from hierglm.formula.pieces import (
    Cut,
    Piece,
    Product,
    bracketed,
    check_order,
    merge_signs,
)
from hierglm.formula.rewrite import column_identifier
from hierglm.formula.terms import Factor, Term


@dataclass(slots=True)
class Budget:
    """Counts what one formula multiplies out to, so that a short text cannot run for hours.

    Attributes
    ----------
    text : str
        The formula, for messages.
    spent : int
        Terms and products made so far, in all of its brackets.
    """

    text: str
    spent: int = 0

    def spend(self, count: int, start: int, end: int) -> None:
        """Count some more, which stand between two places of the formula.

        Raises
        ------
        FormulaError
            When they are too many.
        """
        self.spent += count
        if self.spent > MAX_PRODUCTS:
            message = f"this multiplies out to more than {MAX_PRODUCTS:,} terms"
            raise FormulaError(message, self.text, start, end)


def expand(
    pieces: Sequence[Piece], text: str, *, intercept: bool, budget: Budget | None = None
) -> list[Product]:
    """Multiply a right-hand side out.

    Parameters
    ----------
    pieces : sequence of Piece
        What is written, in order.
    text : str
        The formula, for messages.
    intercept : bool
        Whether an intercept is meant where none is written.
    budget : Budget, optional
        Of the formula, where this is a part of it.

    Returns
    -------
    list of tuple
        One tuple of operands a term, by degree and then as written; the empty tuple is the
        intercept.

    Raises
    ------
    FormulaError
        Operators without operands, operands without operators, and sums that multiply out to
        more than can be meant.
    """
    check_order(pieces, text)
    signed = merge_signs(pieces, text)
    if intercept:
        one = Piece("1", Factor("1", "1", "number", ()), 0, 0)
        glue = [] if signed and signed[0].is_sign else [Piece("+", None, 0, 0)]
        signed = [one, *glue, *signed]
    if not signed:
        return []
    budget = budget or Budget(text)
    budget.spend(len(signed), signed[0].start, signed[-1].end)
    products = _tidy(_algebra(bracketed(signed), budget), text)
    for product in products:
        _check_product(product, text)
    return sorted(products, key=_degree)


def formulaic_terms(terms: Iterable[Term]) -> list[Any]:
    """Return formulaic's own terms for ours, columns under their safe identifiers."""
    from formulaic.parser.types import Factor as TheirFactor
    from formulaic.parser.types import Term as TheirTerm

    methods = {"name": "lookup", "call": "python", "number": "literal"}
    made = []
    for term in terms:
        factors = [
            TheirFactor(
                column_identifier(factor.expr) if factor.kind == "name" else factor.expr,
                eval_method=methods[factor.kind],
            )
            for factor in term.factors
        ]
        made.append(TheirTerm(factors or [TheirFactor("1", eval_method="literal")]))
    return made


def _algebra(pieces: Sequence[Piece], budget: Budget) -> list[Product]:
    from formulaic.errors import FormulaicError
    from formulaic.parser.algos.tokens_to_ast import tokens_to_ast
    from formulaic.parser.types import Token

    known: list[Factor | Cut] = []
    numbers: dict[Hashable, int] = {}
    tokens = []
    for piece in pieces:
        if piece.operand is None:
            kind, name = ("context" if piece.symbol in "()" else "operator"), piece.symbol
        elif piece.is_number:
            kind, name = "value", piece.symbol
        else:
            # Operands go in under numbers of our own: formulaic would take a column named "1"
            # for the intercept, and a call for the column that bears its text as a name.
            key = _key(piece.operand)
            if key not in numbers:
                numbers[key] = len(known)
                known.append(piece.operand)
            kind, name = "name", f"operand_{numbers[key]}"
        tokens.append(
            Token(
                name, kind=kind, source=budget.text, source_start=piece.start, source_end=piece.end
            )
        )
    try:
        terms = tokens_to_ast(tokens, _resolver(budget)).to_terms()
    except FormulaicError:
        text = budget.text
        raise FormulaError("the terms cannot be read", text, 0, len(text)) from None
    return [tuple(_operand(factor, known) for factor in term.factors) for term in terms]


def _resolver(budget: Budget) -> Any:
    """Return formulaic's table of operators, each held to the budget."""
    from formulaic.parser.parser import DefaultOperatorResolver

    class Bounded(DefaultOperatorResolver):  # type: ignore[misc]
        @property
        def operators(self) -> list[Any]:
            return [_bounded(operator, budget) for operator in super().operators]

    return Bounded()


def _bounded(operator: Any, budget: Budget) -> Any:
    from formulaic.parser.types import Operator

    if operator.symbol not in ("*", ":", "/", "in", "**", "^"):
        return operator

    def to_terms(left: Any, right: Any) -> Any:
        if operator.symbol in ("**", "^"):
            count = len(left) ** int(next(iter(right)).factors[0].expr)
        else:
            count = len(left) * len(right)
        budget.spend(count, *_place([left, right]))
        terms = operator.to_terms(left, right)
        for term in terms:
            if len(term.factors) > MAX_ORDER:
                message = f"an interaction of more than {MAX_ORDER} factors"
                raise FormulaError(message, budget.text, *_place([[term]]))
        return terms

    return Operator(
        operator.symbol,
        arity=operator.arity,
        precedence=operator.precedence,
        associativity=operator.associativity,
        fixity=operator.fixity,
        to_terms=to_terms,
    )


def _place(operands: Iterable[Any]) -> tuple[int, int]:
    """Return where the factors of some sets of terms stand, from the first to the last."""
    tokens = [f.token for terms in operands for term in terms for f in term.factors]
    return min(t.source_start for t in tokens), max(t.source_end for t in tokens)


def _operand(factor: Any, known: list[Factor | Cut]) -> Factor | Cut:
    if factor.eval_method.value != "literal":
        return known[int(factor.expr.removeprefix("operand_"))]
    token = factor.token
    return Factor(factor.expr, factor.expr, "number", (), token.source_start, token.source_end)


def _tidy(products: Iterable[Product], text: str) -> list[Product]:
    """Take ones out of products, and refuse a term that comes in two scales."""
    seen: dict[Hashable, Product] = {}
    for product in products:
        kept = tuple(f for f in product if not (_is_number(f) and _key(f) == ("number", "1")))
        key = frozenset(_key(f) for f in kept if not _is_number(f))
        if kept and not key:
            raise FormulaError(
                "a number other than 0 and 1 can only scale a term, as in '2:x'",
                text,
                kept[0].start,
                kept[0].end,
            )
        if key in seen and set(map(_key, seen[key])) != set(map(_key, kept)):
            at = next(f for f in kept if not _is_number(f))
            raise FormulaError(
                "this term stands in the formula twice, in two scales", text, at.start, at.end
            )
        seen.setdefault(key, kept)
    return list(seen.values())


def _key(operand: Factor | Cut) -> Hashable:
    return (operand.kind, operand.expr) if isinstance(operand, Factor) else operand


def _is_number(operand: Factor | Cut) -> bool:
    return isinstance(operand, Factor) and operand.kind == "number"


def _degree(product: Product) -> int:
    return sum(not _is_number(f) for f in product)


def _check_product(product: Product, text: str) -> None:
    cut = next((f for f in product if isinstance(f, Cut)), None)
    if cut is not None and len(product) > 1:
        raise FormulaError(f"{cut.what} cannot be part of an interaction", text, cut.start, cut.end)
