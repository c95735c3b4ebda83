"""The only door to formulaic's parser: sums, products and powers of terms become term sets.

Tokenising, group terms and the response are read before this module is asked, so what arrives
here are operators, brackets and operands. formulaic never sees the user's text.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from hierglm.errors import FormulaError
from hierglm.formula.rewrite import column_identifier
from hierglm.formula.terms import Factor, Term

MAX_PRODUCTS = 100_000
MAX_ORDER = 12


@dataclass(frozen=True, slots=True)
class Cut:
    """Stands in the algebra for something cut out of it: a group term or an offset.

    Attributes
    ----------
    what : str
        How messages call it: ``"a group term"`` or ``"an offset"``.
    start, end : int
        Where it stands in the formula; two of the same text are two cuts.
    """

    what: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An operator, a bracket or an operand, and where it stands.

    Attributes
    ----------
    symbol : str
        As written.
    operand : Factor or Cut or None
        None for operators and brackets.
    start, end : int
        Half open.
    """

    symbol: str
    operand: Factor | Cut | None
    start: int
    end: int

    @property
    def is_sign(self) -> bool:
        """Whether it is ``+`` or ``-``."""
        return self.operand is None and self.symbol in ("+", "-")

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return isinstance(self.operand, Factor) and self.operand.kind == "number"


Product = tuple[Factor | Cut, ...]


def expand(pieces: Sequence[Piece], text: str, *, intercept: bool) -> list[Product]:
    """Multiply a right-hand side out.

    Parameters
    ----------
    pieces : sequence of Piece
        What is written, in order.
    text : str
        The formula, for messages.
    intercept : bool
        Whether an intercept is meant where none is written.

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
    products = _tidy(_algebra(_halved(signed), text), text)
    for product in products:
        _check_product(product, text)
    return sorted(products, key=_degree)


def check_order(pieces: Sequence[Piece], text: str) -> None:
    """Refuse operators and operands that do not alternate; say what is missing where.

    Raises
    ------
    FormulaError
        With the caret at the first thing that does not fit.
    """
    before: Piece | None = None
    for piece in pieces:
        complete = before is not None and (before.operand is not None or before.symbol == ")")
        if piece.operand is not None or piece.symbol == "(":
            if complete and before is not None:
                raise _missing_operator(before, piece, text)
        elif piece.symbol == ")":
            if not complete:
                raise _nothing_follows(before, piece, text)
        elif not complete:
            _check_prefix(before, piece, text)
        if before is not None and before.operand is None and before.symbol in ("**", "^"):
            _check_power(piece, text)
        before = piece
    if before is not None and before.operand is None and before.symbol != ")":
        raise _nothing_follows(before, before, text)


def merge_signs(pieces: Sequence[Piece], text: str) -> list[Piece]:
    """Read ``+ -`` as one sign, and ``0`` as taking the intercept away.

    Raises
    ------
    FormulaError
        A 0 that is multiplied, or an intercept taken away inside brackets.
    """
    out: list[Piece] = []
    depth = 0
    for number, piece in enumerate(pieces):
        depth += (piece.symbol == "(") - (piece.symbol == ")") if piece.operand is None else 0
        if piece.is_sign and out and out[-1].is_sign:
            symbol = "+" if out[-1].symbol == piece.symbol else "-"
            out[-1] = replace(piece, symbol=symbol, start=out[-1].start)
            continue
        if piece.is_number and float(piece.symbol) == 0:
            _check_zero(pieces, number, text)
            sign = out.pop() if out and out[-1].is_sign else replace(piece, symbol="+")
            flipped = "-" if sign.symbol == "+" else "+"
            out.append(replace(sign, symbol=flipped, operand=None))
            piece = _one(piece)
        if depth and piece.is_number and piece.symbol == "1" and out and out[-1].symbol == "-":
            raise FormulaError(
                "write '- 1' or '0 +' outside the brackets to leave the intercept out",
                text,
                piece.start,
                piece.end,
            )
        out.append(piece)
    return out


def _halved(pieces: Sequence[Piece]) -> list[Piece]:
    """Put brackets into sums: added one term at a time, long ones take quadratic time."""
    chunks: list[tuple[str, list[Piece]]] = [("+", [])]
    depth = 0
    for piece in pieces:
        depth += (piece.symbol == "(") - (piece.symbol == ")") if piece.operand is None else 0
        if piece.is_sign and not depth:
            chunks.append((piece.symbol, []))
        else:
            chunks[-1][1].append(piece)
    out: list[Piece] = []
    for sign, run in groupby((c for c in chunks if c[1]), key=itemgetter(0)):
        parts = [chunk for _, chunk in run]
        if sign == "+":
            out += [*([_mark("+")] if out else []), *bracketed_sum(parts)]
        else:
            out += [piece for part in parts for piece in (_mark("-"), *part)]
    return out


def bracketed_sum(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    """Return ``(a + b) + (c + d)`` and so on: the sum as halves of halves."""
    if len(parts) == 1:
        return list(parts[0])
    middle = len(parts) // 2
    left, right = bracketed_sum(parts[:middle]), bracketed_sum(parts[middle:])
    return [_mark("("), *left, _mark("+"), *right, _mark(")")]


def _mark(symbol: str) -> Piece:
    return Piece(symbol, None, 0, 0)


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


def _algebra(pieces: Sequence[Piece], text: str) -> list[Product]:
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
            Token(name, kind=kind, source=text, source_start=piece.start, source_end=piece.end)
        )
    try:
        terms = tokens_to_ast(tokens, _resolver(_Budget(text))).to_terms()
    except FormulaicError:
        raise FormulaError("the terms cannot be read", text, 0, len(text)) from None
    return [tuple(_operand(factor, known) for factor in term.factors) for term in terms]


@dataclass(slots=True)
class _Budget:
    """Counts the products made for one formula, so that a short text cannot run for hours."""

    text: str
    spent: int = 0

    def spend(self, count: int, operands: Iterable[Any]) -> None:
        self.spent += count
        if self.spent > MAX_PRODUCTS:
            raise self._refuse(f"this multiplies out to more than {MAX_PRODUCTS:,} terms", operands)

    def check_order(self, terms: Iterable[Any]) -> None:
        for term in terms:
            if len(term.factors) > MAX_ORDER:
                raise self._refuse(f"an interaction of more than {MAX_ORDER} factors", [[term]])

    def _refuse(self, message: str, operands: Iterable[Any]) -> FormulaError:
        tokens = [f.token for terms in operands for term in terms for f in term.factors]
        start, end = min(t.source_start for t in tokens), max(t.source_end for t in tokens)
        return FormulaError(message, self.text, start, end)


def _resolver(budget: _Budget) -> Any:
    """Return formulaic's table of operators, each held to the budget."""
    from formulaic.parser.parser import DefaultOperatorResolver

    class Bounded(DefaultOperatorResolver):  # type: ignore[misc]
        @property
        def operators(self) -> list[Any]:
            return [_bounded(operator, budget) for operator in super().operators]

    return Bounded()


def _bounded(operator: Any, budget: _Budget) -> Any:
    from formulaic.parser.types import Operator

    if operator.symbol not in ("*", ":", "/", "in", "**", "^"):
        return operator

    def to_terms(left: Any, right: Any) -> Any:
        if operator.symbol in ("**", "^"):
            count = len(left) ** int(next(iter(right)).factors[0].expr)
        else:
            count = len(left) * len(right)
        budget.spend(count, (left, right))
        terms = operator.to_terms(left, right)
        budget.check_order(terms)
        return terms

    return Operator(
        operator.symbol,
        arity=operator.arity,
        precedence=operator.precedence,
        associativity=operator.associativity,
        fixity=operator.fixity,
        to_terms=to_terms,
    )


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


def _missing_operator(before: Piece, piece: Piece, text: str) -> FormulaError:
    message = f"an operator such as '+' is missing before {text[piece.start : piece.end]!r}"
    if piece.symbol == "(" and isinstance(before.operand, Factor) and before.operand.kind == "name":
        message += "; a function's name and its bracket stand together"
    return FormulaError(message, text, piece.start, piece.end)


def _nothing_follows(before: Piece | None, piece: Piece, text: str) -> FormulaError:
    if before is None or before.symbol == "(":
        start = piece.start if before is None else before.start
        return FormulaError("there is nothing between these brackets", text, start, piece.end)
    return FormulaError(f"nothing follows this {before.symbol!r}", text, before.start, before.end)


def _check_prefix(before: Piece | None, piece: Piece, text: str) -> None:
    """Refuse an operator that has nothing on its left, signs apart."""
    opens = before is None or before.symbol == "("
    if piece.is_sign and (opens or (before is not None and before.is_sign)):
        return
    if opens:
        message = f"nothing stands on the left of this {piece.symbol!r}"
    else:
        message = f"nothing stands between {before.symbol!r} and {piece.symbol!r}" if before else ""
    raise FormulaError(message, text, piece.start, piece.end)


def _check_power(piece: Piece, text: str) -> None:
    whole = piece.is_number and piece.symbol.isdigit() and 1 <= int(piece.symbol) <= MAX_ORDER
    if not whole:
        raise FormulaError(
            f"a power of terms is a whole number from 1 to {MAX_ORDER}; "
            "for the square of a column write I(x^2)",
            text,
            piece.start,
            piece.end,
        )


def _check_zero(pieces: Sequence[Piece], number: int, text: str) -> None:
    around = [pieces[i] for i in (number - 1, number + 1) if 0 <= i < len(pieces)]
    if not all(p.is_sign or (p.operand is None and p.symbol in "()") for p in around):
        piece = pieces[number]
        raise FormulaError(
            "0 can only be added, to leave the intercept out", text, piece.start, piece.end
        )


def _one(piece: Piece) -> Piece:
    one = Factor("1", "1", "number", (), piece.start, piece.end)
    return replace(piece, symbol="1", operand=one)
